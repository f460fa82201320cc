//! A property, checked over random schedules of faults: every client sees exactly the log. The faults are a hub that crashes, a bell that
//! falls silent, a hub that stands still until its lease is ended, and a server that takes over without rows that were shown.
//!
//! It drives real hubs and real servers and no model of them: what decides the order (the lock on the counter of ids, the trigger, the reads
//! of the log) is in the database, so a model of it would be the thing to test. `CAMPANILE_FAULTS_SEED` gives the same schedule again,
//! `CAMPANILE_FAULTS` another number of faults.

use std::time::Duration;

use futures::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::link::{Conduct, Link, Way};
use crate::servers::Servers;
use crate::support::TestApp;
use crate::support::postgres::signal;
use crate::torture::arena::Arena;
use crate::torture::ledger::Ledger;
use crate::trial::{Trial, rng, setting, trial_hub};

const HUBS: usize = 3;

/// Beside the server that takes over.
const FAULTS: u64 = 4;

/// Longer than a lease without a beat.
const STANDING_STILL: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A hub is killed and started again.
    Crash { hub: usize },
    /// A hub hears no bell, and its ringing is not heard.
    Silence { hub: usize, way: Way },
    /// A hub is stopped and goes on after its lease was ended.
    StandStill { hub: usize },
    /// The standby takes over and lacks rows that were shown.
    Regress,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_sees_exactly_the_log_under_a_random_schedule_of_faults() {
    let seed = setting("CAMPANILE_FAULTS_SEED").unwrap_or_else(rand::random);
    let faults = setting("CAMPANILE_FAULTS").unwrap_or(FAULTS);
    let mut decisions = rng(seed, 0, 0);
    let schedule = schedule(&mut decisions, faults);
    eprintln!("CAMPANILE_FAULTS_SEED={seed} CAMPANILE_FAULTS={faults}: {schedule:?}");
    let servers = Servers::start().await;
    let links = join_all((0..HUBS).map(|_hub| Link::before(servers.by_primary()))).await;
    let hubs = links
        .iter()
        .map(|(_link, over)| trial_hub(&servers.url, over));
    let mut hubs = join_all(hubs).await;
    let trial = Trial::begin(&hubs, seed).await;
    let arena = trial.arena.clone();
    let mut regressed = false;

    for fault in schedule {
        let calm = Duration::from_millis(decisions.random_range(200..1_500));
        arena.pause(calm).await;
        match fault {
            Fault::Crash { hub } => crash(&arena, hub, &mut hubs[hub]).await,
            Fault::Silence { hub, way } => {
                links[hub].0.now(Conduct::Hold(way));
                arena.pause(Duration::from_secs(1)).await;
                links[hub].0.now(Conduct::Pass);
            }
            Fault::StandStill { hub } => {
                let process = [hubs[hub].process_id()];
                signal("-STOP", &process);
                arena.pause(STANDING_STILL).await;
                signal("-CONT", &process);
            }
            Fault::Regress => {
                servers.lose_what_was_shown().await;
                regressed = true;
            }
        }
    }
    let (promises, witnesses) = trial.end().await;

    let log = servers.log_of_standby();
    let verdict = Ledger::new(log, promises).judge_after_a_loss(&witnesses);
    eprintln!("{}\n{verdict}", arena.tally());
    verdict.assert_clean();
    assert!(regressed && verdict.jumps == 1, "one server took over");
}

/// Random faults, and one server that takes over at a random place among them.
fn schedule(rng: &mut StdRng, faults: u64) -> Vec<Fault> {
    let mut schedule = vec![Fault::Regress];
    for number in 0..faults {
        let hub = rng.random_range(0..HUBS);
        let way = [Way::ToHub, Way::ToServer, Way::Both][rng.random_range(0..3)];
        // Each kind in turn, so that a short schedule has all of them.
        schedule.push(match number % 4 {
            0 | 2 => Fault::Crash { hub },
            1 => Fault::Silence { hub, way },
            _ => Fault::StandStill { hub },
        });
    }
    schedule.shuffle(rng);
    schedule
}

async fn crash(arena: &Arena, number: usize, hub: &mut TestApp) {
    arena.is_down(number);
    hub.kill().await;
    hub.restart().await;
    arena.is_up(number, hub);
}
