//! The figures of one transport at one rate.

use serde::Serialize;

use crate::figures::Figures;
use crate::transports::transport::Transport;

/// The measured figures of all runs.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) transport: &'static str,
    pub(crate) rate: f64,
    pub(crate) median: Figures,
    pub(crate) runs: Vec<Figures>,
}

impl Cell {
    pub(super) fn is(&self, transport: Transport, rate: f64) -> bool {
        self.transport == transport.name() && self.rate.to_bits() == rate.to_bits()
    }

    /// A figure of its median.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.median.value(name).unwrap_or(f64::NAN)
    }
}

/// One transport at one rate, of all that was measured.
pub(crate) fn cell(cells: &[Cell], transport: Transport, rate: f64) -> Option<&Cell> {
    cells.iter().find(|cell| cell.is(transport, rate))
}
