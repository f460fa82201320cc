//! The figures as Markdown: one table for each rate, a row for each transport.

use std::fmt::Write;

use crate::report::{faults, number};
use crate::transports::cell::{Cell, cell};
use crate::transports::terms::Terms;
use crate::transports::transport::Transport;

/// All tables.
pub(super) fn tables(terms: &Terms, cells: &[Cell]) -> String {
    let mut text = String::new();
    for rate in &terms.rates {
        let _ = write!(
            text,
            "### {}\n\n{}\n",
            per_client(*rate),
            table(cells, *rate)
        );
    }
    text
}

/// A rate in words.
pub(super) fn per_client(rate: f64) -> String {
    let plural = if rate == 1.0 { "" } else { "s" };
    format!("{rate} alarm{plural} a second for each client")
}

fn table(cells: &[Cell], rate: f64) -> String {
    let mut text = "| transport |".to_owned();
    for column in &COLUMNS {
        let _ = write!(text, " {} |", column.heading);
    }
    text.push_str(" faults |\n| --- |");
    text.push_str(&" ---: |".repeat(COLUMNS.len()));
    text.push_str(" --- |\n");
    for transport in Transport::ALL {
        let Some(cell) = cell(cells, transport, rate) else {
            continue;
        };
        let _ = write!(text, "| {} |", transport.name());
        for column in &COLUMNS {
            let _ = write!(
                text,
                " {} |",
                number(cell.value(column.figure) / column.unit)
            );
        }
        let _ = writeln!(text, " {} |", faults(&cell.median));
    }
    text
}

struct Column {
    figure: &'static str,
    heading: &'static str,
    unit: f64,
}

const fn column(figure: &'static str, heading: &'static str, unit: f64) -> Column {
    Column {
        figure,
        heading,
        unit,
    }
}

const COLUMNS: [Column; 12] = [
    column("deliveries_per_s", "delivered/s", 1.0),
    column("cpu_us", "CPU µs", 1.0),
    column("cpu_share", "of a core", 1.0),
    column("pss_bytes_per_client", "PSS/client KB", 1_000.0),
    column("pss_mb", "PSS MB", 1.0),
    column("requests", "requests", 1.0),
    column("sent_bytes", "bytes up", 1.0),
    column("received_bytes", "bytes down", 1.0),
    column("p50_ms", "p50 ms", 1.0),
    column("p90_ms", "p90", 1.0),
    column("p99_ms", "p99", 1.0),
    column("own_cpu_share", "bench's core", 1.0),
];
