//! One connection type over both databases, so that every query is written once.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::r2d2::R2D2Connection as _;
use diesel::result::Error as DieselError;
use diesel::{Connection as _, MultiConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::watch;

use crate::store::error::one_line;
use crate::store::postgres::PostgresConnection;
use crate::store::{Location, StoreError};

/// A connection to whichever database the URL named.
#[derive(MultiConnection)]
pub(crate) enum DbConnection {
    Postgres(PostgresConnection),
    Sqlite(SqliteConnection),
}

/// Runs a query on the database's own connection: one that is asked often, or that Diesel writes only for a known database
/// (an insert of many rows). Given to [`DbConnection`] itself, a query is written out as text twice each time it runs; here
/// it is known by its type.
macro_rules! native {
    ($connection:ident => $query:expr) => {
        match $connection {
            $crate::store::connection::DbConnection::Postgres($connection) => $query,
            $crate::store::connection::DbConnection::Sqlite($connection) => $query,
        }
    };
}

pub(super) use native;

pub(crate) type Pool = r2d2::Pool<Server>;

/// The source of a pool's connections.
pub(crate) struct Server {
    location: Location,
    open: StillOpen,
}

impl Server {
    /// `open` is held by the source and by each of its connections until it is closed.
    pub(crate) fn at(location: &Location, open: StillOpen) -> Self {
        Self {
            location: location.clone(),
            open,
        }
    }
}

/// A share of the sender of a channel that has no news but its end, which is told when the last holder is gone.
pub(crate) type StillOpen = Arc<watch::Sender<()>>;

/// A connection of a pool.
pub(crate) struct Pooled {
    connection: DbConnection,
    /// Dropped after the connection.
    _open: StillOpen,
}

impl Deref for Pooled {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut DbConnection {
        &mut self.connection
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoConnection(String);

impl From<StoreError> for NoConnection {
    fn from(error: StoreError) -> Self {
        Self(error.text())
    }
}

impl r2d2::ManageConnection for Server {
    type Connection = Pooled;
    type Error = NoConnection;

    fn connect(&self) -> Result<Pooled, NoConnection> {
        let mut connection = DbConnection::open(&self.location).inspect_err(|_failed| {
            // On a thread of the pool's: all hubs lose a server at once, and should not come back as one.
            std::thread::park_timeout(AGAIN_AFTER.mul_f64(rand::random()));
        })?;
        connection.prepare().map_err(StoreError::from)?;
        Ok(Pooled {
            connection,
            _open: Arc::clone(&self.open),
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), NoConnection> {
        match &mut pooled.connection {
            DbConnection::Postgres(connection) => {
                Ok(connection.ping().map_err(StoreError::from)?)
            }
            // A file that is open does not go away.
            DbConnection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        std::thread::panicking() || pooled.connection.is_broken()
    }
}

/// A pool tries to connect again and again while its database is away; its lane tells of that once.
#[derive(Debug)]
pub(crate) struct Quiet;

impl r2d2::HandleError<NoConnection> for Quiet {
    fn handle_error(&self, error: NoConnection) {
        log::debug!("a connection failed: {}", one_line(&error));
    }
}

impl DbConnection {
    /// Connects to the database. `Unavailable` if it may be there a moment later.
    pub(crate) fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => SqliteConnection::establish(path)
                .map(Self::Sqlite)
                .map_err(|cause| StoreError::Broken(one_line(&cause))),
            Location::Postgres(address) => PostgresConnection::open(address).map(Self::Postgres),
        }
    }

    fn prepare(&mut self) -> diesel::QueryResult<()> {
        match self {
            // Its sessions may be shared, so that each transaction brings its own settings.
            Self::Postgres(_) => Ok(()),
            Self::Sqlite(connection) => {
                if log::log_enabled!(log::Level::Trace) {
                    connection.set_instrumentation(log_statement);
                }
                connection.batch_execute(SQLITE_SETTINGS)
            }
        }
    }

    /// Brings the schema up to date. One process at a time does, however many start at once. `Unavailable` if the server ended it
    /// because of a deadlock, so that it may be tried again.
    pub(crate) fn migrate(&mut self) -> Result<(), StoreError> {
        let applied = match self {
            Self::Postgres(connection) => {
                connection.wait_without_limit();
                connection.transaction(|connection| {
                    connection.batch_execute(POSTGRES_MIGRATION_LOCK)?;
                    if connection
                        .has_pending_migration(POSTGRES_MIGRATIONS)
                        .map_err(Failed)?
                    {
                        connection.batch_execute(POSTGRES_LOG_LOCK)?;
                    }
                    let done = connection.run_pending_migrations(POSTGRES_MIGRATIONS);
                    done.map(|done| done.len()).map_err(Failed)
                })
            }
            Self::Sqlite(connection) => {
                connection.batch_execute(SQLITE_SETTINGS)?;
                connection.immediate_transaction(|connection| {
                    let done = connection.run_pending_migrations(SQLITE_MIGRATIONS);
                    done.map(|done| done.len()).map_err(Failed)
                })
            }
        };
        match applied {
            Ok(0) => Ok(()),
            Ok(count) => {
                log::info!("applied {count} database migrations");
                Ok(())
            }
            Err(Failed(cause)) => {
                let text = format!("the migrations failed: {}", one_line(&cause));
                Err(if text.contains(DEADLOCK) {
                    StoreError::Unavailable(text)
                } else {
                    StoreError::Broken(text)
                })
            }
        }
    }

    /// Does work in one transaction. A failure is told by its first cause: where the database has rolled back by
    /// itself (SQLite, on a full disk), Diesel would tell only that there was nothing left to roll back.
    pub(crate) fn transact<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        E: From<DieselError>,
        F: FnOnce(&mut Self) -> Result<T, E>,
    {
        let mut cause = None;
        let done = self.transaction(|connection| {
            work(connection).map_err(|error| {
                cause = Some(error);
                DieselError::RollbackTransaction
            })
        });
        done.map_err(|error| cause.unwrap_or_else(|| E::from(error)))
    }

    /// Reads several times. A file is then locked once and not once for each statement, and keeps the pages that it has read; a
    /// server would be asked once more for a transaction.
    pub(crate) fn together<T, E, F>(&mut self, reads: F) -> Result<T, E>
    where
        E: From<DieselError>,
        F: FnOnce(&mut Self) -> Result<T, E>,
    {
        match self {
            Self::Postgres(_) => reads(self),
            Self::Sqlite(_) => self.transact(reads),
        }
    }
}

/// The longest pause before a pool tries again, beside its own.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Logs the text of a statement without its values. A server logs its own statements.
fn log_statement(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        let written = query.to_string();
        let text = written.split(" -- binds:").next().unwrap_or_default();
        log::trace!("{}", text.replace('\n', " "));
    }
}

/// The error of a migration, as a transaction needs it.
struct Failed(Box<dyn std::error::Error + Send + Sync>);

impl From<DieselError> for Failed {
    fn from(error: DieselError) -> Self {
        Self(error.into())
    }
}

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// `synchronous=FULL` makes a commit a promise; the busy time-out covers `campanile user add` beside a running hub.
/// A commit copies the write-ahead log into the database only when it has grown to 32 MB; most of it is copied beside the
/// commits (`checkpoint`).
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
     PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=8000;";

/// Released with the transaction. The number is this program's own; a migration of a large log may take long, so the wait
/// is longer than any other.
const POSTGRES_MIGRATION_LOCK: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; SET LOCAL enable_seqscan = on; \
     SELECT pg_advisory_xact_lock(4207849484);";

/// The lock that each append of another hub takes first. Taken before all others, so that no append has the log locked while it waits
/// for a table that a migration has changed. The first hub of a database finds no table.
const POSTGRES_LOG_LOCK: &str = "DO $$ BEGIN \
     IF to_regclass('log_head') IS NOT NULL THEN LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE; END IF; END $$";

/// The SQLSTATE of a deadlock, as the text of a failure begins with it.
const DEADLOCK: &str = " 40P01: ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema::log_head;
    use diesel::prelude::*;

    #[test]
    fn what_is_read_together_is_of_one_moment() {
        let file = std::env::temp_dir().join(format!("together-{}.db", std::process::id()));
        let location = Location::Sqlite(file.to_string_lossy().into_owned());
        let open = || DbConnection::open(&location).unwrap();
        let (mut reader, mut writer) = (open(), open());
        writer.migrate().unwrap();
        reader.prepare().unwrap();
        let end = |connection: &mut DbConnection| {
            let end = log_head::table.select(log_head::last_id);
            end.get_result::<i64>(connection)
        };

        let both = reader.together(|reader| {
            let before = end(reader)?;
            let change = diesel::update(log_head::table).set(log_head::last_id.eq(7));
            change.execute(&mut writer)?;
            Ok::<_, DieselError>((before, end(reader)?))
        });

        let after = end(&mut reader);
        for name in ["", "-wal", "-shm"] {
            let mut path = file.clone().into_os_string();
            path.push(name);
            std::fs::remove_file(path).ok();
        }
        assert_eq!(both, Ok((0, 0)));
        assert_eq!(after, Ok(7));
    }
}
