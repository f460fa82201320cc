//! The cost of crowds to others: members of a big room who come and go, clients that read the log, a return just after a kill, and
//! polls that wait.

mod beside;
mod idle;
mod page;
mod polls;
mod results;
mod returning;

use tempfile::TempDir;

use crate::args::CrowdsCommand;
use crate::crowds::results::{Again, Results, Run};
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::growth::results::DatabaseKind;
use crate::internals;
use crate::proc;
use crate::servers::campanile::Campanile;

/// `campanile-bench crowds`.
pub(crate) fn run(command: &CrowdsCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let load_before = proc::load();
    let mut runs = Vec::new();
    for kind in &command.databases {
        eprintln!("{}", kind.name());
        runs.push(Run {
            kind: *kind,
            replay: on_new_database(&ground, (*kind, SILENT), |hub, _again| {
                beside::replay(&hub, *kind, command)
            })?,
            returning: on_new_database(&ground, (*kind, SILENT), |hub, again| {
                returning::measure(hub, again, command.clients)
            })?,
        });
    }
    eprintln!("presence");
    let sqlite = DatabaseKind::Sqlite;
    let results = Results {
        load_before,
        clients: command.clients,
        presence: on_new_database(&ground, (sqlite, SILENT), |hub, _again| {
            beside::presence(&hub, command)
        })?,
        runs,
        poll: on_new_database(&ground, (sqlite, SILENT), |hub, _again| {
            polls::measure(&hub, command.clients / 2)
        })?,
        idle: on_new_database(&ground, (sqlite, DEFAULT), |hub, _again| {
            idle::measure(&hub, command.clients * 3 / 2)
        })?,
    };
    println!("{}", page::tables(&results));
    if let Some(docs) = &command.docs {
        internals::write(docs, "crowds.md", &page::page(&results))?;
    }
    Ok(())
}

/// Measures with a hub on a database of its own.
fn on_new_database<T>(
    ground: &Ground,
    (kind, heartbeat): (DatabaseKind, &str),
    measure: impl FnOnce(Campanile, Again<'_>) -> Result<T>,
) -> Result<T> {
    let folder = TempDir::with_prefix_in("bench-crowds-", ground.data())?;
    let database = Database::create(kind, ground, folder.path())?;
    let url = database.url();
    let start = || {
        let settings = [
            ("CAMPANILE_DATABASE_URL", url.as_str()),
            ("CAMPANILE_HEARTBEAT_SECONDS", heartbeat),
        ];
        Campanile::start_with(&ground.site(database.folder()), &settings)
    };
    measure(start()?, &start)
}

/// The silence after which a stream gets a heartbeat, in seconds: none in a measurement, as those of streams that were opened together
/// come together; and what a hub has by itself.
const SILENT: &str = "3600";
const DEFAULT: &str = "15";
