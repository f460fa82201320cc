//! The report: measures everything and writes `performance.md`, its figures as JSON and its pictures.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use crate::args::ReportCommand;
use crate::bars;
use crate::chart::{Chart, Line};
use crate::cores;
use crate::disk;
use crate::error::Result;
use crate::ground::Ground;
use crate::internals;
use crate::proc;
use crate::report::{Report, runs};
use crate::run;
use crate::servers::Kind;
use crate::turns;
use crate::workloads::Workload;

/// `campanile-bench report`.
pub(crate) fn write(command: &ReportCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let started = Instant::now();
    let within = Duration::from_secs_f64(command.minutes.clamp(0.1, 600.0) * 60.0);
    let mut longest = Duration::ZERO;
    let busy = others();
    let mut report = Report::default();
    let servers = prepared(command, &mut report);
    for repetition in 0..command.repeat {
        if repetition > 0 && started.elapsed() + longest > within {
            eprintln!("campanile-bench: no time left for another repetition");
            break;
        }
        let begun = Instant::now();
        report.add_disk(disk::measure(ground.data())?);
        let (once, again): (Vec<Kind>, Vec<Kind>) = servers
            .iter()
            .partition(|kind| turns::is_measured_once(**kind));
        let mut measure = |kinds: Vec<Kind>| {
            for kind in kinds {
                let (wishes, workloads) = (
                    command.wishes(kind),
                    turns::workloads(command, kind, repetition),
                );
                run::measure(&ground, kind, &workloads, &wishes, &mut report);
            }
        };
        measure(again);
        longest = longest.max(begun.elapsed());
        measure(once);
        // The figures are saved after each repetition, so that they are kept if the bench is stopped before the last one.
        save(command, &report, &busy)?;
    }
    println!("{}", bars::table(&report));
    Ok(())
}

/// The servers whose programs are there; the report names the others.
fn prepared(command: &ReportCommand, report: &mut Report) -> Vec<Kind> {
    let mut servers = command.servers.clone();
    servers.retain(|kind| match kind.prepare() {
        Ok(()) => true,
        Err(cause) => {
            eprintln!("not measured: {} ({cause})", kind.name());
            report.leave_out(*kind, cause.to_string());
            false
        }
    });
    servers
}

fn save(command: &ReportCommand, report: &Report, busy: &str) -> Result<()> {
    let write = |name, text: String| internals::write(&command.docs, name, &text);
    write("performance/figures.json", report.json()? + "\n")?;
    write(
        "performance/cost.svg",
        chart(
            report,
            command,
            "CPU µs for a delivery, 20,000 deliveries a second",
            "cpu_us",
        ),
    )?;
    write(
        "performance/latency.svg",
        chart(
            report,
            command,
            "p99 from publishing to receiving, ms, 20,000 deliveries a second",
            "p99_ms",
        ),
    )?;
    write("performance.md", document(command, report, busy))
}

fn chart(report: &Report, command: &ReportCommand, title: &str, figure: &str) -> String {
    let line = |kind: &Kind| {
        let points = SIZES.iter().filter_map(|(workload, clients)| {
            let spread = report.figure(*workload, *kind, figure)?;
            spread
                .median
                .is_finite()
                .then_some((*clients, spread.median))
        });
        Line {
            name: kind.name(),
            points: points.collect(),
        }
    };
    let lines = command.servers.iter().map(line);
    Chart {
        title,
        across: "clients",
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
    }
    .svg()
}

fn document(command: &ReportCommand, report: &Report, busy: &str) -> String {
    let mut text = INTRODUCTION.to_owned();
    let fewer = match report.repeated() {
        0 | 1 => "",
        _ => FEWER,
    };
    let _ = write!(
        text,
        "Measured: {} of Campanile, medians of {}, {} s for each workload with a target (and for fan-out), {} s for the others, on {}. {busy}{fewer}\n\n\
         ## Targets\n\n\
         In brackets after each verdict: the limit as measured in this run, and, if it is missed, the hub's figure divided by the limit. \
         The fourth column is the figure of `floor`, and the hub's figure divided by it. The best peer is the one with the least figure in the same workload; \
         a peer that was not measured there is named and not counted, and neither is a run of a peer in which it did not deliver everything.\n\n{}",
        command.of,
        runs(report.repeated()),
        command.seconds,
        command.seconds_of_others,
        proc::machine(),
        bars::table(report),
    );
    let troubles = report.troubles();
    if !troubles.is_empty() {
        text.push_str("\n## What could not be measured\n\n");
        for trouble in troubles {
            let _ = writeln!(text, "- {trouble}");
        }
    }
    // The notes were written by a person: the page is generated anew and the notes are kept.
    let notes = internals::path(&command.docs, "performance/notes.md");
    if let Ok(notes) = fs::read_to_string(notes) {
        let _ = write!(text, "\n{}\n", notes.trim());
    }
    text.push_str(PICTURES);
    text.push_str(&cores::section(report));
    text.push_str(&report.disk_section());
    text.push_str(&gain(report));
    text.push_str("\n## Figures\n");
    text.push_str(&report.tables_only());
    text
}

/// The change from the binary that was named as `before`, as ratios.
fn gain(report: &Report) -> String {
    let mut rows = String::new();
    for (workload, figure) in GAINS {
        let at = |kind| Some(report.figure(workload, kind, figure)?.median);
        let (Some(now), Some(before)) = (at(Kind::Campanile), at(Kind::Before)) else {
            continue;
        };
        let _ = writeln!(
            rows,
            "| `{}` {figure} | {before:.2} | {now:.2} | {:.2} |",
            workload.name(),
            now / before
        );
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n## Beside an earlier build\n\n| figure | before | now | ratio |\n| --- | ---: | ---: | ---: |\n{rows}"
    )
}

/// The load of the machine by other processes when the bench began. A high load makes the figures less reliable.
fn others() -> String {
    let load = proc::load();
    if load < QUIET {
        return format!("The machine's load before: {load}.");
    }
    eprintln!(
        "campanile-bench: the machine is busy (load {load}); the figures will be worth little"
    );
    format!(
        "**The machine was busy with something else (load {load} before), so latencies and rates are worse than they need be.**"
    )
}

const FEWER: &str = " Workloads without a target, and `campanile-in-memory`, were measured less often, and pushpin, which takes longest, once; their rows say so.";

/// Processes that want a core while nobody measures: what built the hub a minute ago still counts a little.
const QUIET: f64 = 1.0;

const SIZES: [(Workload, f64); 4] = [
    (Workload::Scale100, 100.0),
    (Workload::Scale1000, 1_000.0),
    (Workload::Scale4000, 4_000.0),
    (Workload::Scale10000, 10_000.0),
];

const GAINS: [(Workload, &str); 5] = [
    (Workload::Broadcast50, "cpu_us"),
    (Workload::Broadcast16, "deliveries_per_s"),
    (Workload::Personal16, "cpu_us"),
    (Workload::Personal256, "alarms_per_s"),
    (Workload::HalfLoad, "p99_ms"),
];

const INTRODUCTION: &str = "# Performance

<!-- Written by `campanile-bench report`; change bench/src/document.rs instead. -->

One core for the server, the other for the load, loopback network, one server after the other in one run. How each workload and figure is defined:
[bench/README.md](../../bench/README.md). `floor` is a bare epoll loop that writes one ready chunk to every subscriber: the physical limit.
**`floor` and the peers (nchan, Node, the reference hub of Mercure, Centrifugo, Spring's `SseEmitter`, pushpin) store nothing; `campanile` had every alarm on disk (SQLite, `synchronous=FULL`) before it answered.**
`campanile-in-memory` is the same hub with its database on a file system in memory. Events are equally large for all. The configuration of each peer: [bench/README.md](../../bench/README.md).

<!-- not run: it measures for half an hour; this page is what it wrote -->
```sh
cargo build --release -p campanile -p campanile-bench
export CAMPANILE_BENCH_MERCURE=/path/to/mercure CAMPANILE_BENCH_CENTRIFUGO=/path/to/centrifugo
target/release/campanile-bench report        # writes this page, its figures and its pictures
```

";

const PICTURES: &str = "
## Against the number of clients

100 to 10,000 streams, as many alarms a second as make 20,000 deliveries: 200 a second for 100 clients, 2 for 10,000. Both axes are logarithmic.

![CPU for a delivery against the number of clients](performance/cost.svg)

![Latency against the number of clients](performance/latency.svg)

All figures, run by run, with the least and the most of each: [performance/figures.json](performance/figures.json).
";
