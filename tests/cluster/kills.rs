//! The torture over three hubs, a primary and a synchronous standby: hubs are killed, the primary is killed and the standby promoted, the
//! old primary becomes the new standby; then a ledger compares every answer with what each client saw. A client whose hub dies goes on at
//! any other, with its cursor.
//!
//! `CAMPANILE_TORTURE_SECONDS` asks for a longer run, `CAMPANILE_TORTURE_SEED` for the same decisions again. The long run, ten minutes with
//! a release build:
//! `CAMPANILE_TEST_BINARY=target/release/campanile CAMPANILE_TORTURE_SECONDS=600 cargo test --test cluster killed_and_promoted -- --nocapture`

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::servers::Servers;
use crate::support::TestApp;
use crate::torture::arena::Arena;
use crate::torture::ledger::Ledger;
use crate::trial::{Trial, rng, setting, trial_hub};

const HUBS: usize = 3;

/// Long enough for some kills and a promotion.
const SECONDS: u64 = 12;

/// From this length on the run must show what is promised of ten minutes.
const LONG: Duration = Duration::from_secs(600);

/// Kills come at random moments this far apart, in milliseconds.
const CALM: std::ops::Range<u64> = 200..4_000;

#[derive(Default)]
struct Kills {
    hubs: u64,
    promotions: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_repeated_or_reordered_when_hubs_are_killed_and_promoted_servers_take_over()
{
    let seed = setting("CAMPANILE_TORTURE_SEED").unwrap_or_else(rand::random);
    let seconds = setting("CAMPANILE_TORTURE_SECONDS").unwrap_or(SECONDS);
    eprintln!("CAMPANILE_TORTURE_SEED={seed} CAMPANILE_TORTURE_SECONDS={seconds}");
    let length = Duration::from_secs(seconds);
    let mut servers = Servers::start().await;
    let mut hubs = join_all((0..HUBS).map(|_hub| trial_hub(&servers.url, &servers.url))).await;
    let trial = Trial::begin(&hubs, seed).await;
    let arena = trial.arena.clone();

    let end = Instant::now() + length;
    let kills = attack(&mut rng(seed, 0, 0), end, &mut hubs, &mut servers, &arena).await;
    let (promises, witnesses) = trial.end().await;

    let verdict = Ledger::new(servers.log(), promises).judge(&witnesses);
    eprintln!(
        "{length:?}: {} kills of hubs, {} promotions; {}\n{verdict}",
        kills.hubs,
        kills.promotions,
        arena.tally()
    );
    verdict.assert_clean();
    assert!(kills.hubs > 0 && kills.promotions > 0, "nothing is shown");
    if length >= LONG {
        let deliveries = arena.tally().deliveries.load(Ordering::Relaxed);
        assert!(kills.hubs >= 30 && kills.promotions >= 10 && deliveries >= 1_000_000);
    }
}

/// Kills hubs and primaries at random moments until the time is over, a hub and a primary at least.
async fn attack(
    rng: &mut StdRng,
    end: Instant,
    hubs: &mut [TestApp],
    servers: &mut Servers,
    arena: &Arena,
) -> Kills {
    let mut kills = Kills::default();
    while Instant::now() < end || kills.promotions == 0 {
        let calm = Duration::from_millis(rng.random_range(CALM));
        arena.pause(calm).await;
        // A short run may have time for few kills.
        let promotes = kills.hubs > 0 && (kills.promotions == 0 || rng.random_ratio(1, 6));
        let mut chosen = victims(rng);
        if promotes && rng.random() {
            chosen.clear();
        }
        for hub in &chosen {
            arena.is_down(*hub);
            hubs[*hub].kill().await;
            kills.hubs += 1;
        }
        if promotes {
            servers.cut_power_of_primary();
            servers.take_turns().await;
            kills.promotions += 1;
        }
        for hub in chosen {
            hubs[hub].restart().await;
            arena.is_up(hub, &hubs[hub]);
        }
    }
    kills
}

/// Mostly one hub, at times two or all.
fn victims(rng: &mut StdRng) -> Vec<usize> {
    let first = rng.random_range(0..HUBS);
    let count = match rng.random_range(0..8) {
        0 => HUBS,
        1 => 2,
        _ => 1,
    };
    (first..first + count).map(|hub| hub % HUBS).collect()
}
