//! What a test does to a server's database behind its back.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::support::TestApp;

/// Holds the write lock, so that every write of the server fails until it is dropped.
pub(crate) fn lock(app: &TestApp) -> SqliteConnection {
    let mut connection = open(app);
    connection
        .batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE")
        .expect("the write lock");
    connection
}

/// Makes all alarms that are stored two days older; the server must be stopped.
pub(crate) fn age_alarms(app: &TestApp) {
    open(app)
        .batch_execute("UPDATE alarms SET created_at = created_at - 172800000")
        .expect("older alarms");
}

/// Takes a table away, or gives it back.
pub(crate) fn rename_table(app: &TestApp, from: &str, to: &str) {
    open(app)
        .batch_execute(&format!(
            "PRAGMA busy_timeout = 10000; ALTER TABLE {from} RENAME TO {to}"
        ))
        .expect("another name");
}

fn open(app: &TestApp) -> SqliteConnection {
    let file = app.folder().join("campanile-data/campanile.db");
    SqliteConnection::establish(file.to_str().expect("a path in UTF-8")).expect("the database")
}
