//! What is remembered: the log, inbox state, users, rooms and revoked tokens, in Diesel on one of two databases.
//! Knows nothing of who is connected. All work runs on the blocking pool, bounded by the connections there are.

mod connection;
mod error;
mod inbox;
mod log;
mod pruning;
mod rooms;
mod schema;
mod tokens;
mod users;

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::ConnectionManager;
use tokio::sync::Semaphore;

use crate::store::connection::{DbConnection, Pool, Prepare, probe};

pub use crate::store::error::StoreError;
pub use crate::store::inbox::{Counts, Inbox, Mark, Page, Receipt, Status};
pub use crate::store::log::{Head, Idempotency, Refusal, ReplayPage, Stored, Submission};
pub use crate::store::rooms::Room;
pub use crate::store::users::{Account, NewAccount, Upserted};

/// Access to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Lane,
    writers: Lane,
}

/// A pool, and the permits that keep waiting callers off the blocking threads.
#[derive(Clone)]
struct Lane {
    pool: Pool,
    permits: Arc<Semaphore>,
}

impl Store {
    /// Opens the database and brings its schema up to date. Blocks; called once, before serving.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        let url = location.url();
        probe(url).map_err(|cause| StoreError::Unavailable(cause.to_string()))?;
        let writers = Lane::open(url, location.writer_count())?;
        writers.pool.get()?.migrate()?;
        let readers = Lane::open(url, READER_COUNT)?;
        Ok(Self { readers, writers })
    }

    /// Whether the database answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.read(|connection| log::head(connection).map(|_head| ()))
            .await
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.readers.run(work).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.writers.run(work).await
    }
}

/// Which database, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file.
    Sqlite(String),
    /// A server, by its URL.
    Postgres(String),
}

impl Location {
    fn url(&self) -> &str {
        match self {
            Self::Sqlite(path) => path,
            Self::Postgres(url) => url,
        }
    }

    /// SQLite has one writer anyway: a queue in front of one connection is fair, its busy handler is not.
    fn writer_count(&self) -> u32 {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) => 4,
        }
    }
}

impl Lane {
    fn open(url: &str, size: u32) -> Result<Self, StoreError> {
        let pool = Pool::builder()
            .max_size(size)
            .connection_timeout(WAIT)
            .connection_customizer(Box::new(Prepare))
            .build(ConnectionManager::<DbConnection>::new(url))?;
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(size as usize)),
        })
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable("no connection became free in time".to_owned())
            })?
            .map_err(|closed| StoreError::Unavailable(closed.to_string()))?;
        let pool = self.pool.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&mut *pool.get()?)
        });
        done.await
            .map_err(|cause| StoreError::Broken(cause.to_string()))?
    }
}

/// Readers do not block each other; more of them than a few only take memory.
const READER_COUNT: u32 = 4;

/// How long work waits for a connection before the caller hears that the database is unavailable.
const WAIT: Duration = Duration::from_secs(5);
