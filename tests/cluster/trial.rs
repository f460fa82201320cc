//! Shared by the tests with random faults: hubs under load of every kind, and the record of each request and each client.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use crate::support::{AppBuilder, TestApp};
use crate::torture::arena::Arena;
use crate::torture::ledger::{Promise, Witness};
use crate::torture::{listener, publisher};

const PUBLISHERS: u64 = 10;

/// The time that all readers have to catch up after the last alarm was published.
const CATCH_UP: Duration = Duration::from_secs(120);

/// Clients and publishers at work.
pub(crate) struct Trial {
    pub(crate) arena: Arc<Arena>,
    listeners: JoinSet<Witness>,
    publishers: JoinSet<Vec<Promise>>,
}

impl Trial {
    pub(crate) async fn begin(hubs: &[TestApp], seed: u64) -> Self {
        let arena = Arena::open(hubs).await;
        let mut listeners = JoinSet::new();
        for (number, seat) in (0..).zip(arena.seats()) {
            let rng = rng(seed, 1, number);
            listeners.spawn(listener::listen(Arc::clone(&arena), rng, seat));
        }
        let mut publishers = JoinSet::new();
        for number in 0..PUBLISHERS {
            let rng = rng(seed, 2, number);
            publishers.spawn(publisher::publish(Arc::clone(&arena), rng));
        }
        Self {
            arena,
            listeners,
            publishers,
        }
    }

    /// Ends the publishing and waits until everybody has seen the last alarm.
    pub(crate) async fn end(self) -> (Vec<Promise>, Vec<Witness>) {
        self.arena.stop_publishing();
        let mut promises: Vec<Promise> = self.publishers.join_all().await.concat();
        promises.push(publisher::publish_last(&self.arena).await);
        let last = self.arena.end(promises.last());
        let witnesses = tokio::time::timeout(CATCH_UP, self.listeners.join_all()).await;
        let witnesses = witnesses
            .unwrap_or_else(|_| panic!("not everybody saw alarm {last} within {CATCH_UP:?}"));
        (promises, witnesses)
    }
}

/// A number from the environment.
pub(crate) fn setting(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a number"))
}

/// Each participant has a random generator of its own, so that the order of execution changes no decision.
pub(crate) fn rng(seed: u64, kind: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ (kind << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A hub on a database, with the bell over a way of its own.
pub(crate) async fn trial_hub(url: &str, notify_url: &str) -> TestApp {
    AppBuilder::default()
        // The last ping shows that nothing follows the last alarm.
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "1000")
        .env("CAMPANILE_DATABASE_URL", url)
        .env("CAMPANILE_NOTIFY_URL", notify_url)
        .spawn()
        .await
}
