//! Streams that wait: what they take at several numbers, from which more of them than this machine lets open are calculated.

use std::time::Duration;

use crate::cpu::Meter;
use crate::crowds::results::Idle;
use crate::error::Result;
use crate::proc;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::{Audience, Swarm};

/// Opens more and more streams.
pub(super) fn measure(hub: &Campanile, most: usize) -> Result<Vec<Idle>> {
    hub.introduce(most)?;
    let mut swarm = Swarm::new(hub.endpoint())?;
    let (mut steps, mut open) = (Vec::new(), 0);
    for streams in [most / 3, most * 2 / 3, most] {
        let requests: Result<Vec<_>> = (open..streams)
            .map(|user| hub.subscribe(user, Audience::OneUser))
            .collect();
        swarm.open(requests?, hub.opens_at_once())?;
        open = streams;
        swarm.rest(SETTLING)?;
        let before = Meter::of_tree(hub.pid())?;
        swarm.rest(LISTENING)?;
        let spent = Meter::of_tree(hub.pid())?.since(&before);
        steps.push(Idle {
            streams,
            megabytes: proc::pss_of_tree(hub.pid())? as f64 / 1e6,
            of_a_core: spent.total / LISTENING.as_secs_f64(),
        });
    }
    Ok(steps)
}

/// By the line from the first step to the last one.
pub(super) fn calculated(steps: &[Idle], streams: usize) -> Option<Idle> {
    let (first, last) = (steps.first()?, steps.last()?);
    let further = (streams as f64 - last.streams as f64) / (last.streams - first.streams) as f64;
    let on = |of: fn(&Idle) -> f64| of(last) + (of(last) - of(first)) * further;
    Some(Idle {
        streams,
        megabytes: on(|step| step.megabytes),
        of_a_core: on(|step| step.of_a_core),
    })
}

/// One heartbeat of each.
const LISTENING: Duration = Duration::from_secs(15);

const SETTLING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_streams_lie_on_the_line_of_those_that_were_measured() {
        let step = |streams, megabytes| Idle {
            streams,
            megabytes,
            of_a_core: 0.0,
        };

        let far = calculated(&[step(5_000, 30.0), step(15_000, 70.0)], 100_000);

        assert_eq!(far.unwrap().megabytes, 410.0);
    }
}
