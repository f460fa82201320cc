//! Opening the database: one hub a file, a server given time to come up, the schema brought up to date.

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::store::accounts::Accounts;
use crate::store::connection::DbConnection;
use crate::store::error::one_line;
use crate::store::lane::Lane;
use crate::store::{Location, OpenError, Store};

impl Store {
    /// Opens the database and brings its schema up to date. Blocks; called once, before serving.
    pub fn open(location: &Location, metrics: Metrics) -> Result<Self, OpenError> {
        first_connection(location)?.migrate()?;
        Ok(Self {
            writers: Lane::open(location, "write to the database", location.writer_count())?,
            readers: Lane::open(location, "read the database", READER_COUNT)?,
            accounts: Accounts::default(),
            metrics,
            lock: None,
        })
    }

    /// Opens the database for a hub: a file that another hub has opened so is refused, for as long as that one lives.
    pub fn open_for_hub(location: &Location, metrics: Metrics) -> Result<Self, OpenError> {
        let lock = lock(location)?.map(Arc::new);
        Ok(Self {
            lock,
            ..Self::open(location, metrics)?
        })
    }
}

/// Locks a file of its own: SQLite's locks on the database would not survive its being closed here.
fn lock(location: &Location) -> Result<Option<File>, OpenError> {
    let (Location::Sqlite(path), Some(lock_file)) = (location, location.lock_file()) else {
        return Ok(None);
    };
    let failed = |cause| OpenError::File {
        path: lock_file.display().to_string(),
        cause,
    };
    let file = File::create(&lock_file).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.clone() }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// In a composed start the server often comes up a moment after the hub.
fn first_connection(location: &Location) -> Result<DbConnection, OpenError> {
    let end = Instant::now() + COMES_UP_WITHIN;
    let mut told = false;
    loop {
        let cause = match DbConnection::open(location) {
            Ok(connection) => return Ok(connection),
            Err(cause) => location.without_secrets(one_line(&cause)),
        };
        if !location.may_come_up(&cause) || Instant::now() + TRY_EVERY >= end {
            return Err(OpenError::Connect(cause));
        }
        if !told {
            log::warn!(
                "the database does not answer yet, trying on for {COMES_UP_WITHIN:?}: {cause}"
            );
            told = true;
        }
        std::thread::park_timeout(TRY_EVERY);
    }
}

/// Readers do not block each other; more of them than a few only take memory.
const READER_COUNT: u32 = 4;

/// Longer than PostgreSQL takes to start after a clean stop, shorter than a person waits for an answer.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

const TRY_EVERY: Duration = Duration::from_millis(250);
