//! The page `docs/internals/crowds.md`, and its tables.

use std::fmt::Write;

use crate::crowds::idle;
use crate::crowds::results::{Beside, Results, Run};
use crate::report::number;

pub(super) fn page(results: &Results) -> String {
    let conditions = format!(
        "\nThe load of the machine by other programs was {} before.\n",
        number(results.load_before)
    );
    format!("{INTRODUCTION}{conditions}{}", tables(results))
}

/// All figures as tables.
pub(super) fn tables(results: &Results) -> String {
    let mut text = "\n| p99, ms | database | others a second | without them | beside them | ratio |\n| --- | --- | ---: | ---: | ---: | ---: |\n".to_owned();
    let clients = number(results.clients as f64);
    let presence = format!(
        "alarms to {clients} members of a room, until they have them, while others come and go"
    );
    text += &row(&presence, "SQLite", &results.presence);
    for run in &results.runs {
        let replay = "publishing, until it is answered, while others read the log";
        text += &row(replay, run.kind.name(), &run.replay);
    }
    let _ = write!(
        text,
        "\n{clients} clients come back at once, each 20 alarms behind, with so many different cursors. None is refused. *Reads* are those of the log.\n\n\
         | database | cursors | running hub, s | just after `kill -9` and a start, s | ratio | reads, running | reads, started | lost |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for Run {
        kind, returning, ..
    } in &results.runs
    {
        let (warm, killed) = (returning.warm, returning.killed);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | × {} | {} | {} | {} |",
            kind.name(),
            returning.cursors,
            number(warm.seconds),
            number(killed.seconds),
            number(killed.seconds / warm.seconds),
            warm.reads,
            killed.reads,
            warm.lost + killed.lost
        );
    }
    let (bytes, polls) = results.poll;
    let _ = writeln!(
        text,
        "\nA long poll that waits takes {} bytes of the hub's memory (PSS, over {} polls).",
        number(bytes),
        number(polls as f64)
    );
    text + &idle(results)
}

/// Silent streams.
fn idle(results: &Results) -> String {
    let mut text =
        "\nStreams to which nothing comes but heartbeats, each on a connection of its own:\n\n\
                    | streams | memory, MB | of a core |\n| ---: | ---: | ---: |\n"
            .to_owned();
    for step in &results.idle {
        let _ = writeln!(
            text,
            "| {} | {} | {:.3} |",
            number(step.streams as f64),
            number(step.megabytes),
            step.of_a_core
        );
    }
    if let Some(far) = idle::calculated(&results.idle, FAR) {
        let _ = writeln!(
            text,
            "| {} (calculated) | {} | {:.2} |",
            number(FAR as f64),
            number(far.megabytes),
            far.of_a_core
        );
    }
    text
}

/// More streams than a process may have files here.
const FAR: usize = 100_000;

fn row(what: &str, database: &str, beside: &Beside) -> String {
    format!(
        "| {what} | {database} | {} | {} | {} | × {} |\n",
        number(beside.came_per_second),
        number(beside.without),
        number(beside.with),
        number(beside.with / beside.without)
    )
}

const INTRODUCTION: &str = "# The cost of a crowd to others

<!-- Written by `campanile-bench crowds`; change bench/src/crowds/page.rs instead. -->

One core for the hub, the other for the load; PostgreSQL, a server of the bench's own, shares both. With and without a crowd are measured by turns at the same hub, and the median over the
turns is shown. For each of *others a second* one stream opens and one closes. The bench does not sleep while it measures, except beside PostgreSQL, which may run on its core.

<!-- not run: it measures for minutes; this page is what it wrote -->
```sh
cargo build --release -p campanile -p campanile-bench
target/release/campanile-bench crowds --docs docs        # writes this page
```
";
