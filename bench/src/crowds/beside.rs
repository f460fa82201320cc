//! A publisher and its readers, by turns with and without a crowd that comes and goes beside them.

use hdrhistogram::Histogram;

use crate::args::CrowdsCommand;
use crate::crowds::results::Beside;
use crate::error::Result;
use crate::figures::{median, p99_millis};
use crate::growth::results::DatabaseKind;
use crate::http;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::{Audience, Comings, Pacing, Phase, Plan, Swarm, Waiting};

/// Alarms to members of a room while others join it and leave it; until a member has them.
pub(super) fn presence(hub: &Campanile, command: &CrowdsCommand) -> Result<Beside> {
    let (members, visitors) = (command.clients, VISITORS);
    hub.make_rooms(1)?;
    hub.introduce(members + 2 * visitors)?;
    let watch = |user| -> Result<Vec<u8>> {
        let headers = format!(
            "Accept: text/event-stream\r\n{}",
            Campanile::authorization(user)?
        );
        Ok(http::get(
            &format!("/api/stream?room={}", http::user_name(0)),
            &headers,
        )
        .into_bytes())
    };
    let requests = |users: std::ops::Range<usize>| users.map(watch).collect::<Result<Vec<_>>>();
    let coming = requests(members..members + 2 * visitors)?;
    // A movement is that of one who comes or of one who leaves.
    let per_second = command.movements / 2.0;
    let crowd = Crowd {
        staying: requests(0..members)?,
        coming,
        per_second,
    };
    by_turns(
        hub,
        command,
        crowd,
        (Waiting::Awake, |phase| &phase.latency),
    )
}

/// Alarms to users while others read from the log what they missed, which is no longer in memory; until the publisher is answered.
pub(super) fn replay(
    hub: &Campanile,
    kind: DatabaseKind,
    command: &CrowdsCommand,
) -> Result<Beside> {
    let (readers, visitors) = (command.clients / 10, VISITORS);
    hub.introduce(readers + visitors + 1)?;
    let mut template = hub.publish(Audience::OneUser)?;
    let swarm = Swarm::new(hub.endpoint())?;
    let mut tell = |user| -> Result<String> {
        let request = template.fill(&swarm.stamp_of_none(), user).to_vec();
        http::expect_success(hub.address(), &String::from_utf8(request)?)
    };
    let first = tell(readers + visitors)?;
    let cursor = hub.numbers(&first)?.first().copied().unwrap_or(0);
    for visitor in 0..visitors * MISSED {
        tell(readers + visitor % visitors)?;
    }
    for _ in 0..KEPT_IN_MEMORY {
        tell(readers + visitors)?;
    }
    let coming: Result<Vec<Vec<u8>>> = (readers..readers + visitors)
        .map(|user| hub.resume(user, cursor)?.ok_or_else(|| "no request".into()))
        .collect();
    let watching: Result<Vec<_>> = (0..readers)
        .map(|user| hub.subscribe(user, Audience::OneUser))
        .collect();
    let crowd = Crowd {
        staying: watching?,
        coming: coming?,
        per_second: command.replays,
    };
    let waiting = match kind {
        DatabaseKind::Sqlite => Waiting::Awake,
        // The server may run on the bench's core.
        DatabaseKind::Postgres => Waiting::Asleep,
    };
    by_turns(
        hub,
        command,
        crowd,
        (waiting, |phase| &phase.publish_latency),
    )
}

/// The requests that open the streams of those who stay, and of those who come and go at a rate.
struct Crowd {
    staying: Vec<Vec<u8>>,
    coming: Vec<Vec<u8>>,
    per_second: f64,
}

fn by_turns(
    hub: &Campanile,
    command: &CrowdsCommand,
    crowd: Crowd,
    (waiting, times): (Waiting, fn(&Phase) -> &Histogram<u64>),
) -> Result<Beside> {
    let Crowd {
        staying,
        coming,
        per_second,
    } = crowd;
    let plan = Plan {
        audience: Audience::OneUser,
        publishers: PUBLISHERS,
        pacing: Pacing::Rate {
            per_second: command.rate,
        },
        waiting,
        lasting: command.lasting(),
    };
    let (stay, half) = (staying.len(), VISITORS);
    let mut swarm = Swarm::new(hub.endpoint())?;
    swarm.open(staying, hub.opens_at_once())?;
    swarm.open(
        coming.iter().take(half).cloned().collect(),
        hub.opens_at_once(),
    )?;
    swarm.publishers(plan.publishers, &hub.publish(plan.audience)?)?;
    let mut none = Comings::new(coming.clone(), stay, half, 0.0);
    let mut many = Comings::new(coming, stay, half, per_second);
    let warming = Plan {
        lasting: plan.lasting / 4,
        ..plan
    };
    swarm.publish_beside(&warming, &mut many)?;
    let (mut without, mut with, before) = (Vec::new(), Vec::new(), many.come());
    for _ in 0..command.rounds {
        without.push(p99_millis(times(&swarm.publish_beside(&plan, &mut none)?)));
        with.push(p99_millis(times(&swarm.publish_beside(&plan, &mut many)?)));
    }
    let seconds = plan.lasting.as_secs_f64() * command.rounds as f64;
    if swarm.ends().cut_off > 0 {
        return Err(format!("{} streams were cut off", swarm.ends().cut_off).into());
    }
    let (without, with) = (median(without), median(with));
    eprintln!("  p99 {without:.2} ms without the crowd, {with:.2} ms beside it");
    Ok(Beside {
        without,
        with,
        came_per_second: (many.come() - before) as f64 / seconds,
    })
}

/// Visitors at a time.
const VISITORS: usize = 250;

const PUBLISHERS: usize = 16;

/// Alarms that a visitor missed.
const MISSED: usize = 20;

/// More than the alarms that a hub remembers for those who come back.
const KEPT_IN_MEMORY: usize = 600;
