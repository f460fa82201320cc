//! The promise of the hub under everything a server meets: its process is killed again and again while publishers
//! publish and clients connect, stall, cut off and resume; then a ledger compares every answer with what each client saw.
//!
//! `CAMPANILE_TORTURE_SECONDS` asks for a longer run, `CAMPANILE_TORTURE_SEED` for the same decisions again.
//! `CAMPANILE_TEST_DATABASE=postgres` kills the database as well.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

#[expect(
    dead_code,
    reason = "shared with the tests of several hubs, which use more of it"
)]
#[path = "../support/torture/mod.rs"]
mod torture;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use support::{AppBuilder, TestApp};
use torture::arena::Arena;
use torture::database::{Database, PostgresServer, Sqlite};
use torture::ledger::{Ledger, Promise, Witness};
use torture::{listener, publisher};

const PUBLISHERS: u64 = 6;

/// The duration for a debug build, long enough for a few kills; a release is measured over ten minutes.
const SECONDS: u64 = 15;

/// Kills come at random moments this far apart, in milliseconds.
const CALM: std::ops::Range<u64> = 200..5_000;

/// The time that all readers have to catch up after the last alarm was published.
const CATCH_UP: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_repeated_or_reordered_however_often_the_server_is_killed() {
    let seed = setting("CAMPANILE_TORTURE_SEED").unwrap_or_else(rand::random);
    let seconds = setting("CAMPANILE_TORTURE_SECONDS").unwrap_or(SECONDS);
    eprintln!("CAMPANILE_TORTURE_SEED={seed} CAMPANILE_TORTURE_SECONDS={seconds}");
    let run = Run {
        seed,
        length: Duration::from_secs(seconds),
    };
    match std::env::var("CAMPANILE_TEST_DATABASE").as_deref() {
        Ok("postgres") => run.on(PostgresServer::start()).await,
        _ => run.on(Sqlite).await,
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

/// One run: who decides what, and for how long.
struct Run {
    seed: u64,
    length: Duration,
}

#[derive(Default)]
struct Kills {
    server: u64,
    database: u64,
}

impl Run {
    async fn on(&self, mut database: impl Database) {
        let mut app = self.server(&database).await;
        let arena = Arena::open(std::slice::from_ref(&app)).await;
        let mut listeners = JoinSet::new();
        for (number, seat) in (0..).zip(arena.seats()) {
            listeners.spawn(listener::listen(
                Arc::clone(&arena),
                self.rng(1, number),
                seat,
            ));
        }
        let mut publishers = JoinSet::new();
        for number in 0..PUBLISHERS {
            publishers.spawn(publisher::publish(Arc::clone(&arena), self.rng(2, number)));
        }

        let begin = Instant::now();
        let kills = self.attack(&mut app, &mut database, &arena).await;
        arena.stop_publishing();
        let mut promises: Vec<Promise> = publishers.join_all().await.concat();
        promises.push(publisher::publish_last(&arena).await);
        let last = arena.end(promises.last());
        let witnesses = tokio::time::timeout(CATCH_UP, listeners.join_all()).await;
        let witnesses: Vec<Witness> = witnesses
            .unwrap_or_else(|_| panic!("not everybody saw alarm {last} within {CATCH_UP:?}"));
        app.stop().await;

        let ledger = Ledger::new(database.log(app.folder()), promises);
        let verdict = ledger.judge(&witnesses);
        eprintln!(
            "{:?}: {} kills of the server, {} of the database; {}\n{verdict}",
            begin.elapsed(),
            kills.server,
            kills.database,
            arena.tally()
        );
        assert!(kills.server > 0, "a run without a kill shows nothing");
        verdict.assert_clean();
    }

    async fn server(&self, database: &impl Database) -> TestApp {
        let mut builder = AppBuilder::default()
            // The last ping shows that nothing follows the last alarm.
            .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
            .env("CAMPANILE_MAX_STREAMS_PER_USER", "1000");
        if let Some(url) = database.url() {
            builder = builder.env("CAMPANILE_DATABASE_URL", &url);
        }
        builder.spawn().await
    }

    /// Kills the server, or its database, at random moments until the time is over.
    async fn attack(
        &self,
        app: &mut TestApp,
        database: &mut impl Database,
        arena: &Arena,
    ) -> Kills {
        let mut rng = self.rng(0, 0);
        let mut kills = Kills::default();
        let end = Instant::now() + self.length;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let calm = Duration::from_millis(rng.random_range(CALM));
            arena.pause(calm.min(left)).await;
            if calm >= left {
                return kills;
            }
            // The server first: a short run may have time for few kills, and each has one of the server.
            if kills.server > 0 && database.has_process() && rng.random_ratio(1, 3) {
                database.kill_and_restart().await;
                kills.database += 1;
            } else {
                arena.is_down(0);
                app.kill().await;
                app.restart().await;
                arena.is_up(0, app);
                kills.server += 1;
            }
        }
    }

    /// Each participant has a random generator of its own, so that the order of execution changes no decision.
    fn rng(&self, kind: u64, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (kind << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
