//! What is remembered: the log, inbox state, users, rooms and revoked tokens, in Diesel on one of two databases.
//! Knows nothing of who is connected. All work runs on threads of its own, one for each connection.

mod accounts;
mod append;
mod checkpoint;
mod connection;
mod error;
mod inbox;
mod lane;
mod location;
mod log;
mod marks;
mod opening;
mod pruning;
mod rooms;
mod schema;
mod tokens;
mod users;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::metrics::Metrics;
use crate::store::accounts::Accounts;
use crate::store::connection::DbConnection;
use crate::store::lane::Lane;

pub(crate) use crate::store::accounts::Remembered;
pub(crate) use crate::store::append::{Idempotency, Refusal, Stored, Submission};
pub(crate) use crate::store::error::{OpenError, StoreError};
pub(crate) use crate::store::inbox::{Counts, Inbox, Mark, Page, Receipt, Status};
pub(crate) use crate::store::location::Location;

pub(crate) use crate::store::rooms::Room;
pub(crate) use crate::store::users::{Account, NewAccount, Upserted};

/// Access to the database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    lookups: Lane,
    readers: Lane,
    writers: Lane,
    accounts: Accounts,
    metrics: Metrics,
    /// Whether there may be something a checkpoint has to copy.
    written: Arc<AtomicBool>,
    /// The lock of a database file; it goes with its last clone.
    lock: Option<Arc<File>>,
}

impl Store {
    /// Whether nobody else writes alarms: a database file has one hub.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// Whether the database answers.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.read(Read::Other, |connection| {
            log::head(connection).map(|_head| ())
        })
        .await
    }

    async fn read<T, F>(&self, what: Read, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.metrics.store_read(what.label());
        let lane = match what {
            Read::Account | Read::Counts | Read::Head | Read::Receipts => &self.lookups,
            Read::Inbox | Read::Replay | Read::Other => &self.readers,
        };
        lane.run(work).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let written = Arc::clone(&self.written);
        self.writers
            .run(move |connection| {
                let done = work(connection);
                written.store(true, Ordering::Relaxed);
                done
            })
            .await
    }
}

/// What is read, as the figures tell it apart.
#[derive(Debug, Clone, Copy)]
enum Read {
    Account,
    Counts,
    Head,
    Inbox,
    Receipts,
    Replay,
    Other,
}

impl Read {
    fn label(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Counts => "counts",
            Self::Head => "head",
            Self::Inbox => "inbox",
            Self::Receipts => "receipts",
            Self::Replay => "replay",
            Self::Other => "other",
        }
    }
}
