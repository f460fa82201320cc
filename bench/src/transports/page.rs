//! Writes `docs/internals/transports.md` from the figures, so that its text never disagrees with what was measured.

use std::fmt::Write;

use crate::proc;
use crate::report::number;
use crate::transports::cell::{Cell, cell};
use crate::transports::table;
use crate::transports::terms::Terms;
use crate::transports::transport::Transport;

/// The whole page.
pub(super) fn page(terms: &Terms, cells: &[Cell]) -> String {
    let rooms = terms.clients.div_ceil(terms.rooms);
    let runs = match terms.runs {
        1 => "One run".to_owned(),
        several => format!("Medians of {several} runs, of faults the worst"),
    };
    format!(
        "# The five transports, measured\n\n\
         <!-- Written by `campanile-bench transports --docs docs`; changes by hand are overwritten. -->\n\n\
         `GET /api/stream` sends the same alarms over five transports ([api.md](../reference/api.md#five-transports)). This page shows what each costs the hub and its \
         client, measured on one machine, one transport after the other. To measure in your own browser and over your own network, open `/compare`.\n\n\
         ![Server CPU, latency, bytes and memory of the five transports at each rate](transports.svg)\n\n\
         ## What it shows\n\n{findings}\n\
         ## Figures\n\n\
         For each delivered alarm: CPU of the server (publishing and storing included, the same for every transport), requests, bytes. All figures as JSON: \
         [transports.json](transports.json).\n\n{tables}\
         ## How it was measured\n\n\
         <!-- not run: it measures for minutes; this page is what it wrote -->\n\
         ```sh\n\
         cargo build --release -p campanile -p campanile-bench\n\
         target/release/campanile-bench transports --docs docs\n\
         ```\n\n\
         - {runs} on {machine}: one core for the hub, the other for the load; loopback network, HTTP/1.1 without TLS. A hub of its own, with SQLite on a disk, \
         for every row.\n\
         - {clients} clients, each a user with one connection that it keeps, in {room_count} rooms of up to {rooms}. An alarm is for one room, and rooms take \
         turns: a client receives that many alarms a second, and the hub is never idle.\n\
         - At least {seconds} s for each row, longer at slow rates, after a second that does not count. Alarms are published at a fixed rate, however slow the answers are; latency is \
         from when an alarm was *due* until its client has it, the commit included.\n\
         - A polling client polls every {poll} s, and at once when the answer says that there is more. A long poll waits up to 30 s, and the client then polls again at once.\n\
         - Every alarm carries a number, and what each client received is compared with what was sent: `faults` counts alarms that were lost, repeated or reordered, requests that \
         failed (not answered `2xx`), and connections that were cut off. An alarm that has not arrived 5 s after the end is lost.\n\
         - *Bytes* are what TCP carries in each direction, without the headers of TCP and IP. The bench sends only the headers a request needs; a browser adds some \
         400 bytes to each request: once for a stream, each time for a poll.\n\
         - *PSS/client* is how much the hub's memory (PSS) grew for each idle client; *PSS* is all of its memory at the end.\n\n\
         ## Read these figures with care\n\n\
         - The kernel counts CPU time in steps of 10 ms: at {slowest} one step is {step} µs for each alarm.\n\
         - {company}\n\
         - The load generator has one core. Where *bench's core* is near 1, the load generator is the bottleneck, and the latency is its own.\n\
         - The hub and its clients are on one machine, so a round trip takes microseconds. Over a real network a poll and a long poll add a round trip to every answer.\n",
        findings = findings(terms, cells),
        tables = table::tables(terms, cells),
        machine = proc::machine(),
        clients = terms.clients,
        room_count = terms.rooms,
        seconds = terms.seconds,
        poll = terms.poll_seconds,
        company = company(terms.load_before),
        slowest = slowest(terms, cells).0,
        step = slowest(terms, cells).1,
    )
}

/// The conclusions from the figures, as text.
fn findings(terms: &Terms, cells: &[Cell]) -> String {
    let mut text = String::new();
    for rate in &terms.rates {
        let _ = writeln!(
            text,
            "- **{}.** CPU: {}. Bytes: {}. Median latency: {}.",
            table::per_client(*rate),
            ranking(cells, *rate, "cpu_us", "µs"),
            ranking(cells, *rate, "wire_bytes", ""),
            ranking(cells, *rate, "p50_ms", "ms"),
        );
    }
    let faulty = cells.iter().filter(|cell| !cell.median.faults().is_empty());
    match faulty.count() {
        0 => text.push_str(
            "- **Nothing was lost, repeated or reordered** by any transport at any rate.\n",
        ),
        count => {
            let _ = writeln!(
                text,
                "- **{count} rows have faults**, told in the last column."
            );
        }
    }
    text
}

/// The transports from the least to the most of a figure.
fn ranking(cells: &[Cell], rate: f64, figure: &str, unit: &str) -> String {
    let mut transports: Vec<(Transport, f64)> = Transport::ALL
        .into_iter()
        .filter_map(|transport| Some((transport, cell(cells, transport, rate)?.value(figure))))
        .collect();
    transports.sort_by(|one, other| one.1.total_cmp(&other.1));
    let shown = transports.into_iter().map(|(transport, value)| {
        let value = number(value);
        format!(
            "{} {value}{}{unit}",
            transport.name(),
            if unit.is_empty() { "" } else { " " }
        )
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The slowest rate, and what a step of CPU time is for each of its alarms.
fn slowest(terms: &Terms, cells: &[Cell]) -> (String, String) {
    let rate = terms.rates.iter().copied().fold(f64::INFINITY, f64::min);
    let deliveries =
        cell(cells, Transport::Sse, rate).map_or(f64::NAN, |cell| cell.value("deliveries"));
    (format!("{rate}/s"), number(10_000.0 / deliveries))
}

/// A sentence that says whether other processes used the cores of the hub and the load.
fn company(load: f64) -> String {
    let load_shown = number(load);
    if load < 1.0 {
        return format!("The machine was otherwise idle: its load was {load_shown} before.");
    }
    format!(
        "**Other programs were running: the machine's load was {load_shown} before.** Each core was shared, so latencies are much longer than on an idle \
         machine, and no row is exact; compare the transports with each other, not with other pages."
    )
}
