//! The measured figures as a table for a person and as JSON for a program.

use std::fmt::Write;

use serde::Serialize;

use crate::figures::{Figures, median};
use crate::servers::Kind;
use crate::workloads::Workload;

/// Everything measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    runs: Vec<(Workload, Kind, Figures)>,
    disk: Vec<Figures>,
    troubles: Vec<(Workload, Kind, String)>,
    left_out: Vec<(Kind, String)>,
}

/// One figure over several runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: Vec<f64>) -> Self {
        Self {
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            median: median(values),
        }
    }

    /// The median, and the least and the most of the runs.
    pub(crate) fn shown(self, unit: f64) -> String {
        let [median, least, most] =
            [self.median, self.least, self.most].map(|value| number(value / unit));
        format!("{median} ({least}–{most})")
    }

    pub(crate) fn over(runs: &[Figures], name: &str) -> Option<Self> {
        let (least, most) = Figures::spread(runs, name)?;
        Some(Self {
            median: Figures::over(runs).value(name)?,
            least,
            most,
        })
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    workload: String,
    server: &'static str,
    median: Figures,
    least: Figures,
    most: Figures,
    runs: Vec<&'a Figures>,
}

impl<'a> Entry<'a> {
    fn new(workload: String, server: &'static str, runs: Vec<&'a Figures>) -> Self {
        let cloned: Vec<Figures> = runs.iter().copied().cloned().collect();
        Self {
            workload,
            server,
            median: Figures::over(&cloned),
            least: Figures::extreme(runs.iter().copied(), f64::min),
            most: Figures::extreme(runs.iter().copied(), f64::max),
            runs,
        }
    }
}

impl Report {
    pub(crate) fn add(&mut self, workload: Workload, kind: Kind, figures: Figures) {
        self.runs.push((workload, kind, figures));
    }

    /// Enters what the disk did while no server ran.
    pub(crate) fn add_disk(&mut self, figures: Figures) {
        self.disk.push(figures);
    }

    /// One figure of the disk.
    pub(crate) fn disk(&self, name: &str) -> Option<Spread> {
        Spread::over(&self.disk, name)
    }

    /// Enters what a server could not do.
    pub(crate) fn fail(&mut self, workload: Workload, kind: Kind, cause: String) {
        self.troubles.push((workload, kind, cause));
    }

    /// Enters a server that is not measured at all, and why.
    pub(crate) fn leave_out(&mut self, kind: Kind, cause: String) {
        self.left_out.push((kind, cause));
    }

    /// The servers that were not measured and the failures of the others, each listed once.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let left_out = self.left_out.iter().map(|(kind, cause)| {
            let cause = cause.lines().next().unwrap_or_default();
            format!("not measured: {} ({cause})", kind.name())
        });
        let told = self.troubles.iter().map(|(workload, kind, cause)| {
            let cause = cause.lines().next().unwrap_or_default();
            format!("{} in `{}`: {cause}", kind.name(), workload.name())
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        told.dedup();
        left_out.chain(told).collect()
    }

    /// Runs of the server measured most often.
    pub(crate) fn repeated(&self) -> usize {
        let measured = self.measured().into_iter();
        let counts = measured.flat_map(|(workload, kinds)| {
            let of = move |kind| self.of(workload, kind).count();
            kinds.into_iter().map(of).collect::<Vec<_>>()
        });
        counts.max().unwrap_or(0)
    }

    /// One figure of one workload at one server: its median, its least, its most.
    pub(crate) fn figure(&self, workload: Workload, kind: Kind, name: &str) -> Option<Spread> {
        let runs: Vec<Figures> = self.of(workload, kind).cloned().collect();
        Spread::over(&runs, name)
    }

    /// The median of all runs of one workload at one server.
    pub(crate) fn median(&self, workload: Workload, kind: Kind) -> Option<Figures> {
        let runs: Vec<Figures> = self.of(workload, kind).cloned().collect();
        (!runs.is_empty()).then(|| Figures::over(&runs))
    }

    /// The runs of one workload at one server in which nothing went wrong.
    pub(crate) fn faultless(&self, workload: Workload, kind: Kind) -> Vec<Figures> {
        let runs = self.of(workload, kind);
        runs.filter(|run| run.faults().is_empty())
            .cloned()
            .collect()
    }

    fn of(&self, workload: Workload, kind: Kind) -> impl Iterator<Item = &Figures> {
        let same = move |run: &&(Workload, Kind, Figures)| run.0 == workload && run.1 == kind;
        self.runs.iter().filter(same).map(|run| &run.2)
    }

    /// Workloads and servers, each once, in the order they were measured in.
    fn measured(&self) -> Vec<(Workload, Vec<Kind>)> {
        let mut measured: Vec<(Workload, Vec<Kind>)> = Vec::new();
        for (workload, kind, _) in &self.runs {
            match measured.iter_mut().find(|entry| entry.0 == *workload) {
                Some((_, kinds)) if kinds.contains(kind) => {}
                Some((_, kinds)) => kinds.push(*kind),
                None => measured.push((*workload, vec![*kind])),
            }
        }
        measured.sort_by_key(|entry| entry.0);
        measured
    }

    /// One Markdown table for each workload.
    pub(crate) fn tables_only(&self) -> String {
        let mut text = String::new();
        for (workload, kinds) in self.measured() {
            let rows: Vec<_> = kinds
                .into_iter()
                .filter_map(|kind| {
                    Some((self.row_name(workload, kind), self.median(workload, kind)?))
                })
                .collect();
            let _ = write!(text, "\n### `{}`\n\n{}", workload.name(), table(&rows));
        }
        text
    }

    /// A server that was measured less often than others says so.
    fn row_name(&self, workload: Workload, kind: Kind) -> String {
        match self.of(workload, kind).count() {
            count if count == self.repeated() => kind.name().to_owned(),
            1 => format!("{} (one run)", kind.name()),
            count => format!("{} ({count} runs)", kind.name()),
        }
    }

    /// The figures of the disk without a server, as a section; empty if the disk was not measured.
    pub(crate) fn disk_section(&self) -> String {
        let of = |name: &str| self.disk(name).map(|spread| number(spread.median));
        let row = |load: &str| {
            let names = ["appends_per_s", "p50_ms", "p90_ms", "p99_ms", "max_ms"];
            let cells = names.map(|name| of(&format!("{load}{name}")));
            cells.into_iter().collect::<Option<Vec<_>>>()
        };
        let (Some(most), Some(half)) = (row(""), row("half_")) else {
            return String::new();
        };
        format!(
            "\n## The disk\n\n{DISK}\n\n| load | appends/s | p50 ms | p90 | p99 | most |\n\
             | --- | ---: | ---: | ---: | ---: | ---: |\n| one after the other | {} |\n| at half of that rate | {} |\n",
            most.join(" | "),
            half.join(" | ")
        )
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let mut entries: Vec<Entry<'_>> = self
            .measured()
            .into_iter()
            .flat_map(|(workload, kinds)| kinds.into_iter().map(move |kind| (workload, kind)))
            .map(|(workload, kind)| {
                let runs = self.of(workload, kind).collect();
                Entry::new(workload.name(), kind.name(), runs)
            })
            .collect();
        if !self.disk.is_empty() {
            let runs = self.disk.iter().collect();
            entries.push(Entry::new("disk".to_owned(), "none", runs));
        }
        serde_json::to_string_pretty(&entries)
    }
}

/// A table of the figures that any of the rows has.
fn table(rows: &[(String, Figures)]) -> String {
    let has = |name: &str| rows.iter().any(|row| row.1.value(name).is_some());
    let columns: Vec<_> = COLUMNS.iter().filter(|column| has(column.0)).collect();
    let with_faults = has("lost");
    let mut text = "| server |".to_owned();
    columns.iter().for_each(|column| {
        let _ = write!(text, " {} |", column.1);
    });
    text.push_str(if with_faults {
        " faults |\n| --- |"
    } else {
        "\n| --- |"
    });
    text.push_str(&" ---: |".repeat(columns.len()));
    text.push_str(if with_faults { " --- |\n" } else { "\n" });
    for (server, figures) in rows {
        let _ = write!(text, "| {server} |");
        for column in &columns {
            let value = figures.value(column.0);
            let shown = value.map_or("–".to_owned(), |value| number(value / column.2));
            let _ = write!(text, " {shown} |");
        }
        if with_faults {
            let _ = write!(text, " {} |", faults(figures));
        }
        text.push('\n');
    }
    text
}

pub(crate) fn faults(figures: &Figures) -> String {
    let told = figures
        .faults()
        .into_iter()
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")));
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "none".to_owned()
    } else {
        told.join(", ")
    }
}

/// A number of runs in words.
pub(crate) fn runs(count: usize) -> String {
    match count {
        1 => "one run".to_owned(),
        _ => format!("{count} runs"),
    }
}

/// Three digits that count, and commas between thousands.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        size if size >= 100.0 => with_commas(value),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn with_commas(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const DISK: &str = "A page of 4 KiB appended to a file in the folder of the hub's database and brought to the disk with `fdatasync`, which is what a commit waits for, while \
nothing else ran; at half of the rate, each from when it was due.";

/// Figure, heading, and what it is divided by.
const COLUMNS: [(&str, &str, f64); 29] = [
    ("clients", "streams", 1.0),
    ("connects_per_s", "connects/s", 1.0),
    ("pss_bytes_per_stream", "PSS/stream KB", 1_000.0),
    ("deliveries_per_s", "deliveries/s", 1.0),
    ("alarms_per_s", "alarms/s", 1.0),
    ("cpu_us", "CPU µs", 1.0),
    ("cpu_user_us", "user", 1.0),
    ("cpu_kernel_us", "kernel", 1.0),
    ("cpu_share", "of a core", 1.0),
    ("own_cpu_us", "bench's own µs", 1.0),
    ("p50_ms", "p50 ms", 1.0),
    ("p90_ms", "p90", 1.0),
    ("p99_ms", "p99", 1.0),
    ("p999_ms", "p99.9", 1.0),
    ("last_p50_ms", "last client ms", 1.0),
    ("publish_p50_ms", "publish p50 ms", 1.0),
    ("publish_p99_ms", "publish p99", 1.0),
    ("bytes_per_delivery", "bytes", 1.0),
    ("pss_baseline_mb", "PSS empty MB", 1.0),
    ("half_of_per_s", "half of /s", 1.0),
    ("all_served_s", "all served s", 1.0),
    ("distinct_cursors", "cursors", 1.0),
    ("reads_head", "reads: head", 1.0),
    ("reads_replay", "replay", 1.0),
    ("reads_counts", "counts", 1.0),
    ("reads_account", "account", 1.0),
    ("reads_inbox", "inbox", 1.0),
    ("reads_receipts", "receipts", 1.0),
    ("reads_other", "other", 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_what_counts() {
        assert_eq!(number(1_234_567.4), "1,234,567");
        assert_eq!(number(999.6), "1,000");
        assert_eq!(number(12.345), "12.3");
        assert_eq!(number(0.666), "0.67");
        assert_eq!(number(f64::NAN), "–");
    }

    #[test]
    fn a_server_that_was_left_out_is_named_with_its_cause() {
        let mut report = Report::default();
        report.leave_out(Kind::Mercure, "X names no binary\nand more".to_owned());
        report.fail(Workload::Idle, Kind::Node, "gone".to_owned());

        assert_eq!(
            report.troubles(),
            [
                "not measured: mercure (X names no binary)",
                "node in `idle`: gone"
            ]
        );
    }

    #[test]
    fn a_table_shows_the_columns_there_are_and_every_fault() {
        let mut figures = Figures::default();
        figures.set("cpu_us", 6.75);
        figures.set("lost", 0.0);
        figures.set("cut_off", 2.0);

        let text = table(&[("nchan".to_owned(), figures)]);

        assert_eq!(
            text,
            "| server | CPU µs | faults |\n| --- | ---: | --- |\n| nchan | 6.75 | cut off 2 |\n"
        );
    }
}
