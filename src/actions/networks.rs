//! Right sign-ins whose network the database does not know of yet. They are stored beside the requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::alarm::{Timestamp, UserId};
use crate::net::Network;
use crate::store::{SignIn, Store, StoreError};

/// The sign-ins to be stored. Cheap to clone, all clones hold the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewNetworks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<BTreeMap<(UserId, Network), Timestamp>>,
    added: Notify,
}

impl NewNetworks {
    /// Keeps a sign-in to be stored soon.
    pub(super) fn keep(&self, user_id: &UserId, network: Network) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST_WAITING {
            waiting.insert((user_id.clone(), network), Timestamp::now());
        }
        drop(waiting);
        self.0.added.notify_one();
    }

    /// Waits until there is something to store.
    pub(crate) async fn added(&self) {
        self.0.added.notified().await;
    }

    /// Stores what there is. The first failure ends the attempt: the next would fail as well.
    pub(crate) async fn store(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let batch = self.batch();
            if batch.is_empty() {
                return Ok(());
            }
            let sign_ins = batch.iter().map(|((user_id, network), at)| SignIn {
                user_id: user_id.clone(),
                network: network.to_string(),
                at: *at,
            });
            store.keep_networks(sign_ins.collect()).await?;
            let mut waiting = self.waiting();
            for (key, at) in batch {
                if waiting.get(&key) == Some(&at) {
                    waiting.remove(&key);
                }
            }
        }
    }

    /// The first of them, sorted.
    fn batch(&self) -> Vec<((UserId, Network), Timestamp)> {
        let waiting = self.waiting();
        let first = waiting.iter().take(BATCH);
        first.map(|(key, at)| (key.clone(), *at)).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<(UserId, Network), Timestamp>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some megabytes. Those beyond it are known to this hub only, until its end.
const MOST_WAITING: usize = 10_000;

/// A transaction of some milliseconds.
const BATCH: usize = 100;
