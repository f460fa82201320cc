//! Copying what was committed from SQLite's write-ahead log into the database file, beside the writer.

use std::sync::atomic::Ordering;

use diesel::connection::SimpleConnection;

use crate::store::connection::DbConnection;
use crate::store::{Store, StoreError};

impl Store {
    /// Copies what was written since the last time. Left to itself, SQLite does that within a commit, whose publishers
    /// then wait for some hundred pages to be on disk; this way little is left to do there.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if !self.is_exclusive() || !self.written.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.readers
            .run(|connection| match connection {
                DbConnection::Sqlite(connection) => {
                    Ok(connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
                }
                #[cfg(feature = "postgres")]
                DbConnection::Postgres(_) => Ok(()),
            })
            .await
    }
}
