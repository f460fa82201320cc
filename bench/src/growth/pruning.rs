//! Publishing at half of the possible rate, without and with the older half of the log being pruned beside it.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::figures::p99_millis;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::growth::hub::start;
use crate::growth::results::{Cost, Pruning};
use crate::report::Spread;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::{Audience, Pacing, Phase, Plan, Swarm, Waiting};

/// Finds the rate, then publishes at half of it: first at a hub that keeps everything, then at one that begins to prune.
pub(super) fn measure(
    ground: &Ground,
    database: &Database,
    rows: u64,
    most: Duration,
) -> Result<Pruning> {
    let hub = start(ground, database, &[("CAMPANILE_RETENTION_DAYS", KEPT_DAYS)])?;
    let mut swarm = crowd(&hub)?;
    let full = swarm.publish(&plan(Pacing::Closed { window: 1 }, LASTING))?;
    let per_second = full.answered as f64 / full.seconds() / 2.0;
    let paced = Pacing::Rate { per_second };
    let mut calm = Vec::new();
    for _ in 0..CALM_PHASES {
        calm.push(p99(&swarm.publish(&plan(paced, LASTING))?));
    }
    drop((swarm, hub));

    let hub = start(
        ground,
        database,
        &[("CAMPANILE_RETENTION_DAYS", PRUNED_DAYS)],
    )?;
    let begin = Instant::now();
    let mut swarm = crowd(&hub)?;
    let mut beside = vec![p99(&swarm.publish(&plan(paced, LASTING))?)];
    let (mut seconds, mut batches) = (begin.elapsed(), hub.metric(BATCHES)?);
    while seconds < most {
        let phase = swarm.publish(&plan(paced, LASTING))?;
        let now = hub.metric(BATCHES)?;
        if now == batches {
            break;
        }
        beside.push(p99(&phase));
        (seconds, batches) = (begin.elapsed(), now);
    }
    let short = hub.metric(SHORT_BATCHES)?;
    drop((swarm, hub));
    Ok(Pruning {
        per_second,
        calm_p99: Spread::of(calm),
        beside_p99: Spread::of(beside),
        rows: pruned(database, rows)?,
        seconds: seconds.as_secs_f64(),
        batches: batches.unwrap_or(0.0),
        short_batches: short.unwrap_or(0.0),
    })
}

impl Pruning {
    /// As costs of requests.
    pub(super) fn costs(&self) -> [Cost; 2] {
        [
            ("publish at half rate, p99", self.calm_p99.median),
            (
                "publish at half rate beside pruning, p99",
                self.beside_p99.median,
            ),
        ]
        .map(|(name, millis)| Cost { name, millis })
    }
}

/// Publishers, and streams of those who get their alarms.
fn crowd(hub: &Campanile) -> Result<Swarm> {
    hub.introduce(STREAMS)?;
    let mut swarm = Swarm::new(hub.endpoint())?;
    let requests: Result<Vec<_>> = (0..STREAMS)
        .map(|user| hub.subscribe(user, Audience::OneUser))
        .collect();
    swarm.open(requests?, hub.opens_at_once())?;
    swarm.publishers(PUBLISHERS, &hub.publish(Audience::OneUser)?)?;
    Ok(swarm)
}

/// The database may run on the bench's core, so the bench sleeps while nothing comes.
fn plan(pacing: Pacing, lasting: Duration) -> Plan {
    Plan {
        audience: Audience::OneUser,
        publishers: PUBLISHERS,
        pacing,
        waiting: Waiting::Asleep,
        lasting,
    }
}

/// The alarms and receipts of the older half that are gone.
fn pruned(database: &Database, rows: u64) -> Result<u64> {
    let number = |sql| -> Result<u64> { Ok(database.sql(sql)?.trim().parse()?) };
    let alarms = number("SELECT pruned_up_to FROM log_head;")?;
    let receipts = number("SELECT count(*) FROM receipts;")?;
    Ok(alarms + (rows / 2).saturating_sub(receipts))
}

/// Of the time until an alarm is answered.
fn p99(phase: &Phase) -> f64 {
    p99_millis(&phase.publish_latency)
}

const STREAMS: usize = 100;

const PUBLISHERS: usize = 256;

/// One phase. A disk that stands still for a moment spoils one of them.
const LASTING: Duration = Duration::from_secs(4);

const CALM_PHASES: usize = 5;

const BATCHES: &str = "campanile_pruning_seconds_count ";

const SHORT_BATCHES: &str = "campanile_pruning_seconds_bucket{le=\"0.01\"} ";

/// Longer than the age of anything that is filled in.
pub(super) const KEPT_DAYS: &str = "3650";

/// Less than the age of the older half.
const PRUNED_DAYS: &str = "90";
