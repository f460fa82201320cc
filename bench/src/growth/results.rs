//! The figures of `campanile-bench growth`.

use clap::ValueEnum;

use crate::report::Spread;

/// A database that the hub runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DatabaseKind {
    /// A file.
    Sqlite,
    /// A server of the bench's own.
    Postgres,
}

impl DatabaseKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Everything measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) runs: Vec<Run>,
    pub(super) distance: Option<Distance>,
}

/// One database of one size.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) kind: DatabaseKind,
    pub(super) rows: u64,
    pub(super) filled_seconds: f64,
    pub(super) costs: Vec<Cost>,
    pub(super) pruning: Pruning,
    pub(super) migrations: Vec<Migration>,
}

/// The cost of one kind of request.
#[derive(Debug)]
pub(super) struct Cost {
    pub(super) name: &'static str,
    pub(super) millis: f64,
}

/// Publishing at half rate while the older half of the log is pruned.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    /// Alarms a second that were published.
    pub(super) per_second: f64,
    /// The time below which 99 of 100 were answered in a phase, in milliseconds, without pruning and beside it.
    pub(super) calm_p99: Spread,
    pub(super) beside_p99: Spread,
    /// Rows that were pruned, and the time.
    pub(super) rows: u64,
    pub(super) seconds: f64,
    /// Batches, and those of them that took ten milliseconds at most.
    pub(super) batches: f64,
    pub(super) short_batches: f64,
}

/// The time that one statement of a migration takes.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) statement: String,
    pub(super) seconds: f64,
}

/// Alarms a second of 256 publishers, near their PostgreSQL and with a millisecond added to each round trip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    pub(super) near_per_second: f64,
    pub(super) far_per_second: f64,
}
