//! A calculation of how many hubs and databases so many users need. It is arithmetic over stated assumptions and a few measured figures,
//! and no measurement.

use std::fmt::Write;

use crate::cluster::table::Row;
use crate::report::number;

/// The needs of so many users.
struct Need {
    online: f64,
    hubs: f64,
    cells: f64,
    /// Alarms for one user each, at the peak, in one cell.
    alarms_in_cell: f64,
    /// Processor time of a hub for one alarm that everybody gets, in seconds.
    broadcast_seconds: f64,
}

impl Need {
    fn of(users: f64, stored_per_second: f64) -> Self {
        let online = users * ONLINE;
        let alarms = users * ALARMS_PER_DAY / SECONDS_PER_DAY * PEAK;
        let for_streams = (online / STREAMS_PER_HUB).ceil();
        let for_database = (alarms / (stored_per_second * FILLED)).ceil();
        let cells = (for_streams / HUBS_PER_CELL).ceil().max(for_database);
        let hubs = for_streams.max(cells * HUBS_AT_LEAST);
        Self {
            online,
            hubs,
            cells,
            alarms_in_cell: alarms / cells,
            broadcast_seconds: online / hubs * DELIVERY_SECONDS,
        }
    }
}

/// The assumptions and a row for each number of users.
pub(super) fn table(rows: &[Row]) -> String {
    let stored = rows.iter().filter(|row| row.hubs > 1);
    let stored = stored.map(|row| row.value("stored_per_s"));
    let stored = stored.fold(f64::NAN, f64::max);
    let mut text = format!(
        "- {} of all users are online, each with one stream. A hub holds {} streams: 390 MB of memory at 3.9 KB each.\n\
         - A user gets {ALARMS_PER_DAY} alarms a day of their own; the busiest second has {PEAK} times the average.\n\
         - A *cell* is a PostgreSQL with its standbys and {HUBS_AT_LEAST} to {HUBS_PER_CELL} hubs. A user belongs to one cell, by their id; cells share nothing. An alarm for everyone is one \
         append in each cell.\n\
         - The database of a cell stores {} alarms a second, the most that was measured above with several hubs, and is filled to {} of that at the peak. More cells are added where this, and not the \
         streams, is the limit.\n\
         - One delivery costs a hub {} µs of a core ([performance](../performance.md)).\n\n\
         | users | online | hubs | cells | alarms/s in each cell at the peak | CPU of each hub for one alarm for everyone, s |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        percent(ONLINE),
        number(STREAMS_PER_HUB),
        number(stored),
        percent(FILLED),
        number(DELIVERY_SECONDS * 1e6),
    );
    for power in 4..=8 {
        let users = 10_f64.powi(power);
        let need = Need::of(users, stored);
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {} | {} |",
            number(users),
            number(need.online),
            need.hubs,
            need.cells,
            number(need.alarms_in_cell),
            number(need.broadcast_seconds),
        );
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Of all users, at the same time.
const ONLINE: f64 = 0.1;

/// Memory and the processor time of an alarm for all of them are the limits.
const STREAMS_PER_HUB: f64 = 100_000.0;

/// One that may fail, and one that goes on.
const HUBS_AT_LEAST: f64 = 2.0;

/// As many as are measured on one database.
const HUBS_PER_CELL: f64 = 16.0;

const ALARMS_PER_DAY: f64 = 10.0;

/// The busiest second beside the average one.
const PEAK: f64 = 5.0;

/// The part of what a database can do that is planned for.
const FILLED: f64 = 0.5;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// The processor time of a broadcast for each stream, from docs/internals/performance.md.
const DELIVERY_SECONDS: f64 = 6.6e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_alarms_each_ask_for_cells() {
        let (quick, slow) = (Need::of(1e8, 1e6), Need::of(1e8, 1e3));

        assert!((quick.hubs - 100.0).abs() < 0.1 && (quick.cells - 7.0).abs() < 0.1);
        assert!((quick.broadcast_seconds - 0.66).abs() < 1e-9);
        assert!(slow.cells > 100.0 && slow.hubs >= 2.0 * slow.cells);
        assert!(slow.alarms_in_cell <= 500.0);
    }

    #[test]
    fn few_users_still_have_two_hubs() {
        assert!((Need::of(1e4, 1e3).hubs - 2.0).abs() < 0.1);
    }
}
