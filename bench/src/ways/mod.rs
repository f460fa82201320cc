//! The five ways of being told beside each other: the same clients, the same alarms, the same books, one way after the other.

mod books;
mod cell;
mod client;
mod crowd;
mod frame;
mod page;
mod picture;
mod table;
mod way;

use std::fs;
use std::time::Duration;

use serde::Serialize;

use crate::args::{INTERNALS, WaysCommand};
use crate::error::Result;
use crate::figures::Figures;
use crate::proc;
use crate::run::Ground;

pub(crate) use way::Way;

/// What a comparison is made of, the same for every way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Terms {
    /// Clients of each way.
    pub(crate) clients: usize,
    /// Rooms they are spread over; every alarm is for one room.
    pub(crate) rooms: usize,
    /// Alarms a second for each client, one measurement each.
    pub(crate) rates: Vec<f64>,
    /// How long each measures at least.
    pub(crate) seconds: f64,
    /// How often a polling client asks.
    pub(crate) poll_seconds: f64,
    /// How often everything is measured.
    pub(crate) runs: usize,
    /// What else the machine was doing: its load over the last minute before the first measurement.
    pub(crate) load_before: f64,
}

/// One way at one rate.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) way: &'static str,
    pub(crate) rate: f64,
    pub(crate) median: Figures,
    pub(crate) runs: Vec<Figures>,
}

#[derive(Serialize)]
struct Results<'a> {
    terms: &'a Terms,
    measured: &'a [Cell],
}

impl Terms {
    pub(crate) fn of(command: &WaysCommand) -> Self {
        let rates = command.rates.iter().map(|rate| rate.clamp(0.01, 100.0));
        Self {
            clients: command.clients.clamp(1, 10_000),
            rooms: command.clients.clamp(1, 10_000).min(ROOMS),
            rates: rates.collect(),
            seconds: command.seconds.clamp(0.5, 60.0),
            poll_seconds: command.poll_every.clamp(0.05, 60.0),
            runs: command.runs.clamp(1, 20),
            load_before: proc::load(),
        }
    }

    /// Long enough that each client is owed something.
    pub(crate) fn lasting(&self, rate: f64) -> Duration {
        Duration::from_secs_f64(self.seconds.max(ALARMS_AT_LEAST / rate).min(60.0))
    }

    fn poll_every(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }
}

/// `campanile-bench ways`.
pub(crate) fn run(command: &WaysCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let terms = Terms::of(command);
    let mut cells: Vec<Cell> = Vec::new();
    for run in 0..terms.runs {
        for rate in &terms.rates {
            for way in Way::ALL {
                eprintln!("{} at {rate} alarms/s for each client", way.name());
                let figures = cell::measure(&ground, &terms, way, *rate)?;
                match cells.iter_mut().find(|cell| cell.is(way, *rate)) {
                    Some(cell) if run > 0 => cell.runs.push(figures),
                    _ => cells.push(Cell {
                        way: way.name(),
                        rate: *rate,
                        median: Figures::default(),
                        runs: vec![figures],
                    }),
                }
            }
        }
    }
    for cell in &mut cells {
        cell.median = Figures::over(&cell.runs);
    }
    println!("{}", table::tables(&terms, &cells));
    if let Some(folder) = &command.docs {
        let json = serde_json::to_string_pretty(&Results {
            terms: &terms,
            measured: &cells,
        })?;
        let folder = folder.join(INTERNALS);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("transports.json"), json + "\n")?;
        fs::write(folder.join("transports.svg"), picture::draw(&terms, &cells))?;
        fs::write(folder.join("transports.md"), page::page(&terms, &cells))?;
    }
    Ok(())
}

impl Cell {
    fn is(&self, way: Way, rate: f64) -> bool {
        self.way == way.name() && self.rate.to_bits() == rate.to_bits()
    }

    /// A figure of its median.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.median.value(name).unwrap_or(f64::NAN)
    }
}

/// One way at one rate, of all that was measured.
pub(crate) fn cell(cells: &[Cell], way: Way, rate: f64) -> Option<&Cell> {
    cells.iter().find(|cell| cell.is(way, rate))
}

/// So many that alarms come spread over time, so few that several clients hear each.
const ROOMS: usize = 50;

/// Per client; one that falls into the end is one too few.
const ALARMS_AT_LEAST: f64 = 1.2;
