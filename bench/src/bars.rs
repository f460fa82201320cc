//! The limits that the hub has to reach, and the check of the measured figures against them.

mod limit;

use std::fmt::Write;

use crate::bars::limit::{Figure, Limit};
use crate::report::{Report, number};
use crate::servers::Kind;
use crate::workloads::Workload;

/// One figure of the hub and what it is held against.
struct Bar {
    says: &'static str,
    workload: Workload,
    figure: &'static str,
    /// The divisor for the unit in which the figure is shown.
    unit: f64,
    limits: &'static [Limit],
}

/// Returns true if the figures of a workload show that a limit is reached.
pub(crate) fn decides(workload: Workload) -> bool {
    let beside =
        |limit: &Limit| matches!(limit, Limit::LeastOfWorkload(_, other) if *other == workload);
    BARS.iter()
        .any(|bar| bar.workload == workload || bar.limits.iter().any(beside))
}

/// A Markdown table of every bar.
pub(crate) fn table(report: &Report) -> String {
    let mut text = "| figure | target | measured: median (least–most) | floor | reached |\n| --- | --- | ---: | ---: | --- |\n".to_owned();
    for bar in &BARS {
        let _ = writeln!(text, "{}", bar.row(report));
    }
    text
}

impl Bar {
    fn row(&self, report: &Report) -> String {
        let at = |kind| report.figure(self.workload, kind, self.figure);
        let figure = Figure {
            workload: self.workload,
            name: self.figure,
            unit: self.unit,
        };
        let limits = self.limits.iter().map(|limit| limit.name(&figure));
        let limits: Vec<String> = limits.collect();
        let limits = limits.join("; ");
        let Some(measured) = at(Kind::Campanile) else {
            return format!("| {} | {limits} | not measured | – | – |", self.says);
        };
        let floor = at(Kind::Floor).map_or("–".to_owned(), |floor| {
            let times = measured.median / floor.median;
            format!("{} (× {})", number(floor.median / self.unit), number(times))
        });
        let verdicts = self.limits.iter();
        let verdicts: Vec<String> = verdicts
            .map(|limit| limit.verdict(&figure, report, measured.median))
            .collect();
        let shown = measured.shown(self.unit);
        format!(
            "| {} | {limits} | {shown} | {floor} | {}{} |",
            self.says,
            verdicts.join("; "),
            self.disk(report)
        )
    }

    /// Beside how long an alarm takes at half load: how long the disk takes at half of its own.
    fn disk(&self, report: &Report) -> String {
        let spread = match self.workload {
            Workload::HalfLoad => report.disk("half_p99_ms"),
            _ => None,
        };
        spread.map_or(String::new(), |spread| {
            format!("; the disk alone: p99 {} ms", spread.shown(1.0))
        })
    }
}

const BARS: [Bar; 16] = [
    Bar {
        says: "memory of an idle stream, PSS at 10,000, KB",
        workload: Workload::Idle,
        figure: "pss_bytes_per_stream",
        unit: 1_000.0,
        limits: &[Limit::MostOf(1.0, Kind::Nchan), Limit::Most(10_500.0)],
    },
    Bar {
        says: "CPU µs for a delivery, broadcast to 1,000 at 50/s",
        workload: Workload::Broadcast50,
        figure: "cpu_us",
        unit: 1.0,
        limits: &[
            Limit::MostOf(1.0, Kind::Nchan),
            Limit::MostOf(1.5, Kind::Floor),
        ],
    },
    Bar {
        says: "CPU µs for a delivery, broadcast to 10,000, closed loop",
        workload: Workload::Broadcast10k,
        figure: "cpu_us",
        unit: 1.0,
        limits: &[Limit::MostOf(1.0, Kind::Nchan), Limit::MostOfPeers(1.05)],
    },
    Bar {
        says: "p99 from publishing to receiving, broadcast to 10,000, closed loop, ms",
        workload: Workload::Broadcast10k,
        figure: "p99_ms",
        unit: 1.0,
        limits: &[Limit::MostOfPeers(1.05)],
    },
    Bar {
        says: "a broadcast to 10,000 at 2/s, until its last client has it, ms",
        workload: Workload::Scale10000,
        figure: "last_p50_ms",
        unit: 1.0,
        limits: &[Limit::MostOf(1.3, Kind::Floor)],
    },
    Bar {
        says: "deliveries/s, broadcast to 1,000, 16 publishers",
        workload: Workload::Broadcast16,
        figure: "deliveries_per_s",
        unit: 1.0,
        limits: &[Limit::LeastOf(3.0, Kind::Nchan)],
    },
    Bar {
        says: "personal alarms/s on disk, 256 publishers",
        workload: Workload::Personal256,
        figure: "alarms_per_s",
        unit: 1.0,
        limits: &[
            Limit::LeastOfWorkload(20.0, Workload::Personal1),
            Limit::Least(10_000.0),
        ],
    },
    Bar {
        says: "CPU µs for a personal alarm, 16 publishers",
        workload: Workload::Personal16,
        figure: "cpu_us",
        unit: 1.0,
        limits: &[Limit::MostOf(1.0, Kind::Node)],
    },
    Bar {
        says: "CPU µs for a stored personal alarm, 256 publishers",
        workload: Workload::Personal256,
        figure: "cpu_us",
        unit: 1.0,
        limits: &[Limit::MostOf(1.5, Kind::CampanileWithoutStore)],
    },
    Bar {
        says: "CPU µs for a stored personal alarm, 16 publishers",
        workload: Workload::Personal16,
        figure: "cpu_us",
        unit: 1.0,
        limits: &[Limit::MostOf(1.5, Kind::CampanileWithoutStore)],
    },
    Bar {
        says: "p99 from publishing to receiving, 1,000 clients at 50/s, ms",
        workload: Workload::Broadcast50,
        figure: "p99_ms",
        unit: 1.0,
        limits: &[Limit::MostOf(1.0, Kind::Nchan)],
    },
    Bar {
        says: "p99 from publishing to receiving, personal at half load, ms",
        workload: Workload::HalfLoad,
        figure: "p99_ms",
        unit: 1.0,
        limits: &[Limit::Most(10.0)],
    },
    Bar {
        says: "storm: 10,000 clients, each 20 alarms behind, all served, s",
        workload: Workload::Storm,
        figure: "all_served_s",
        unit: 1.0,
        limits: &[Limit::Most(3.0)],
    },
    Bar {
        says: "storm: reads of the log for 16 different cursors, `replay`",
        workload: Workload::Storm,
        figure: "reads_replay",
        unit: 1.0,
        limits: &[Limit::Most(16.0)],
    },
    Bar {
        says: "storm: reads of the log for 16 different cursors, `head`",
        workload: Workload::Storm,
        figure: "reads_head",
        unit: 1.0,
        limits: &[Limit::Most(16.0)],
    },
    Bar {
        says: "streams opened a second, one core",
        workload: Workload::Idle,
        figure: "connects_per_s",
        unit: 1.0,
        limits: &[Limit::Least(15_000.0)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn report(entries: &[(Workload, Kind, &'static str, f64)]) -> Report {
        let mut report = Report::default();
        for (workload, kind, name, value) in entries {
            let mut figures = Figures::default();
            figures.set(*name, *value);
            report.add(*workload, *kind, figures);
        }
        report
    }

    fn row(report: &Report, says: &str) -> String {
        let bar = BARS.iter().find(|bar| bar.says.starts_with(says)).unwrap();
        bar.row(report)
    }

    #[test]
    fn a_bar_is_held_against_what_was_measured_beside_it() {
        let report = report(&[
            (Workload::Broadcast50, Kind::Campanile, "cpu_us", 6.0),
            (Workload::Broadcast50, Kind::Nchan, "cpu_us", 8.0),
            (Workload::Broadcast50, Kind::Floor, "cpu_us", 3.0),
        ]);

        let row = row(&report, "CPU µs for a delivery, broadcast to 1,000");

        assert!(row.contains("3.00 (× 2.00)"), "{row}");
        assert!(row.contains("yes (8.00); **no** (4.50; × 1.33)"), "{row}");
    }

    #[test]
    fn a_bar_is_held_against_the_best_peer_and_names_those_not_measured() {
        let report = report(&[
            (Workload::Broadcast10k, Kind::Campanile, "p99_ms", 75.0),
            (Workload::Broadcast10k, Kind::Floor, "p99_ms", 50.0),
            (Workload::Broadcast10k, Kind::Nchan, "p99_ms", 80.0),
            (Workload::Broadcast10k, Kind::Mercure, "p99_ms", 70.0),
        ]);

        let row = row(&report, "p99 from publishing to receiving, broadcast");

        assert!(row.contains("≤ 1.05 × the best peer"), "{row}");
        let verdict =
            "**no** (73.5 by mercure; not measured: node, centrifugo, spring, pushpin; × 1.02)";
        assert!(row.contains(verdict), "{row}");
    }

    #[test]
    fn a_bar_without_its_peer_is_not_called_reached() {
        let report = report(&[(Workload::Personal16, Kind::Campanile, "cpu_us", 1.0)]);

        let row = row(&report, "CPU µs for a personal alarm");

        assert!(row.contains("not measured beside it"), "{row}");
    }

    #[test]
    fn a_run_in_which_a_peer_did_not_deliver_everything_is_not_counted() {
        let mut report = report(&[
            (Workload::Broadcast10k, Kind::Campanile, "p99_ms", 75.0),
            (Workload::Broadcast10k, Kind::Nchan, "p99_ms", 80.0),
        ]);
        let mut figures = Figures::default();
        figures.set("p99_ms", 1.0);
        figures.set("lost", 3.0);
        report.add(Workload::Broadcast10k, Kind::Nchan, figures.clone());
        report.add(Workload::Broadcast10k, Kind::Node, figures);

        let row = row(&report, "p99 from publishing to receiving, broadcast");

        let verdict = "yes (84.0 by nchan; not measured: node without faults, mercure,";
        assert!(row.contains(verdict), "{row}");
    }

    #[test]
    fn a_bar_without_any_peer_is_not_called_reached() {
        let report = report(&[(Workload::Broadcast10k, Kind::Campanile, "p99_ms", 75.0)]);

        let row = row(&report, "p99 from publishing to receiving, broadcast");

        assert!(row.contains("not measured beside it"), "{row}");
    }

    #[test]
    fn the_last_client_of_a_broadcast_is_held_against_the_floor() {
        let report = report(&[
            (Workload::Scale10000, Kind::Campanile, "last_p50_ms", 60.0),
            (Workload::Scale10000, Kind::Floor, "last_p50_ms", 50.0),
        ]);

        let row = row(&report, "a broadcast to 10,000 at 2/s");

        assert!(row.contains("yes (65.0)"), "{row}");
    }

    #[test]
    fn the_disk_alone_is_told_beside_the_half_load() {
        let mut report = report(&[(Workload::HalfLoad, Kind::Campanile, "p99_ms", 38.7)]);
        let mut disk = Figures::default();
        disk.set("half_p99_ms", 9.0);
        report.add_disk(disk);

        let row = row(&report, "p99 from publishing to receiving, personal");

        assert!(
            row.contains("the disk alone: p99 9.00 (9.00–9.00) ms"),
            "{row}"
        );
    }

    #[test]
    fn what_a_bar_is_held_against_decides_as_well() {
        assert!(decides(Workload::Personal256) && decides(Workload::Personal1));
        assert!(!decides(Workload::Scale100) && !decides(Workload::Churn));
    }

    #[test]
    fn a_hub_that_was_not_measured_has_reached_nothing() {
        let row = row(&Report::default(), "streams opened");

        assert!(row.contains("not measured"), "{row}");
        assert!(!row.contains("yes"), "{row}");
    }
}
