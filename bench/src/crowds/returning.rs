//! Everybody comes back at once, each twenty alarms behind: to a hub that runs, and to one that was just killed and started again.

use std::time::Duration;

use crate::crowds::results::{Again, Return, Returning};
use crate::error::Result;
use crate::http;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::{Audience, Pacing, Plan, Swarm, Waiting};

/// A client that is refused, for example with a 503, ends the measurement.
pub(super) fn measure(hub: Campanile, again: Again<'_>, clients: usize) -> Result<Returning> {
    hub.introduce(clients + 1)?;
    let mut swarm = Swarm::new(hub.endpoint())?;
    // The first time fills caches.
    for_each_missed(&hub, &mut swarm, clients)
        .and_then(|cursors| served(&hub, &mut swarm, clients, &cursors))?;
    let cursors = for_each_missed(&hub, &mut swarm, clients)?;
    let warm = served(&hub, &mut swarm, clients, &cursors)?;
    let cursors = for_each_missed(&hub, &mut swarm, clients)?;
    hub.kill()?;
    let hub = again()?;
    swarm.move_to(hub.endpoint());
    let killed = served(&hub, &mut swarm, clients, &cursors)?;
    eprintln!(
        "  all back in {:.2} s, just after a kill in {:.2} s",
        warm.seconds, killed.seconds
    );
    Ok(Returning {
        warm,
        killed,
        cursors: cursors.len(),
    })
}

/// Publishes what everybody misses; gives the places in the log where they were cut off.
fn for_each_missed(hub: &Campanile, swarm: &mut Swarm, clients: usize) -> Result<Vec<u64>> {
    let mut template = hub.publish(Audience::OneUser)?;
    let mut cursors = Vec::new();
    for _ in 0..CURSORS {
        let request = template.fill(&swarm.stamp_of_none(), clients).to_vec();
        let answer = http::expect_success(hub.address(), &String::from_utf8(request)?)?;
        cursors.extend(hub.numbers(&answer)?);
    }
    let plan = Plan {
        audience: Audience::Everyone,
        publishers: 1,
        pacing: Pacing::Closed { window: 1 },
        waiting: Waiting::Awake,
        lasting: Duration::ZERO,
    };
    let mut template = hub.publish(Audience::Everyone)?;
    for stamp in swarm.owe(&plan, clients, MISSED)? {
        let request = String::from_utf8(template.fill(&stamp, 0).to_vec())?;
        http::expect_success(hub.address(), &request)?;
    }
    Ok(cursors)
}

fn served(hub: &Campanile, swarm: &mut Swarm, clients: usize, cursors: &[u64]) -> Result<Return> {
    let requests: Result<Vec<Vec<u8>>> = (0..clients)
        .map(|user| {
            let cursor = cursors
                .get(user % cursors.len().max(1))
                .copied()
                .unwrap_or(0);
            hub.resume(user, cursor)?.ok_or_else(|| "no request".into())
        })
        .collect();
    let reads = || -> Result<u64> { Ok(hub.store_reads()?.get("replay").copied().unwrap_or(0)) };
    let before = reads()?;
    let phase = swarm.come_back(requests?)?;
    swarm.close();
    Ok(Return {
        seconds: phase.seconds(),
        reads: reads()? - before,
        lost: phase.reconcile().lost,
    })
}

/// Alarms that each missed.
const MISSED: usize = 20;

/// Places in the log where they were cut off.
const CURSORS: usize = 16;
