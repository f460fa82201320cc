//! Publishing while the older half of the log is pruned.

use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::error::Result;
use crate::growth::questions::publish;
use crate::growth::results::Cost;
use crate::servers::campanile::Campanile;

/// One publisher, one alarm after the other from the hub's start on, when it prunes: the time below which 99 of 100 are
/// answered.
pub(super) fn publish_beside(hub: &Campanile) -> Result<Cost> {
    let mut caller = Caller::connect(hub.address())?;
    let begin = Instant::now();
    let mut times = Vec::new();
    while begin.elapsed() < LASTING {
        times.push(caller.ask(&publish(times.len())?)?.took);
    }
    times.sort_unstable();
    let at = times.len() * 99 / 100;
    Ok(Cost {
        name: "publish beside pruning, p99",
        millis: times.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3,
    })
}

const LASTING: Duration = Duration::from_secs(3);
