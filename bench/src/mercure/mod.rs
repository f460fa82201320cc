//! The Mercure protocol: how many updates are stored, what one costs among many subscriptions, and what a long history costs a
//! subscriber.

mod crowding;
mod history;
mod hub;
mod page;
mod results;

use tempfile::TempDir;

use crate::args::MercureCommand;
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::internals;
use crate::mercure::hub::Hub;
use crate::mercure::results::{Results, Run};
use crate::proc;

/// `campanile-bench mercure`.
pub(crate) fn run(command: &MercureCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let mut results = Results {
        load_before: proc::load(),
        seconds: command.lasting().as_secs_f64(),
        runs: Vec::new(),
    };
    for kind in &command.databases {
        eprintln!("{}", kind.name());
        let folder = TempDir::with_prefix_in("bench-mercure-", ground.data())?;
        let database = Database::create(*kind, &ground, folder.path())?;
        let steps = crowding::measure(&Hub::start(&ground, &database)?, command)?;
        let history = history::measure(&ground, &database, command.history)?;
        results.runs.push(Run {
            kind: *kind,
            steps,
            history,
        });
    }
    println!("{}", page::tables(&results));
    if let Some(docs) = &command.docs {
        internals::write(docs, "mercure-cost.md", &page::page(&results))?;
    }
    Ok(())
}
