//! Writes `measured.md` from the figures, so that its text never disagrees with what was measured.

use crate::cluster::measuring::Terms;
use crate::cluster::table::{self, Row};
use crate::report::number;

/// The whole page.
pub(super) fn page(terms: &Terms, rows: &[Row], calculated: &str) -> String {
    format!(
        "# Several hubs, measured\n\n\
         <!-- Written by `campanile-bench cluster --out docs/internals/cluster`; changes by hand are overwritten. -->\n\n\
         How several hubs on one PostgreSQL work together: [cluster.md](../cluster.md). All figures as JSON: [measured.json](measured.json).\n\n\
         ![Latency from publishing at one hub to receiving at another, against the number of hubs](latency.svg)\n\n\
         ![Alarms stored and delivered each second by all hubs, against the number of hubs](throughput.svg)\n\n\
         ## Targets\n\n{targets}\n\
         ## Figures\n\n{table}\n\
         - *p50*, *p99*, *longest*: from when an alarm for one user was due to be published at one hub until that user's client has it from **another** hub \
         (with one hub: from the same), at {rate} alarms a second. The other hubs publish nothing, so that they hear of it from the bell alone. The commit is included.\n\
         - *silent bell*: the same, from the moment at which the connections for `LISTEN` and `NOTIFY` fall silent in both directions without being closed. For the first \
         two seconds the hubs do not know it and look every 0.4 s; then they look every 20 ms.\n\
         - *stored/s*: alarms for one user each, by 64 publishers over all hubs, for users at another hub, each with up to 8 alarms not yet delivered. *delivered/s*: the same publishers, alarms for all {streams} \
         streams.\n\
         - *CPU*: of all processes of the database server, or of all hubs, in cores.\n\
         - *faults*: alarms lost, repeated or reordered, and requests that were not answered `2xx`, over all four measurements.\n\n\
         ## How far it goes: a calculation\n\n{calculated}\n\
         Read it as an order of magnitude: a cell's database has cores of its own then, and its own disk and a standby to wait for.\n\n\
         ## How it was measured\n\n\
         <!-- not run: it measures for minutes; this page is what it wrote -->\n\
         ```sh\n\
         cargo build --release -p campanile -p campanile-bench\n\
         target/release/campanile-bench cluster --out docs/internals/cluster\n\
         ```\n\n\
         - One machine with two cores for everything: the hubs, PostgreSQL without a standby (`fsync` and `synchronous_commit` on), and the load. With more hubs each has less, so the figures for many hubs show \
         what coordination costs, not what many machines reach.\n\
         - {streams} streams in all, spread over the hubs, each of another user. {seconds} s for each measurement, after a second that does not count.\n\
         - The load of the machine by other programs was {load} before the first measurement.\n",
        targets = targets(rows),
        table = table::table(rows),
        rate = terms.rate,
        streams = terms.streams,
        seconds = terms.seconds,
        load = number(terms.load_before),
    )
}

/// A line for each promise that the figures decide.
fn targets(rows: &[Row]) -> String {
    let mut text = String::new();
    for hubs in TARGETS_AT {
        let Some(row) = rows.iter().find(|row| row.hubs == hubs) else {
            continue;
        };
        let value = row.value("p99_ms");
        text += &line(&format!("p99 with {hubs} hubs"), value, P99_MS);
    }
    let longest = rows.iter().map(|row| row.value("silent_max_ms"));
    let longest = longest.fold(f64::NAN, f64::max);
    text += &line(
        "the longest with a silent bell, with any number of hubs",
        longest,
        SILENT_MS,
    );
    text
}

fn line(what: &str, value: f64, limit: f64) -> String {
    let verdict = if value <= limit { "met" } else { "**missed**" };
    format!(
        "- {what}: {} ms; the target is at most {limit} ms: {verdict}\n",
        number(value)
    )
}

/// Numbers of hubs with a target for their latency.
const TARGETS_AT: [usize; 2] = [4, 16];

/// The target for the latency to another hub.
const P99_MS: f64 = 20.0;

/// The promise with a dead bell.
const SILENT_MS: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    #[test]
    fn a_missed_target_is_said() {
        let mut figures = Figures::default();
        figures.set("p99_ms", 21.0);
        figures.set("silent_max_ms", 900.0);

        let text = targets(&[Row { hubs: 16, figures }]);

        assert!(
            text.contains("p99 with 16 hubs: 21.0 ms; the target is at most 20 ms: **missed**")
        );
        assert!(
            text.contains("900 ms; the target is at most 1000 ms: met"),
            "{text}"
        );
    }
}
