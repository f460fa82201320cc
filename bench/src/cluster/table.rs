//! The figures as a Markdown table: a row for each number of hubs.

use std::fmt::Write;

use serde::Serialize;

use crate::figures::Figures;
use crate::report::{faults, number};

/// The figures of so many hubs.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) hubs: usize,
    pub(super) figures: Figures,
}

impl Row {
    pub(super) fn value(&self, figure: &str) -> f64 {
        self.figures.value(figure).unwrap_or(f64::NAN)
    }
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = "| hubs |".to_owned();
    for (_, heading) in COLUMNS {
        let _ = write!(text, " {heading} |");
    }
    text.push_str(" faults |\n| ---: |");
    text.push_str(&" ---: |".repeat(COLUMNS.len()));
    text.push_str(" --- |\n");
    for row in rows {
        let _ = write!(text, "| {} |", row.hubs);
        for (figure, _) in COLUMNS {
            let _ = write!(text, " {} |", number(row.value(figure)));
        }
        let _ = writeln!(text, " {} |", faults(&row.figures));
    }
    text
}

const COLUMNS: [(&str, &str); 12] = [
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99"),
    ("max_ms", "longest"),
    ("silent_p50_ms", "silent bell: p50 ms"),
    ("silent_p99_ms", "p99"),
    ("silent_max_ms", "longest"),
    ("stored_per_s", "stored/s"),
    ("delivered_per_s", "delivered/s"),
    ("server_cpu_at_rate", "database CPU at the rate"),
    ("server_cpu_at_most", "at the most stored"),
    ("server_cpu_silent", "silent bell"),
    ("hubs_cpu_at_rate", "hubs' CPU at the rate"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_hubs_has_a_row_with_its_faults() {
        let mut figures = Figures::default();
        figures.set("p50_ms", 2.5);
        figures.set("lost", 3.0);

        let text = table(&[Row { hubs: 4, figures }]);

        let last = text.lines().last().unwrap();
        assert!(last.starts_with("| 4 | 2.50 | – |"), "{last}");
        assert!(last.ends_with("| lost 3 |"), "{last}");
    }
}
