//! The report's section on fan-out: the hub on one core, then on every core, and what each of its threads did.

use std::fmt::Write;

use crate::figures::Figures;
use crate::report::{Report, faults, number};
use crate::servers::Kind;
use crate::workloads::Workload;

/// The section; nothing if it was not measured.
pub(crate) fn section(report: &Report) -> String {
    let at = |workload| report.median(workload, Kind::Campanile);
    let (Some(one), Some(every)) = (at(Workload::FanOutOneCore), at(Workload::FanOutEveryCore))
    else {
        return String::new();
    };
    let mut text = format!("\n## Fan-out across cores\n\n{EXPLANATION}\n\n{HEADING}");
    for (cores, figures) in [("one", &one), ("every", &every)] {
        let _ = writeln!(text, "| {cores} | {} |", row(figures).join(" | "));
    }
    let ratio = |name| value(&every, name) / value(&one, name);
    let _ = writeln!(
        text,
        "\nOn every core the worker that did least took {} times the CPU of the one that did most, and held {} times its streams. \
         Against one core: {} times the deliveries, {} times the CPU for each.",
        number(value(&every, "worker_cpu_share_evenness")),
        number(value(&every, "worker_streams_evenness")),
        number(ratio("deliveries_per_s")),
        number(ratio("cpu_us")),
    );
    text
}

fn row(figures: &Figures) -> Vec<String> {
    let shown = |name| number(value(figures, name));
    let mut cells = vec![format!("{:.0}", value(figures, "workers"))];
    cells.extend(
        [
            "deliveries_per_s",
            "cpu_us",
            "cpu_share",
            "own_cpu_us",
            "p99_ms",
        ]
        .map(shown),
    );
    cells.push(each(figures, "worker_streams "));
    cells.push(each(figures, "worker_cpu_share "));
    cells.push(others(figures));
    cells.push(faults(figures));
    cells
}

fn value(figures: &Figures, name: &str) -> f64 {
    figures.value(name).unwrap_or(f64::NAN)
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

/// Of a core.
const LITTLE: f64 = 0.005;

const EXPLANATION: &str = "1,000 streams, alarms for everyone from 16 publishers in closed loop. The hub has as many workers as it may use cores: first one, then all of \
this machine's. The bench needs a core as well and has none to itself in the second row, so the rate cannot grow by as much as the cores do; here, and only here, it \
sleeps while nothing comes. What counts is whether each worker does its share. CPU of threads is in parts of a core.";

const HEADING: &str = "| cores | workers | deliveries/s | CPU µs | of a core | bench's own µs | p99 ms | streams of each worker | CPU of each worker | of other threads | faults |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
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
        figures.set("worker_cpu_share_evenness", 0.5);
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
        report.add(Workload::FanOutOneCore, Kind::Campanile, one);
        report.add(Workload::FanOutEveryCore, Kind::Campanile, every);

        let text = section(&report);

        assert!(
            text.contains("| 0.60, 0.30 | Broadcaster 0.25 | none |"),
            "{text}"
        );
        assert!(!text.contains("idle"), "{text}");
        assert!(text.contains("took 0.50 times the CPU"), "{text}");
        assert!(text.contains("1.50 times the deliveries"), "{text}");
    }

    #[test]
    fn what_was_not_measured_has_no_section() {
        assert_eq!(section(&Report::default()), "");
    }
}
