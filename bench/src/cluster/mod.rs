//! Several hubs on one PostgreSQL: how soon an alarm is at another hub, how many alarms they store and deliver in all, and what that costs
//! the database server.

mod cells;
mod hubs;
mod measuring;
mod page;
mod silence;
mod table;

use std::fs;

use serde::Serialize;
use tempfile::TempDir;

use crate::args::ClusterCommand;
use crate::chart::{Chart, Line};
use crate::cluster::measuring::Terms;
use crate::cluster::table::Row;
use crate::error::Result;
use crate::ground::Ground;
use crate::postgres::Postgres;
use crate::proc;

#[derive(Serialize)]
struct Results<'a> {
    terms: &'a Terms,
    measured: &'a [Row],
}

/// `campanile-bench cluster`.
pub(crate) fn run(command: &ClusterCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let terms = Terms::of(command, proc::load());
    let folder = TempDir::with_prefix_in("bench-postgres-", ground.data())?;
    let server = Postgres::start(&ground, folder.path(), SERVER_SETTINGS)?;
    let mut rows: Vec<Row> = Vec::new();
    for hubs in terms.hubs.iter().copied() {
        eprintln!("{hubs} hubs");
        let figures = measuring::measure(&ground, &server, &terms, hubs)?;
        rows.push(Row { hubs, figures });
    }
    let calculated = cells::table(&rows);
    println!("{}\n{calculated}", table::table(&rows));
    if let Some(folder) = &command.out {
        let results = Results {
            terms: &terms,
            measured: &rows,
        };
        let json = serde_json::to_string_pretty(&results)?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("measured.json"), json + "\n")?;
        fs::write(folder.join("latency.svg"), latency(&rows))?;
        fs::write(folder.join("throughput.svg"), throughput(&rows))?;
        let page = page::page(&terms, &rows, &calculated);
        fs::write(folder.join("measured.md"), page)?;
    }
    Ok(())
}

/// Connections for sixteen hubs; each commit is on the disk.
const SERVER_SETTINGS: &str = "max_connections = 400\nfsync = on\nsynchronous_commit = on\n";

fn latency(rows: &[Row]) -> String {
    let lines = [
        ("p50", "p50_ms"),
        ("p99", "p99_ms"),
        ("p50, silent bell", "silent_p50_ms"),
        ("longest, silent bell", "silent_max_ms"),
    ];
    chart(rows, "From publishing to another hub's client, ms", &lines)
}

fn throughput(rows: &[Row]) -> String {
    let lines = [
        ("stored/s", "stored_per_s"),
        ("delivered/s", "delivered_per_s"),
    ];
    chart(rows, "Alarms stored and delivered by all hubs", &lines)
}

/// A line for each figure, against the number of hubs.
fn chart(rows: &[Row], title: &str, lines: &[(&'static str, &str)]) -> String {
    let line = |(name, figure): &(&'static str, &str)| {
        let points = rows.iter().filter_map(|row| {
            let value = row.figures.value(figure)?;
            Some((row.hubs as f64, value))
        });
        Line {
            name,
            points: points.collect(),
        }
    };
    Chart {
        title,
        across: "hubs",
        lines: lines.iter().map(line).collect(),
    }
    .svg()
}
