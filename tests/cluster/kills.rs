//! The torture over three hubs, a primary and a synchronous standby: hubs are killed, the primary is killed and the standby promoted, the
//! old primary becomes the new standby; then a ledger compares every answer with what each client saw. A client whose hub dies goes on at
//! any other, with its cursor.
//!
//! `CAMPANILE_TORTURE_SECONDS` asks for a longer run, `CAMPANILE_TORTURE_SEED` for the same decisions again. The long run, ten minutes with
//! a release build:
//! `CAMPANILE_TEST_BINARY=target/release/campanile CAMPANILE_TORTURE_SECONDS=600 cargo test --test cluster killed_and_promoted -- --nocapture`

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::servers::Servers;
use crate::support::{AppBuilder, TestApp};
use crate::torture::arena::Arena;
use crate::torture::ledger::{Ledger, Promise, Witness};
use crate::torture::{listener, publisher};

const HUBS: usize = 3;

const PUBLISHERS: u64 = 10;

/// Long enough for some kills and a promotion.
const SECONDS: u64 = 12;

/// From this length on the run must show what is promised of ten minutes.
const LONG: Duration = Duration::from_secs(600);

/// Kills come at random moments this far apart, in milliseconds.
const CALM: std::ops::Range<u64> = 200..4_000;

/// The time that all readers have to catch up after the last alarm was published.
const CATCH_UP: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_repeated_or_reordered_when_hubs_are_killed_and_promoted_servers_take_over()
{
    let seed = setting("CAMPANILE_TORTURE_SEED").unwrap_or_else(rand::random);
    let seconds = setting("CAMPANILE_TORTURE_SECONDS").unwrap_or(SECONDS);
    eprintln!("CAMPANILE_TORTURE_SEED={seed} CAMPANILE_TORTURE_SECONDS={seconds}");
    let run = Run {
        seed,
        length: Duration::from_secs(seconds),
    };
    run.on(Servers::start().await).await;
}

fn setting(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a number"))
}

/// One run: who decides what, and for how long.
struct Run {
    seed: u64,
    length: Duration,
}

#[derive(Default)]
struct Kills {
    hubs: u64,
    promotions: u64,
}

impl Run {
    async fn on(&self, mut servers: Servers) {
        let mut hubs = join_all((0..HUBS).map(|_hub| torture_hub(&servers.url))).await;
        let arena = Arena::open(&hubs).await;
        let mut listeners = JoinSet::new();
        for (number, seat) in (0..).zip(arena.seats()) {
            let rng = self.rng(1, number);
            listeners.spawn(listener::listen(Arc::clone(&arena), rng, seat));
        }
        let mut publishers = JoinSet::new();
        for number in 0..PUBLISHERS {
            publishers.spawn(publisher::publish(Arc::clone(&arena), self.rng(2, number)));
        }

        let begin = Instant::now();
        let kills = self.attack(&mut hubs, &mut servers, &arena).await;
        arena.stop_publishing();
        let mut promises: Vec<Promise> = publishers.join_all().await.concat();
        promises.push(publisher::publish_last(&arena).await);
        let last = arena.end(promises.last());
        let witnesses = tokio::time::timeout(CATCH_UP, listeners.join_all()).await;
        let witnesses: Vec<Witness> = witnesses
            .unwrap_or_else(|_| panic!("not everybody saw alarm {last} within {CATCH_UP:?}"));

        let verdict = Ledger::new(servers.log(), promises).judge(&witnesses);
        eprintln!(
            "{:?}: {} kills of hubs, {} promotions; {}\n{verdict}",
            begin.elapsed(),
            kills.hubs,
            kills.promotions,
            arena.tally()
        );
        verdict.assert_clean();
        assert!(kills.hubs > 0 && kills.promotions > 0, "nothing is shown");
        if self.length >= LONG {
            let deliveries = arena.tally().deliveries.load(Ordering::Relaxed);
            assert!(kills.hubs >= 30 && kills.promotions >= 10 && deliveries >= 1_000_000);
        }
    }

    /// Kills hubs and primaries at random moments until the time is over, a hub and a primary at least.
    async fn attack(&self, hubs: &mut [TestApp], servers: &mut Servers, arena: &Arena) -> Kills {
        let mut rng = self.rng(0, 0);
        let mut kills = Kills::default();
        let end = Instant::now() + self.length;
        while Instant::now() < end || kills.promotions == 0 {
            arena
                .pause(Duration::from_millis(rng.random_range(CALM)))
                .await;
            // A short run may have time for few kills.
            let promotes = kills.hubs > 0 && (kills.promotions == 0 || rng.random_ratio(1, 6));
            let mut chosen = victims(&mut rng);
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

    /// Each participant has a random generator of its own, so that the order of execution changes no decision.
    fn rng(&self, kind: u64, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (kind << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
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

async fn torture_hub(url: &str) -> TestApp {
    AppBuilder::default()
        // The last ping shows that nothing follows the last alarm.
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "1000")
        .env("CAMPANILE_DATABASE_URL", url)
        .spawn()
        .await
}
