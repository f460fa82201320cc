//! The database that grows: a file, or a database of the bench's own server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::commands::run;
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::filling;
use crate::growth::results::DatabaseKind;
use crate::postgres::Postgres;

pub(crate) struct Database {
    engine: Engine,
    folder: PathBuf,
}

enum Engine {
    Sqlite(PathBuf),
    Postgres(Postgres),
}

impl Database {
    pub(crate) fn create(kind: DatabaseKind, ground: &Ground, folder: &Path) -> Result<Self> {
        let engine = match kind {
            DatabaseKind::Sqlite => Engine::Sqlite(folder.join("campanile.db")),
            DatabaseKind::Postgres => {
                let server = Postgres::start(ground, folder, SERVER_SETTINGS)?;
                server.database(NAME)?;
                Engine::Postgres(server)
            }
        };
        Ok(Self {
            engine,
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn kind(&self) -> DatabaseKind {
        match self.engine {
            Engine::Sqlite(_) => DatabaseKind::Sqlite,
            Engine::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// The folder for the hub's files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL for the hub.
    pub(crate) fn url(&self) -> String {
        match &self.engine {
            Engine::Sqlite(file) => format!("sqlite://{}", file.display()),
            Engine::Postgres(server) => Postgres::url(server.address(), NAME),
        }
    }

    /// The address of the server, if there is one.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(server) => Some(server.address()),
        }
    }

    /// Runs SQL while no hub runs.
    pub(crate) fn sql(&self, sql: &str) -> Result<String> {
        match &self.engine {
            Engine::Sqlite(file) => {
                let sql = format!("{SQLITE_SETTINGS}{sql}");
                run(Command::new("sqlite3").arg("-bail").arg(file), &sql)
            }
            Engine::Postgres(server) => server.sql(NAME, sql),
        }
    }

    /// Fills it with so many alarms and what belongs to them; returns the seconds that took. The indexes are made after the
    /// rows are there, as that takes a fraction of the time.
    pub(super) fn fill(&self, rows: u64) -> Result<f64> {
        let begin = Instant::now();
        let (list, before, after) = match self.kind() {
            DatabaseKind::Sqlite => (SQLITE_INDEXES, "PRAGMA journal_mode=DELETE;", ""),
            // Autovacuum does it by itself after a while, and a checkpoint comes in time.
            DatabaseKind::Postgres => (POSTGRES_INDEXES, "", "VACUUM ANALYZE; CHECKPOINT;"),
        };
        let indexes = self.sql(list)?;
        let indexes: Vec<_> = indexes
            .lines()
            .filter_map(|line| line.split_once('|'))
            .collect();
        self.sql(before)?;
        for (name, _definition) in &indexes {
            self.sql(&format!("DROP INDEX {name};"))?;
        }
        for statement in filling::statements(self.kind(), rows)? {
            self.sql(&statement)?;
        }
        for (_name, definition) in &indexes {
            self.sql(&format!("{definition};"))?;
        }
        self.sql(after)?;
        Ok(begin.elapsed().as_secs_f64())
    }
}

/// The hub's database on a server.
pub(super) const NAME: &str = "hub";

const SERVER_SETTINGS: &str = "max_connections = 100\nshared_buffers = 256MB\nmaintenance_work_mem = 256MB\nmax_wal_size = 1GB\n";

/// Nothing has to survive a crash while nobody but the bench writes.
const SQLITE_SETTINGS: &str =
    "PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-262144;\n";

/// The name and the statement of each index of a table that is filled, but for those of keys.
const SQLITE_INDEXES: &str = "SELECT name || '|' || replace(sql, char(10), ' ') FROM sqlite_master \
     WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN \
     ('alarms', 'receipts', 'users', 'rooms', 'revoked_tokens', 'idempotency_keys');";

const POSTGRES_INDEXES: &str = "SELECT indexname || '|' || indexdef FROM pg_indexes \
     WHERE schemaname = 'public' AND tablename IN \
     ('alarms', 'receipts', 'users', 'rooms', 'revoked_tokens', 'idempotency_keys') \
     AND indexname NOT IN (SELECT conname FROM pg_constraint);";
