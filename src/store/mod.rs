//! Persistence: the log, inboxes, users, rooms and revoked tokens, with Diesel on SQLite or PostgreSQL. It knows
//! nothing of connected clients. All work runs on its own threads, one for each connection.

mod account_cache;
mod account_changes;
mod account_counts;
mod accounts;
mod alarm_types;
mod api_keys;
mod append;
mod audit;
mod budget;
mod checkpoint;
mod connection;
mod copying;
mod counts;
mod deliveries;
mod display_names;
mod epoch;
mod error;
mod examination;
mod expiry;
mod files;
mod former;
mod hubs;
mod inbox;
mod kinds;
mod lane;
mod leaving;
mod listing;
mod location;
mod log;
mod marks;
mod networks;
mod opening;
mod postgres;
mod prepared;
mod presence;
mod pruning;
mod replay;
mod resuming;
mod retracting;
mod rooms;
mod roster;
mod schema;
mod settling;
mod signals;
mod signing_keys;
mod sqlite;
mod standby;
mod tokens;
mod updates;
mod users;
mod version;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::store::account_cache::Accounts;
use crate::store::append::Unwritten;
use crate::store::budget::Budget;
use crate::store::connection::DbConnection;
use crate::store::expiry::NextExpiry;
use crate::store::lane::Lane;
use crate::store::signals::Heard;

pub(crate) use crate::store::account_cache::{Known as KnownAccount, Remembered};
pub(crate) use crate::store::account_changes::ACCOUNTS;
pub(crate) use crate::store::accounts::AccountCount;
pub(crate) use crate::store::alarm_types::{Declared, MOST_BYTES, MOST_TYPES};
pub(crate) use crate::store::api_keys::{KeyAdded, MOST_KEYS, WhichKey};
pub(crate) use crate::store::append::{Idempotency, Refusal, Stored, Submission};
pub(crate) use crate::store::audit::{Actor, AuditEntry, KeyUse};
pub(crate) use crate::store::budget::Share;
pub(crate) use crate::store::copying::{CopyError, back_up, restore};
pub(crate) use crate::store::counts::Counts;
pub(crate) use crate::store::deliveries::{Among, Concerned, Found, Marks};
pub(crate) use crate::store::epoch::Missed;
pub(crate) use crate::store::error::{OpenError, StoreError};
pub(crate) use crate::store::examination::examine_at;
pub(crate) use crate::store::expiry::{Expired, Gone};
pub(crate) use crate::store::hubs::{Beat, Lease};
pub(crate) use crate::store::inbox::{Inbox, Mark, Receipt, Starts};
pub(crate) use crate::store::kinds::Senders;
pub(crate) use crate::store::leaving::{Deletion, Leaving, Left, Reach};
pub(crate) use crate::store::listing::{Page, Status};
pub(crate) use crate::store::location::Location;
pub(crate) use crate::store::log::Head;
pub(crate) use crate::store::marks::Change;
pub(crate) use crate::store::networks::SignIn;
pub(crate) use crate::store::postgres::{Address, Listener, Ringer, hang};
pub(crate) use crate::store::presence::{Held, Movements};
pub(crate) use crate::store::pruning::Pass;
pub(crate) use crate::store::replay::ReplayPage;
pub(crate) use crate::store::resuming::Resumed;
pub(crate) use crate::store::retracting::{Subject, Within};
pub(crate) use crate::store::rooms::{Opener, Room};
pub(crate) use crate::store::settling::{Settled, settle_server};
pub(crate) use crate::store::signals::{Look, Position, Signal, Signals};
pub(crate) use crate::store::signing_keys::SealedKey;
pub(crate) use crate::store::standby::Standby;
pub(crate) use crate::store::users::{Account, NewAccount, Upserted};

/// Access to the database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    lookups: Lane,
    readers: Lane,
    writers: Lane,
    /// The lane of looks for what other hubs did; `None` on a database that has one hub. Nothing else waits in it, so that a
    /// crowd that replays does not delay what takes a right away.
    looks: Option<Lane>,
    /// The lanes of the Journal and of the health check on a server: replays and lookups do not delay a commit there, nor make
    /// the hub look unwell. `None` on a file, which has one writer and answers at once.
    journal: Option<Lane>,
    health: Option<Lane>,
    /// The lane of the lease, which a beat must not miss, and the one of all other work between hubs, which may wait for locks.
    /// `None` on a file.
    lease: Option<Lane>,
    others: Option<Lane>,
    /// Told after each write, if there may be other hubs that have to hear of it.
    written_for_others: Option<Arc<Notify>>,
    /// The time at which other hubs were last heard.
    heard: Heard,
    accounts: Accounts,
    metrics: Metrics,
    /// The memory that replays may take together.
    budget: Budget,
    /// The time at which the next alarm expires.
    expiry: NextExpiry,
    /// True if there may be data that the next checkpoint has to copy.
    written: Arc<AtomicBool>,
    /// True if this hub delivers updates of the Mercure protocol.
    mercure: Arc<AtomicBool>,
    /// The end of the log if alarms are not written, for measuring.
    unwritten: Option<Unwritten>,
    /// The lock on a database file; it is released when the last clone is dropped.
    lock: Option<Arc<File>>,
}

impl Store {
    /// True if no other hub writes to this database: a database file has exactly one hub.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// Returns `Ok` if the database answers.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.metrics.store_read(Read::Other.label());
        self.health
            .as_ref()
            .unwrap_or(&self.readers)
            .run(|connection| log::head(connection).map(|_head| ()))
            .await
    }

    /// Told after each write of this hub; `None` if there are no other hubs.
    pub(crate) fn writes(&self) -> Option<Arc<Notify>> {
        self.written_for_others.clone()
    }

    /// Notes that this hub delivers updates of the Mercure protocol.
    pub(crate) fn deliver_updates(&self) {
        self.mercure.store(true, Ordering::Relaxed);
    }

    /// True if this hub delivers updates of the Mercure protocol.
    pub(crate) fn delivers_updates(&self) -> bool {
        self.mercure.load(Ordering::Relaxed)
    }

    /// Waits for a share of the memory that replays may take; `None` at the deadline.
    pub(crate) async fn turn(&self) -> Option<Share> {
        self.budget.take().await
    }

    /// A share of the memory that replays may take, if a page would be read at once.
    pub(crate) fn turn_now(&self) -> Option<Share> {
        self.budget
            .take_now()
            .filter(|_share| self.readers.is_free())
    }

    async fn read<T, F>(&self, what: Read, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.metrics.store_read(what.label());
        let lane = match what {
            Read::Account | Read::Counts | Read::Keys | Read::Head | Read::Receipts => {
                &self.lookups
            }
            Read::Inbox | Read::Replay | Read::Other => &self.readers,
        };
        lane.run(work).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.write_in(&self.writers, work).await
    }

    /// Writes what only the Journal writes.
    async fn write_log<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let lane = self.journal.as_ref().unwrap_or(&self.writers);
        self.write_in(lane, work).await
    }

    async fn write_in<T, F>(&self, lane: &Lane, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let written = Arc::clone(&self.written);
        let for_others = self.written_for_others.clone();
        lane.run(move |connection| {
            let done = work(connection);
            written.store(true, Ordering::Relaxed);
            if let Some(for_others) = for_others {
                for_others.notify_one();
            }
            done
        })
        .await
    }
}

/// The kind of a read, as the metrics label it.
#[derive(Debug, Clone, Copy)]
enum Read {
    Account,
    Counts,
    Head,
    Inbox,
    Keys,
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
            Self::Keys => "keys",
            Self::Receipts => "receipts",
            Self::Replay => "replay",
            Self::Other => "other",
        }
    }
}
