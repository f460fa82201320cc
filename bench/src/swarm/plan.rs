//! The plan of a measurement: for whom alarms are published, how many at a time, and for how long.

use std::time::Duration;

/// The duration and the kind of a publishing measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) audience: Audience,
    pub(crate) publishers: usize,
    pub(crate) pacing: Pacing,
    pub(crate) waiting: Waiting,
    pub(crate) lasting: Duration,
}

/// The way the bench waits while no event arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It looks again, so that no server pays for waking it.
    Awake,
    /// It sleeps, so that a server may have its core.
    Asleep,
    /// It looks again, on every core, but only while no thread of a server wants that core.
    Behind,
}

/// The recipients of the alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Audience {
    /// Every stream gets every alarm.
    Everyone,
    /// Each alarm goes to one user, chosen at random.
    OneUser,
}

/// The rule for the time at which the next alarm is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pacing {
    /// Each publisher sends when its last alarm is answered and fewer than `window` of its alarms are still under way to some reader.
    Closed { window: usize },
    /// At a fixed rate, whatever comes back. An alarm that is late, because every publisher waits, counts from when it was due.
    Rate { per_second: f64 },
}
