//! Direct access of a test to a server's database.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};

use crate::support::postgres::{Held, Postgres};
use crate::support::{TestApp, on_postgres};

/// A transaction of the test's own.
#[expect(dead_code, reason = "it is there to be dropped")]
pub(crate) enum Lock {
    Postgres(Held),
    Sqlite(SqliteConnection),
}

/// Holds the write lock, so that every write of the server fails until it is dropped.
pub(crate) fn lock(app: &TestApp) -> Lock {
    if on_postgres() {
        let begin = "BEGIN; UPDATE log_head SET last_id = last_id";
        return Lock::Postgres(Postgres::shared().hold(&url(app), begin));
    }
    let mut connection = open(app);
    connection
        .batch_execute("BEGIN IMMEDIATE")
        .expect("the write lock");
    Lock::Sqlite(connection)
}

/// Makes all alarms that are stored two days older; the server must be stopped.
pub(crate) fn age_alarms(app: &TestApp) {
    execute(app, "UPDATE alarms SET created_at = created_at - 172800000");
}

/// Takes a table away, or gives it back.
pub(crate) fn rename_table(app: &TestApp, from: &str, to: &str) {
    execute(app, &format!("ALTER TABLE {from} RENAME TO {to}"));
}

/// Returns true if this run is on the embedded database.
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
    let query = "SELECT id, topic FROM alarms ORDER BY id";
    if !on_postgres() {
        let entries = diesel::sql_query(query).load(&mut open(app));
        return entries.expect("the log");
    }
    let rows = Postgres::shared().sql(&url(app), query);
    let entries = rows.lines().map(|row| {
        let (id, topic) = row.split_once('|').expect("two fields");
        Entry {
            id: id.parse().expect("an id"),
            topic: topic.to_owned(),
        }
    });
    entries.collect()
}

/// Runs one statement.
pub(crate) fn execute(app: &TestApp, sql: &str) {
    if on_postgres() {
        Postgres::shared().sql(&url(app), sql);
    } else {
        open(app).batch_execute(sql).expect(sql);
    }
}

/// The URL of a server's database on the shared cluster.
fn url(app: &TestApp) -> String {
    Postgres::shared().database_of(app.folder())
}

fn open(app: &TestApp) -> SqliteConnection {
    let file = app.folder().join("campanile-data/campanile.db");
    let mut connection =
        SqliteConnection::establish(file.to_str().expect("a path in UTF-8")).expect("the database");
    connection
        .batch_execute("PRAGMA busy_timeout = 10000")
        .expect("a time-out");
    connection
}
