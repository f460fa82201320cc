//! One monotonic clock for publisher and receiver, which are the same process.

use std::time::{Duration, Instant};

/// Nanoseconds since the bench started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn nanos(self) -> u64 {
        nanos(self.0.elapsed())
    }
}

/// A duration in nanoseconds; five centuries fit.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
