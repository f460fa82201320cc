//! The database that grows: a file, or a database of the bench's own server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::error::Result;
use crate::growth::cluster::Cluster;
use crate::growth::commands::run;
use crate::growth::filling;
use crate::growth::results::DatabaseKind;
use crate::run::Ground;

pub(super) struct Database {
    engine: Engine,
    folder: PathBuf,
}

enum Engine {
    Sqlite(PathBuf),
    Postgres(Cluster),
}

impl Database {
    pub(super) fn create(kind: DatabaseKind, ground: &Ground, folder: &Path) -> Result<Self> {
        Ok(Self {
            engine: match kind {
                DatabaseKind::Sqlite => Engine::Sqlite(folder.join("campanile.db")),
                DatabaseKind::Postgres => Engine::Postgres(Cluster::start(ground, folder)?),
            },
            folder: folder.to_owned(),
        })
    }

    pub(super) fn kind(&self) -> DatabaseKind {
        match self.engine {
            Engine::Sqlite(_) => DatabaseKind::Sqlite,
            Engine::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// The folder for the hub's files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL for the hub.
    pub(super) fn url(&self) -> String {
        match &self.engine {
            Engine::Sqlite(file) => format!("sqlite://{}", file.display()),
            Engine::Postgres(cluster) => Cluster::url(cluster.port()),
        }
    }

    /// The port of the server, if there is one.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(cluster) => Some(cluster.port()),
        }
    }

    /// Runs SQL while no hub runs.
    pub(super) fn sql(&self, sql: &str) -> Result<String> {
        match &self.engine {
            Engine::Sqlite(file) => {
                let sql = format!("{SQLITE_SETTINGS}{sql}");
                run(Command::new("sqlite3").arg("-bail").arg(file), &sql)
            }
            Engine::Postgres(cluster) => cluster.sql(sql),
        }
    }

    /// Fills it with so many alarms and what belongs to them; returns the seconds that took.
    pub(super) fn fill(&self, rows: u64) -> Result<f64> {
        let begin = Instant::now();
        self.sql(&filling::fill(self.kind(), rows))?;
        if self.kind() == DatabaseKind::Postgres {
            // Autovacuum does it by itself after a while.
            self.sql("VACUUM ANALYZE")?;
        }
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Makes the older half of the log, at most 100,000 rows, older than anything is kept.
    pub(super) fn age_half(&self, rows: u64) -> Result<()> {
        self.sql(&filling::age(rows / 2)).map(drop)
    }
}

/// Nothing has to survive a crash while nobody but the bench writes.
const SQLITE_SETTINGS: &str =
    "PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-262144;\n";
