//! Cost against size: a database is filled with rows that belong to others, and each kind of request is timed on it, on
//! SQLite and PostgreSQL.

pub(crate) mod database;
mod distance;
pub(crate) mod filling;
mod hub;
mod migrations;
mod page;
mod picture;
mod proxy;
mod pruning;
pub(crate) mod questions;
pub(crate) mod results;

use tempfile::TempDir;

use crate::args::GrowthCommand;
use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::growth::hub::start;
use crate::growth::pruning::KEPT_DAYS;
use crate::growth::results::{DatabaseKind, Results, Run};
use crate::internals;

/// `campanile-bench growth`.
pub(crate) fn run(command: &GrowthCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let mut results = Results::default();
    for kind in &command.databases {
        for rows in &command.rows {
            let folder = TempDir::with_prefix_in("bench-growth-", ground.data())?;
            eprintln!("{} with {rows} rows", kind.name());
            let database = Database::create(*kind, &ground, folder.path())?;
            results
                .runs
                .push(measure(&ground, &database, *rows, command)?);
            if *kind == DatabaseKind::Postgres && results.distance.is_none() {
                results.distance = Some(distance::measure(&ground, &database)?);
            }
        }
    }
    println!("{}", page::tables(&results));
    if let Some(docs) = &command.docs {
        internals::write(docs, "growth.svg", &picture::draw(&results.runs))?;
        internals::write(docs, "growth.md", &page::page(&results))?;
    }
    Ok(())
}

/// Fills a database and measures everything on it.
fn measure(
    ground: &Ground,
    database: &Database,
    rows: u64,
    command: &GrowthCommand,
) -> Result<Run> {
    // Its start makes the schema.
    drop(start(ground, database, &[])?);
    let filled_seconds = database.fill(rows)?;
    eprintln!("  filled in {filled_seconds:.1} s");
    let hub = start(ground, database, &[("CAMPANILE_RETENTION_DAYS", KEPT_DAYS)])?;
    let mut costs = questions::ask_all(&hub, rows, command.asked)?;
    drop(hub);
    let pruning = pruning::measure(ground, database, rows, command.pruning())?;
    costs.extend(pruning.costs());
    for cost in &costs {
        eprintln!("  {}: {:.2} ms", cost.name, cost.millis);
    }
    let migrations = migrations::measure(database)?;
    Ok(Run {
        kind: database.kind(),
        rows,
        filled_seconds,
        costs,
        pruning,
        migrations,
    })
}
