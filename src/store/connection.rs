//! One connection type over both databases, so that every query is written once.

use diesel::MultiConnection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection};
use diesel::{ConnectionResult, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::StoreError;

/// A connection to whichever database the URL named.
#[derive(MultiConnection)]
pub(crate) enum DbConnection {
    // PostgreSQL goes first: SQLite takes any URL as a path.
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs a query Diesel writes only for a known database (an insert of many rows), with the text written once.
macro_rules! on_either {
    ($connection:expr, $inner:ident => $query:expr) => {
        match $connection {
            #[cfg(feature = "postgres")]
            $crate::store::connection::DbConnection::Postgres($inner) => $query,
            $crate::store::connection::DbConnection::Sqlite($inner) => $query,
        }
    };
}

pub(crate) use on_either;

pub(crate) type Pool = r2d2::Pool<ConnectionManager<DbConnection>>;

/// Sets up each new connection of a pool.
#[derive(Debug)]
pub(crate) struct Prepare;

impl CustomizeConnection<DbConnection, diesel::r2d2::Error> for Prepare {
    fn on_acquire(&self, connection: &mut DbConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .prepare()
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

impl DbConnection {
    fn prepare(&mut self) -> diesel::QueryResult<()> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.batch_execute(POSTGRES_SETTINGS),
            Self::Sqlite(connection) => connection.batch_execute(SQLITE_SETTINGS),
        }
    }

    /// Brings the schema up to date.
    pub(crate) fn migrate(&mut self) -> Result<(), StoreError> {
        let applied = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection
                .run_pending_migrations(POSTGRES_MIGRATIONS)
                .map(|done| done.len()),
            Self::Sqlite(connection) => connection
                .run_pending_migrations(SQLITE_MIGRATIONS)
                .map(|done| done.len()),
        };
        match applied {
            Ok(0) => Ok(()),
            Ok(count) => {
                log::info!("applied {count} database migrations");
                Ok(())
            }
            Err(cause) => Err(StoreError::Broken(format!(
                "the migrations failed: {cause}"
            ))),
        }
    }
}

/// Refuses a URL no database answers to, before a pool retries it for its whole time-out.
pub(crate) fn probe(url: &str) -> ConnectionResult<()> {
    use diesel::Connection as _;

    DbConnection::establish(url).map(|_connection| ())
}

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// `synchronous=FULL` makes a commit a promise; the busy time-out covers `campanile user add` beside a running hub.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
     PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000;";

#[cfg(feature = "postgres")]
const POSTGRES_SETTINGS: &str = "SET statement_timeout='10s'; SET idle_in_transaction_session_timeout='10s'; \
     SET client_min_messages=warning;";
