//! One monotonic clock for publisher and receiver, which are the same process.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

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

/// Tells for how long the bench worked.
pub(crate) enum Stopwatch {
    /// By the clock: nobody else is on its core.
    Alone(Instant),
    /// By the processor time of this thread: others may interrupt it.
    Interrupted(Duration),
}

impl Stopwatch {
    pub(crate) fn start(is_interrupted: bool) -> Self {
        if is_interrupted {
            Self::Interrupted(processor_time())
        } else {
            Self::Alone(Instant::now())
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match self {
            Self::Alone(start) => start.elapsed(),
            Self::Interrupted(start) => processor_time().saturating_sub(*start),
        }
    }
}

/// The processor time that this thread has used.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// A duration in nanoseconds; five centuries fit.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_uses_no_processor_time() {
        let alone = Stopwatch::start(false);
        let interrupted = Stopwatch::start(true);

        let (_keep, silence) = std::sync::mpsc::channel::<()>();
        let _nothing = silence.recv_timeout(Duration::from_millis(50));

        assert!(alone.elapsed() >= Duration::from_millis(50));
        assert!(interrupted.elapsed() < Duration::from_millis(25));
    }
}
