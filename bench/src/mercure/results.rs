//! The figures of `campanile-bench mercure`.

use crate::growth::results::DatabaseKind;

/// Everything measured.
pub(super) struct Results {
    pub(super) load_before: f64,
    pub(super) seconds: f64,
    pub(super) runs: Vec<Run>,
}

/// One database.
pub(super) struct Run {
    pub(super) kind: DatabaseKind,
    pub(super) steps: Vec<Step>,
    pub(super) history: History,
}

/// Publishing beside some subscriptions that do not match.
pub(super) struct Step {
    pub(super) beside: String,
    pub(super) updates_per_second: f64,
    /// Processor time of the hub for one update that is stored and delivered.
    pub(super) cpu_micros: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Updates that were lost, repeated, out of order or refused.
    pub(super) faults: u64,
}

/// The times of requests with a short history and with a long one, in milliseconds.
pub(super) struct History {
    pub(super) rows: u64,
    pub(super) times: Vec<Times>,
}

/// The time of one kind of request.
pub(super) struct Times {
    pub(super) name: &'static str,
    pub(super) short: f64,
    pub(super) long: f64,
}
