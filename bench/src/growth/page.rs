//! The page `docs/internals/growth.md`, and its tables.

use std::fmt::Write;

use crate::growth::picture::{names, points};
use crate::growth::results::{DatabaseKind, Results, Run};
use crate::report::number;

pub(super) fn page(results: &Results) -> String {
    format!("{INTRODUCTION}{}", tables(results))
}

/// All figures as tables.
pub(super) fn tables(results: &Results) -> String {
    let mut text = String::new();
    for kind in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        let runs: Vec<&Run> = results.runs.iter().filter(|run| run.kind == kind).collect();
        if runs.is_empty() {
            continue;
        }
        let _ = write!(
            text,
            "\n## {}\n\n{}",
            kind.name(),
            costs(&runs, results, kind)
        );
        let _ = write!(text, "\n{}", pruning(&runs));
        let _ = write!(text, "\n{}", migrations(&runs));
    }
    if let Some(distance) = results.distance {
        let _ = write!(
            text,
            "\n## A distant PostgreSQL\n\n256 publishers in closed loop, each alarm with an `Idempotency-Key`, the hub on one core. \
             A batch is one statement, however large it is, and a connection is checked before it after a pause.\n\n\
             | added to each round trip | alarms/s |\n| --- | ---: |\n| nothing | {} |\n| 1 ms | {} ({:.0} %) |\n",
            number(distance.near_per_second),
            number(distance.far_per_second),
            100.0 * distance.far_per_second / distance.near_per_second
        );
    }
    text
}

/// A row for each kind of request, a column for each size, and the growth from the least size to the most.
fn costs(runs: &[&Run], results: &Results, kind: DatabaseKind) -> String {
    let mut text = "| request, ms |".to_owned();
    for run in runs {
        let _ = write!(text, " {} rows |", number(run.rows as f64));
    }
    let _ = writeln!(
        text,
        " growth |\n| --- |{} ---: |",
        " ---: |".repeat(runs.len())
    );
    for name in names(&results.runs) {
        let points = points(&results.runs, kind, name);
        let cells: Vec<String> = points.iter().map(|point| number(point.1)).collect();
        let growth = match (points.first(), points.last()) {
            (Some(first), Some(last)) => format!("× {}", number(last.1 / first.1)),
            _ => "–".to_owned(),
        };
        let _ = writeln!(text, "| {name} | {} | {growth} |", cells.join(" | "));
    }
    text
}

/// A row for each size.
fn pruning(runs: &[&Run]) -> String {
    let mut text = "Publishing at half of the rate that 256 publishers reach, while the older half is pruned. A publisher waits for the disk, for the batch of others before it, and for a batch of \
                    pruning, which aims at 3 ms. The p99 is the median of phases of 4 s (least–most):\n\n\
                    | rows | alarms/s | p99 without pruning, ms | p99 beside it | ratio | rows pruned | in seconds | batches | of them within 10 ms |\n\
                    | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for run in runs {
        let pruning = &run.pruning;
        let ratio = pruning.beside_p99.median / pruning.calm_p99.median;
        let cells = [
            number(run.rows as f64),
            number(pruning.per_second),
            pruning.calm_p99.shown(1.0),
            pruning.beside_p99.shown(1.0),
            format!("× {}", number(ratio)),
            number(pruning.rows as f64),
            number(pruning.seconds),
            number(pruning.batches),
            format!("{:.1} %", 100.0 * pruning.short_batches / pruning.batches),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The time of each statement at the largest size.
fn migrations(runs: &[&Run]) -> String {
    let Some(largest) = runs.iter().max_by_key(|run| run.rows) else {
        return String::new();
    };
    let mut text = format!(
        "The upgrade that makes these indexes, at {} rows (which were filled in within {:.0} s):\n\n| statement | seconds |\n| --- | ---: |\n",
        number(largest.rows as f64),
        largest.filled_seconds
    );
    for migration in &largest.migrations {
        let statement = migration
            .statement
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let _ = writeln!(text, "| `{statement}` | {} |", number(migration.seconds));
    }
    text
}

const INTRODUCTION: &str = "# Cost against size

<!-- Written by `campanile-bench growth`; change bench/src/growth/page.rs instead. -->

A request costs what belongs to its user, not how long the log is or how many others there are. A database is filled with alarms, and a tenth as many accounts,
revoked tokens and keys (at most 1,000,000), half as many receipts and a hundredth as many rooms (at most 100,000). Nearly all of them belong to others. Then each
kind of request is asked 40 times, one after the other, over HTTP; the median is shown. One user has a single alarm, the last one of the log; another one has an inbox with a tenth
of all alarms, none of them seen. `growth` is the time at the largest size divided by that at the smallest.
[100,000,000 rows](hundred-million.md) were measured once.

<!-- not run: it measures for minutes; this page is what it wrote -->
```sh
cargo build --release -p campanile -p campanile-bench
target/release/campanile-bench growth --docs docs                  # up to 10,000,000 rows, in some twelve minutes; writes this page and its picture
target/release/campanile-bench growth --rows 10000,1000000         # in some four minutes; a row needs 400 bytes of the disk
```

It needs `sqlite3` and `postgresql` from apt. PostgreSQL is a server of the bench's own, with the package's settings but for its memory.

![Time of each kind of request against the rows of the log](growth.svg)
";
