//! The figures of `campanile-bench crowds`.

use crate::error::Result;
use crate::growth::results::DatabaseKind;
use crate::servers::campanile::Campanile;

/// Everything measured.
pub(super) struct Results {
    /// The load of the machine by other programs before.
    pub(super) load_before: f64,
    pub(super) clients: usize,
    pub(super) presence: Beside,
    pub(super) runs: Vec<Run>,
    /// The memory of a poll that waits, in bytes, and the number of polls.
    pub(super) poll: (f64, usize),
    pub(super) idle: Vec<Idle>,
}

/// The figures of one database.
pub(super) struct Run {
    pub(super) kind: DatabaseKind,
    pub(super) replay: Beside,
    pub(super) returning: Returning,
}

/// The time below which 99 of 100 alarms took, in milliseconds: the median over all rounds, without the crowd and beside it.
pub(super) struct Beside {
    pub(super) without: f64,
    pub(super) with: f64,
    /// Those who came a second.
    pub(super) came_per_second: f64,
}

/// The seconds until all have what they missed, and the reads of the log.
pub(super) struct Returning {
    pub(super) warm: Return,
    pub(super) killed: Return,
    pub(super) cursors: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Return {
    pub(super) seconds: f64,
    pub(super) reads: u64,
    pub(super) lost: u64,
}

/// The memory and the CPU time of a number of silent streams.
#[derive(Clone, Copy)]
pub(super) struct Idle {
    pub(super) streams: usize,
    /// Memory of the hub (PSS), in MB.
    pub(super) megabytes: f64,
    /// The CPU time of their heartbeats, as a part of a core.
    pub(super) of_a_core: f64,
}

/// Starts the hub once more on the same database.
pub(super) type Again<'a> = &'a dyn Fn() -> Result<Campanile>;
