//! Copying what was committed from SQLite's write-ahead log into the database file, beside the writer.

use std::sync::atomic::Ordering;

use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::store::connection::DbConnection;
use crate::store::{Store, StoreError};

impl Store {
    /// Copies what was written since the last time. Left to itself, SQLite does that within a commit, whose publishers
    /// then wait for some hundred pages to be on disk; this way little is left to do there.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        if !self.is_exclusive() || !self.written.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let copied = self.copy_all().await;
        if !copied.as_ref().is_ok_and(Copied::is_whole) {
            self.written.store(true, Ordering::Relaxed);
        }
        copied.map(drop)
    }

    /// The log starts anew only at a commit that finds all of it copied. Under load there is always a commit more, so at
    /// some length the last few pages are copied in the writer's turn.
    async fn copy_all(&self) -> Result<Copied, StoreError> {
        let copied = self.readers.run(copy).await?;
        if copied.log < LONG_PAGES {
            return Ok(copied);
        }
        self.readers.run(copy).await?;
        self.writers.run(copy).await
    }
}

/// The pages that the log holds, and those of them that are in the file.
#[derive(Default, QueryableByName)]
struct Copied {
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl Copied {
    /// True if nothing is left to copy: a reader of an older state or another checkpoint holds some pages back.
    fn is_whole(&self) -> bool {
        self.checkpointed >= self.log
    }
}

fn copy(connection: &mut DbConnection) -> Result<Copied, StoreError> {
    match connection {
        DbConnection::Sqlite(connection) => {
            let checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)");
            Ok(checkpoint.get_result(connection)?)
        }
        DbConnection::Postgres(_) => Ok(Copied::default()),
    }
}

/// 8 MB: long enough that what a page holds is copied once for many commits, short enough to stay in the caches.
const LONG_PAGES: i32 = 2_000;
