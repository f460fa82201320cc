//! The database under the server, as far as the torture needs it: where it is, how it is killed, what is on its disk.

use std::path::Path;

use diesel::connection::Connection;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use tempfile::TempDir;

use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, until};
use crate::torture::ledger::{Entry, marker_of};

/// The database that holds the log.
pub(crate) trait Database {
    /// The server's setting; `None` leaves the default.
    fn url(&self) -> Option<String>;

    /// Returns true if there is a process besides the server's that can be killed.
    fn has_process(&self) -> bool;

    /// Ends it as a power cut would, and starts it again.
    async fn kill_and_restart(&mut self);

    /// The whole log as it is stored, by id, read without the server.
    fn log(&self, folder: &Path) -> Vec<Entry>;
}

/// The file in the server's folder.
pub(crate) struct Sqlite;

impl Database for Sqlite {
    fn url(&self) -> Option<String> {
        None
    }

    fn has_process(&self) -> bool {
        false
    }

    async fn kill_and_restart(&mut self) {}

    fn log(&self, folder: &Path) -> Vec<Entry> {
        let file = folder.join("campanile-data/campanile.db");
        let mut connection = SqliteConnection::establish(file.to_str().expect("a path in UTF-8"))
            .expect("the database");
        entries(
            diesel::sql_query(LOG)
                .load(&mut connection)
                .expect("the log"),
        )
    }
}

const LOG: &str = "SELECT id, topic, data FROM alarms ORDER BY id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    topic: String,
    #[diesel(sql_type = Text)]
    data: String,
}

fn entries(rows: Vec<Row>) -> Vec<Entry> {
    rows.into_iter()
        .map(|row| Entry {
            id: row.id,
            marker: marker_of(&row.data),
            topic: row.topic,
        })
        .collect()
}

/// A cluster of its own, which dies as often as the server.
pub(crate) struct PostgresServer {
    cluster: Postgres,
    /// Names the database.
    folder: TempDir,
}

impl PostgresServer {
    pub(crate) fn start() -> Self {
        Self {
            cluster: Postgres::start(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn place(&self) -> String {
        self.cluster.database_of(self.folder.path())
    }
}

impl Database for PostgresServer {
    fn url(&self) -> Option<String> {
        Some(self.place())
    }

    fn has_process(&self) -> bool {
        true
    }

    async fn kill_and_restart(&mut self) {
        let processes = self.cluster.processes();
        self.cluster.kill();
        // One that ended and that nobody has taken note of yet still counts as another server on the same data.
        until("the killed processes are forgotten", DEADLINE, async || {
            let forgotten = |id: &u32| !Path::new(&format!("/proc/{id}")).exists();
            processes.iter().all(forgotten).then_some(())
        })
        .await;
        self.cluster.control(&["start"]);
    }

    fn log(&self, _folder: &Path) -> Vec<Entry> {
        log_of(&self.cluster, &self.place())
    }
}

/// The whole log of a database, by id.
pub(crate) fn log_of(server: &Postgres, url: &str) -> Vec<Entry> {
    let fields = format!(
        "SELECT id, topic, {MARK_QUOTED} || split_part(data, {MARK_QUOTED}, 2) FROM alarms ORDER BY id"
    );
    let lines = server.sql(url, &fields);
    let entry = |line: &str| {
        let mut fields = line.splitn(3, '|');
        let mut field = || fields.next().expect("three fields");
        Entry {
            id: field().parse().expect("a number"),
            topic: field().to_owned(),
            marker: marker_of(field()),
        }
    };
    lines.lines().map(entry).collect()
}

/// [`crate::torture::ledger::MARK`] as SQL writes it.
const MARK_QUOTED: &str = "'#'";
