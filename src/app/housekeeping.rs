//! Work that runs beside the requests: pruning, and copying the write-ahead log.

use std::time::Duration;

use crate::store::Store;

/// Prunes at start and once an hour, a batch at a time, with a pause for publishers between batches.
pub(super) async fn prune(store: Store, retention: Duration) {
    loop {
        match store.prune_alarms(retention).await {
            Ok(count) if count == Store::PRUNE_BATCH => {
                tokio::time::sleep(PRUNE_PAUSE).await;
                continue;
            }
            Ok(_rest) => {}
            Err(cause) => log::warn!("pruning failed and is tried again: {cause}"),
        }
        if let Err(cause) = store.prune_keys().await {
            log::warn!("pruning keys failed and is tried again: {cause}");
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

/// Keeps the write-ahead log of a database file short.
pub(super) async fn checkpoint(store: Store) {
    loop {
        tokio::time::sleep(CHECKPOINT_EVERY).await;
        if let Err(cause) = store.checkpoint().await {
            log::warn!("a checkpoint failed and is tried again: {cause}");
        }
    }
}

/// Some hundred commits of a busy hub, a few hundred pages to copy.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

const PRUNE_PAUSE: Duration = Duration::from_millis(20);
