//! The page `docs/internals/mercure-cost.md`, and its tables.

use std::fmt::Write;

use crate::mercure::results::{Results, Run};
use crate::report::number;

pub(super) fn page(results: &Results) -> String {
    let conditions = format!(
        "{} s for each row of the first tables, after 0.7 s that do not count. The load of the machine by other programs was {} before.\n",
        number(results.seconds),
        number(results.load_before)
    );
    format!("{INTRODUCTION}{conditions}{}", tables(results))
}

/// All figures as tables.
pub(super) fn tables(results: &Results) -> String {
    let mut text = String::new();
    for run in &results.runs {
        let name = run.kind.name();
        let _ = write!(text, "\n## {name}\n\n{}\n{}", steps(run), history(run));
    }
    text
}

fn steps(run: &Run) -> String {
    let base: Vec<f64> = [run.steps.first(), run.steps.last()]
        .into_iter()
        .flatten()
        .map(|step| step.cpu_micros)
        .collect();
    let base = base.iter().sum::<f64>() / base.len() as f64;
    let mut text =
        "| beside | updates/s | CPU µs an update | to nothing | p50 ms | p99 ms | faults |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for step in &run.steps {
        let _ = writeln!(
            text,
            "| {} | {} | {} | × {} | {} | {} | {} |",
            step.beside,
            number(step.updates_per_second),
            number(step.cpu_micros),
            number(step.cpu_micros / base),
            number(step.p50_ms),
            number(step.p99_ms),
            step.faults
        );
    }
    let _ = writeln!(
        text,
        "\nThe processor time of an update beside nothing is that of {} updates for each second of one core; *updates/s* is what the machine left.",
        number(1e6 / base)
    );
    text
}

fn history(run: &Run) -> String {
    let rows = number(run.history.rows as f64);
    let mut text = format!(
        "| request, ms | 10,000 updates of other topics | {rows} more | growth |\n| --- | ---: | ---: | ---: |\n"
    );
    for times in &run.history.times {
        let _ = writeln!(
            text,
            "| {} | {} | {} | × {} |",
            times.name,
            number(times.short),
            number(times.long),
            number(times.long / times.short)
        );
    }
    text
}

const INTRODUCTION: &str = "# The cost of Mercure updates

<!-- Written by `campanile-bench mercure --docs docs`; change bench/src/mercure/page.rs instead. -->

256 publishers send updates in closed loop, each on a connection of its own and the next one when the last one was stored (`200`) and read. Each update has one of 256 topics, and one
reader is subscribed to each. The hub has one core. *beside* names the subscriptions that are open besides and match none of these updates; each is another topic or pattern, on a
connection of its own. *to nothing* is the processor time of the hub for an update, divided by the mean of the first and the last row. *p50* and *p99*: from publishing to the reader.
*faults*: updates that were lost, repeated, out of order or refused.

The history is filled in between updates of one topic: each kind of request is asked 40 times, one after the other; the median until the last missed update is there. *growth* compares a history of 10,000 updates of other topics with the long one.

<!-- not run: it measures for minutes; this page is what it wrote -->
```sh
cargo build --release -p campanile -p campanile-bench
target/release/campanile-bench mercure --docs docs
```

";
