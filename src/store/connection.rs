//! One connection type over both databases, so that every query is written once.

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection as _;
use diesel::result::Error as DieselError;
use diesel::{Connection as _, ConnectionResult, MultiConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::error::one_line;
use crate::store::{Location, StoreError};

/// A connection to whichever database the URL named.
#[derive(MultiConnection)]
pub(crate) enum DbConnection {
    // PostgreSQL goes first: SQLite takes any URL as a path.
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs a query on the database's own connection: one that is asked often, or that Diesel writes only for a known database
/// (an insert of many rows). Given to [`DbConnection`] itself, a query is written out as text twice each time it runs; here
/// it is known by its type.
macro_rules! native {
    ($connection:ident => $query:expr) => {
        match $connection {
            #[cfg(feature = "postgres")]
            $crate::store::connection::DbConnection::Postgres($connection) => $query,
            $crate::store::connection::DbConnection::Sqlite($connection) => $query,
        }
    };
}

pub(super) use native;

pub(crate) type Pool = r2d2::Pool<Server>;

/// Where a pool's connections come from.
pub(crate) struct Server(Location);

impl Server {
    pub(crate) fn at(location: &Location) -> Self {
        Self(location.clone())
    }
}

impl r2d2::ManageConnection for Server {
    type Connection = DbConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<DbConnection, Self::Error> {
        let mut connection =
            DbConnection::open(&self.0).map_err(diesel::r2d2::Error::ConnectionError)?;
        connection.prepare()?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut DbConnection) -> Result<(), Self::Error> {
        match connection {
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(connection) => Ok(connection.ping()?),
            // A file that is open does not go away.
            DbConnection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut DbConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// A pool tries to connect again and again while its database is away; its lane tells of that once.
#[derive(Debug)]
pub(crate) struct Quiet;

impl r2d2::HandleError<diesel::r2d2::Error> for Quiet {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        log::debug!("a connection failed: {}", one_line(&error));
    }
}

impl DbConnection {
    /// Connects to the database that is meant. (Diesel's own way would try each, and tell the reason of none.)
    pub(crate) fn open(location: &Location) -> ConnectionResult<Self> {
        let url = location.connection_url();
        match location {
            Location::Sqlite(_) => SqliteConnection::establish(&url).map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => diesel::PgConnection::establish(&url).map(Self::Postgres),
            #[cfg(not(feature = "postgres"))]
            Location::Postgres(_) => Err(diesel::ConnectionError::InvalidConnectionUrl(
                "this binary was built without PostgreSQL".to_owned(),
            )),
        }
    }

    fn prepare(&mut self) -> diesel::QueryResult<()> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.batch_execute(POSTGRES_SETTINGS),
            Self::Sqlite(connection) => connection.batch_execute(SQLITE_SETTINGS),
        }
    }

    /// Brings the schema up to date. One process at a time does, however many start at once.
    pub(crate) fn migrate(&mut self) -> Result<(), StoreError> {
        let applied = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection
                .batch_execute(POSTGRES_MIGRATION_LOCK)
                .map_err(Into::into)
                .and_then(|()| connection.run_pending_migrations(POSTGRES_MIGRATIONS))
                .map(|done| done.len()),
            Self::Sqlite(connection) => {
                connection.batch_execute(SQLITE_SETTINGS)?;
                connection
                    .immediate_transaction(|connection| {
                        let done = connection.run_pending_migrations(SQLITE_MIGRATIONS);
                        done.map(|done| done.len()).map_err(Failed)
                    })
                    .map_err(|Failed(cause)| cause)
            }
        };
        match applied {
            Ok(0) => Ok(()),
            Ok(count) => {
                log::info!("applied {count} database migrations");
                Ok(())
            }
            Err(cause) => Err(StoreError::Broken(format!(
                "the migrations failed: {}",
                one_line(&cause)
            ))),
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
}

/// What a migration says, in the shape a transaction wants.
struct Failed(Box<dyn std::error::Error + Send + Sync>);

impl From<DieselError> for Failed {
    fn from(error: DieselError) -> Self {
        Self(error.into())
    }
}

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// `synchronous=FULL` makes a commit a promise; the busy time-out covers `campanile user add` beside a running hub.
/// A commit copies the write-ahead log into the database only when it has grown to 32 MB; most of it is copied beside the
/// commits (`checkpoint`).
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
     PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=8000;";

/// A commit is a promise here as well, whatever the server's default; and the lock on the head of the log needs
/// transactions that see what was committed while they waited for it.
#[cfg(feature = "postgres")]
const POSTGRES_SETTINGS: &str = "SET statement_timeout='5s'; SET idle_in_transaction_session_timeout='10s'; \
     SET client_min_messages=warning; SET default_transaction_isolation='read committed'; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// Released with its connection. The number is this program's own; a migration of a large log may take long, so the wait
/// is longer than any other.
#[cfg(feature = "postgres")]
const POSTGRES_MIGRATION_LOCK: &str = "SET client_min_messages=warning; SET lock_timeout='60s'; \
     SELECT pg_advisory_lock(4207849484);";
