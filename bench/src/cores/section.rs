//! The report's section on fan-out: the hub on one core, then on every core, what each of its threads did, and what many cores would do.

use std::fmt::Write;

use crate::cores::outlook::{self, Measured, value};
use crate::figures::Figures;
use crate::proc;
use crate::report::{Report, faults, number, runs};
use crate::servers::Kind;
use crate::workloads::Workload;

/// One load on the hub, on one core and on every core.
pub(crate) struct Pair {
    /// The words for it in a table.
    pub(crate) says: &'static str,
    pub(crate) one: Workload,
    pub(crate) every: Workload,
}

/// The section; nothing if it was not measured.
pub(crate) fn section(report: &Report) -> String {
    let at = |workload| report.median(workload, Kind::Campanile);
    let measured = PAIRS.iter().filter_map(|pair| {
        Some(Measured {
            says: pair.says,
            one: at(pair.one)?,
            every: at(pair.every)?,
        })
    });
    let measured: Vec<Measured> = measured.collect();
    if measured.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Fan-out across cores\n\n{EXPLANATION}\n\n{HEADING}");
    for pair in &measured {
        for (cores, figures) in [("one", &pair.one), ("every", &pair.every)] {
            let cells = row(figures).join(" | ");
            let _ = writeln!(text, "| {} | {cores} | {cells} |", pair.says);
        }
    }
    text.push_str(&outlook::table(&measured));
    text
}

/// The section as a page of its own.
pub(crate) fn page(section: &str, repeated: usize) -> String {
    format!(
        "{TITLE}\nMedians of {}, on {}.\n\n{}\n",
        runs(repeated),
        proc::machine(),
        section.trim()
    )
}

fn row(figures: &Figures) -> Vec<String> {
    let shown = |name| number(value(figures, name));
    let mut cells = vec![format!("{:.0}", value(figures, "workers"))];
    cells.extend(["deliveries_per_s", "cpu_us", "cpu_share"].map(shown));
    cells.push(number(bench_share(figures)));
    cells.extend(["own_cpu_us", "p99_ms"].map(shown));
    cells.push(each(figures, "worker_streams "));
    cells.push(each(figures, "worker_cpu_share "));
    cells.push(others(figures));
    cells.push(faults(figures));
    cells
}

/// The part of a core that the bench used.
fn bench_share(figures: &Figures) -> f64 {
    value(figures, "own_cpu_us") * value(figures, "deliveries_per_s") / 1e6
}

/// One figure of every worker.
fn each(figures: &Figures, name: &str) -> String {
    let values = figures.beginning(name).map(|(_place, value)| number(value));
    values.collect::<Vec<_>>().join(", ")
}

/// The processor time of the threads that are not workers, for those that used any.
fn others(figures: &Figures) -> String {
    let busy = figures
        .beginning("thread_cpu_share ")
        .filter(|(_name, share)| *share >= LITTLE);
    let told = busy.map(|(name, share)| format!("{name} {}", number(share)));
    told.collect::<Vec<_>>().join(", ")
}

const TITLE: &str = "# One hub on one core and on several

<!-- Written by `campanile-bench cores`; change bench/src/cores/section.rs instead. -->

<!-- not run: it measures for minutes; this page is what it wrote -->
```sh
cargo build --release -p campanile -p campanile-bench
target/release/campanile-bench cores --docs docs        # writes this page
```
";

/// The workloads of the section.
pub(crate) const PAIRS: [Pair; 3] = [
    Pair {
        says: "rooms, 1,000 streams",
        one: Workload::FanOutOneCore,
        every: Workload::FanOutEveryCore,
    },
    Pair {
        says: "rooms, 10,000 streams",
        one: Workload::CrowdOneCore,
        every: Workload::CrowdEveryCore,
    },
    Pair {
        says: "one user each",
        one: Workload::UsersOneCore,
        every: Workload::UsersEveryCore,
    },
];

/// Of a core.
const LITTLE: f64 = 0.005;

const EXPLANATION: &str = "Closed loop, in as many rooms as this machine has cores, with 1,000 streams and 16 publishers in all, and with 10,000 streams and a publisher for each room; and alarms for one \
of 10,000 users each from 256 publishers, where a delivery is an alarm. The hub has as many workers as it may use cores: first one, with the bench on another core; then all of this machine's, with the \
bench behind it: a thread on each core that runs only while no thread of the hub wants that core. So the hub gets each core it asks for, and the load what is left. The two of them share every core there, and the rate cannot grow by as much as the \
cores do. CPU of threads is in parts of a core.";

const HEADING: &str = "| alarms for | cores | workers | deliveries/s | CPU µs | of a core | bench, of a core | bench's own µs | p99 ms | streams of each worker | CPU of each worker | of other threads | faults |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
";

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(shares: &[f64], deliveries: f64) -> Figures {
        let mut figures = Figures::default();
        figures.set("workers", shares.len() as f64);
        figures.set("deliveries_per_s", deliveries);
        figures.set("thread_cpu_share Broadcaster", 0.25);
        figures.set("thread_cpu_share idle", 0.0);
        for (place, share) in shares.iter().enumerate() {
            figures.set(format!("worker_cpu_share {}", place + 1), *share);
        }
        figures
    }

    #[test]
    fn every_worker_is_shown_and_every_thread_that_did_something() {
        let mut report = Report::default();
        let one = measured(&[0.7], 100.0);
        let every = measured(&[0.6, 0.3], 150.0);
        report.add(Workload::CrowdOneCore, Kind::Campanile, one);
        report.add(Workload::CrowdEveryCore, Kind::Campanile, every);

        let text = section(&report);

        assert!(
            text.contains("| 0.60, 0.30 | Broadcaster 0.25 | none |"),
            "{text}"
        );
        assert!(!text.contains("idle"), "{text}");
        assert!(
            text.contains("| rooms, 10,000 streams | every | 2 | 150 |"),
            "{text}"
        );
    }

    #[test]
    fn half_of_a_pair_has_no_row() {
        let mut report = Report::default();
        report.add(
            Workload::UsersOneCore,
            Kind::Campanile,
            measured(&[0.7], 100.0),
        );

        assert_eq!(section(&report), "");
    }
}
