//! Opening the database: one hub a file, a server given time to come up, the schema brought up to date.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::store::account_cache::Accounts;
use crate::store::budget::Budget;
use crate::store::connection::DbConnection;
use crate::store::expiry::NextExpiry;
use crate::store::files::keep_private;
use crate::store::lane::{Lane, Plan};
use crate::store::signals::Heard;
use crate::store::{Location, OpenError, Store, StoreError, version};

impl Store {
    /// Opens the database and brings its schema up to date. Blocks; called once, before serving.
    pub(crate) fn open(location: &Location, metrics: Metrics) -> Result<Self, OpenError> {
        keep_private(location);
        Ok(Self::on(open_lanes(location, false, &metrics)?, metrics))
    }

    /// Opens the database for a hub: a file that another hub has opened so is refused, for as long as that one lives.
    pub(crate) fn open_for_hub(location: &Location, metrics: Metrics) -> Result<Self, OpenError> {
        let lock = lock(location)?.map(Arc::new);
        keep_private(location);
        let opened = Self::on(open_lanes(location, lock.is_none(), &metrics)?, metrics);
        Ok(Self { lock, ..opened })
    }

    fn on(lanes: Lanes, metrics: Metrics) -> Self {
        Self {
            writers: lanes.writers,
            lookups: lanes.lookups,
            readers: lanes.readers,
            written_for_others: lanes.looks.is_some().then(Arc::default),
            looks: lanes.looks,
            journal: lanes.journal,
            health: lanes.health,
            lease: lanes.lease,
            others: lanes.others,
            heard: Heard::default(),
            accounts: Accounts::default(),
            metrics,
            budget: Budget::default(),
            expiry: NextExpiry::default(),
            written: Arc::default(),
            mercure: Arc::default(),
            unwritten: None,
            lock: None,
        }
    }

    /// Closes every connection. The last one of a database file copies all of its write-ahead log into the file and removes
    /// it, so that the file alone is the whole database.
    pub(crate) async fn close(&self) {
        self.written.store(false, Ordering::Relaxed);
        let lanes = [&self.readers, &self.lookups, &self.writers];
        let of_server = [
            &self.looks,
            &self.journal,
            &self.health,
            &self.lease,
            &self.others,
        ];
        let lanes = lanes.into_iter().chain(of_server.into_iter().flatten());
        // Two connections of a file that close at the same time each take the other for one that stays, and neither copies
        // the log. So they close one after the other.
        let closed = async {
            for lane in lanes {
                lane.close().await;
            }
        };
        if tokio::time::timeout(CLOSES_WITHIN, closed).await.is_err() {
            log::warn!("the database is still busy and is left to its own recovery");
        }
    }
}

/// The lanes of a database.
struct Lanes {
    writers: Lane,
    lookups: Lane,
    readers: Lane,
    /// For a hub on a server, which it may share with others.
    looks: Option<Lane>,
    journal: Option<Lane>,
    health: Option<Lane>,
    lease: Option<Lane>,
    others: Option<Lane>,
}

/// Opens the lanes on a thread of its own: a connection to a server runs on the thread that uses it, which may not be one
/// of the runtime's.
fn open_lanes(
    location: &Location,
    as_hub_on_server: bool,
    metrics: &Metrics,
) -> Result<Lanes, OpenError> {
    let open = || {
        migrate(location)?;
        let own = |plan: Plan| {
            let opened = as_hub_on_server.then(|| Lane::open(location, plan, metrics));
            opened.transpose()
        };
        Ok(Lanes {
            writers: Lane::open(location, writers(location), metrics)?,
            lookups: Lane::open(location, lookups(location), metrics)?,
            readers: Lane::open(location, readers(), metrics)?,
            looks: own(alone("hear the other hubs", "store-hubs"))?,
            journal: own(alone("write to the log", "store-journal"))?,
            health: own(alone("check the database", "store-health"))?,
            lease: own(alone("keep the lease", "store-lease"))?,
            others: own(alone("tell the other hubs", "store-others"))?,
        })
    };
    let opened = std::thread::scope(|scope| scope.spawn(open).join());
    opened.map_err(|_panic| StoreError::Broken("opening the database panicked".to_owned()))?
}

fn writers(location: &Location) -> Plan {
    Plan {
        purpose: "write to the database",
        name: "store-write",
        size: location.writer_count(),
        patience: 0,
    }
}

/// Rows that are found by their key. On a file one thread finds many in the time another takes to wake up; a server is
/// waited for.
fn lookups(location: &Location) -> Plan {
    let (size, patience) = match location {
        Location::Sqlite(_) => (2, 8),
        Location::Postgres(_) => (4, 0),
    };
    Plan {
        purpose: "look up in the database",
        name: "store-look",
        size,
        patience,
    }
}

/// Pages, which take their time. Readers do not block each other; more of them than a few only take memory.
fn readers() -> Plan {
    Plan {
        purpose: "read the database",
        name: "store-read",
        size: 3,
        patience: 0,
    }
}

/// Work of one kind, of which there is one at a time.
fn alone(purpose: &'static str, name: &'static str) -> Plan {
    Plan {
        purpose,
        name,
        size: 1,
        patience: 0,
    }
}

/// Locks a file of its own: SQLite's locks on the database would not survive its being closed here.
pub(super) fn lock(location: &Location) -> Result<Option<File>, OpenError> {
    let (Location::Sqlite(path), Some(lock_file)) = (location, location.lock_file()) else {
        return Ok(None);
    };
    let failed = |cause| OpenError::File {
        path: lock_file.display().to_string(),
        cause,
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(&lock_file).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.clone() }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Brings the schema up to date. Where another hub runs on the server, its transactions may lock tables in another order; then the
/// server ends one of the two, and a migration that is ended has changed nothing.
fn migrate(location: &Location) -> Result<(), OpenError> {
    for _deadlock in 1..MOST_MIGRATION_TRIES {
        match migrate_once(location) {
            Err(OpenError::Store(StoreError::Unavailable(cause))) => {
                log::warn!("the migrations are tried again: {cause}");
            }
            done => return done,
        }
    }
    migrate_once(location)
}

fn migrate_once(location: &Location) -> Result<(), OpenError> {
    let mut connection = first_connection(location)?;
    version::check(&mut connection)?;
    Ok(connection.migrate()?)
}

/// In a composed start the server often comes up a moment after the hub.
fn first_connection(location: &Location) -> Result<DbConnection, OpenError> {
    let end = Instant::now() + COMES_UP_WITHIN;
    let mut told = false;
    loop {
        let (cause, passes) = match DbConnection::open(location) {
            Ok(connection) => return Ok(connection),
            Err(cause) => {
                let passes = matches!(cause, StoreError::Unavailable(_));
                (location.without_secrets(cause.text()), passes)
            }
        };
        if !passes || Instant::now() + TRY_EVERY >= end {
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

/// The rest of the five seconds a stop may take.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// A deadlock needs a transaction of the other hub at the very moment, and takes the server a second to find.
const MOST_MIGRATION_TRIES: u32 = 10;

/// Longer than PostgreSQL takes to start after a clean stop, shorter than a person waits for an answer.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

const TRY_EVERY: Duration = Duration::from_millis(250);
