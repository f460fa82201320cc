//! The five transports compared: the same clients, the same alarms, the same books, one transport after the other.

mod books;
mod cell;
mod client;
mod crowd;
mod frame;
mod measuring;
mod page;
mod picture;
mod table;
mod terms;
mod transport;

use serde::Serialize;

use crate::args::TransportsCommand;
use crate::error::Result;
use crate::figures::Figures;
use crate::ground::Ground;
use crate::internals;
use crate::transports::cell::Cell;
use crate::transports::terms::Terms;
use crate::transports::transport::Transport;

#[derive(Serialize)]
struct Results<'a> {
    terms: &'a Terms,
    measured: &'a [Cell],
}

/// `campanile-bench transports`.
pub(crate) fn run(command: &TransportsCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let terms = Terms::of(command);
    let mut cells: Vec<Cell> = Vec::new();
    for run in 0..terms.runs {
        for rate in &terms.rates {
            for transport in Transport::ALL {
                eprintln!("{} at {rate} alarms/s for each client", transport.name());
                let figures = measuring::measure(&ground, &terms, transport, *rate)?;
                match cells.iter_mut().find(|cell| cell.is(transport, *rate)) {
                    Some(cell) if run > 0 => cell.runs.push(figures),
                    _ => cells.push(Cell {
                        transport: transport.name(),
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
        internals::write(folder, "transports.json", &(json + "\n"))?;
        internals::write(folder, "transports.svg", &picture::draw(&terms, &cells))?;
        internals::write(folder, "transports.md", &page::page(&terms, &cells))?;
    }
    Ok(())
}
