//! What a test does to a server's database behind its back.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};

#[cfg(feature = "postgres")]
use crate::support::postgres::Postgres;
use crate::support::{TestApp, on_postgres};

/// A connection of the test's own.
pub(crate) enum Database {
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
    Sqlite(SqliteConnection),
}

/// Holds the write lock, so that every write of the server fails until it is dropped.
pub(crate) fn lock(app: &TestApp) -> Database {
    let mut database = open(app);
    match &mut database {
        #[cfg(feature = "postgres")]
        Database::Postgres(connection) => connection
            .batch_execute("BEGIN; UPDATE log_head SET last_id = last_id")
            .expect("the lock of the log"),
        Database::Sqlite(connection) => connection
            .batch_execute("BEGIN IMMEDIATE")
            .expect("the write lock"),
    }
    database
}

/// Makes all alarms that are stored two days older; the server must be stopped.
pub(crate) fn age_alarms(app: &TestApp) {
    execute(app, "UPDATE alarms SET created_at = created_at - 172800000");
}

/// Takes a table away, or gives it back.
pub(crate) fn rename_table(app: &TestApp, from: &str, to: &str) {
    execute(app, &format!("ALTER TABLE {from} RENAME TO {to}"));
}

/// Whether this run is on the embedded database.
pub(crate) fn is_sqlite() -> bool {
    !on_postgres()
}

/// One row of the log.
#[derive(QueryableByName)]
pub(crate) struct Entry {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) topic: String,
}

/// The whole log, as it is stored.
pub(crate) fn log(app: &TestApp) -> Vec<Entry> {
    let query = diesel::sql_query("SELECT id, topic FROM alarms ORDER BY id");
    let entries = match open(app) {
        #[cfg(feature = "postgres")]
        Database::Postgres(mut connection) => query.load(&mut connection),
        Database::Sqlite(mut connection) => query.load(&mut connection),
    };
    entries.expect("the log")
}

fn execute(app: &TestApp, sql: &str) {
    match open(app) {
        #[cfg(feature = "postgres")]
        Database::Postgres(mut connection) => connection.batch_execute(sql).expect(sql),
        Database::Sqlite(mut connection) => connection.batch_execute(sql).expect(sql),
    }
}

fn open(app: &TestApp) -> Database {
    #[cfg(feature = "postgres")]
    if on_postgres() {
        let url = Postgres::shared().database_of(app.folder());
        return Database::Postgres(diesel::PgConnection::establish(&url).expect("the database"));
    }
    let file = app.folder().join("campanile-data/campanile.db");
    let mut connection =
        SqliteConnection::establish(file.to_str().expect("a path in UTF-8")).expect("the database");
    connection
        .batch_execute("PRAGMA busy_timeout = 10000")
        .expect("a time-out");
    Database::Sqlite(connection)
}
