//! A rate limit for actions that cost the hub a write and serve only the user themselves.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::UserId;

/// Counts the actions of each user in a fixed window of time.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    ends: Option<Instant>,
    counts: HashMap<UserId, u32>,
}

impl Pace {
    /// Counts one action, or returns the time until the next one is allowed.
    pub(crate) fn take(&self, user_id: &UserId, now: Instant) -> Result<(), Duration> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // All counts are cleared together, so memory is bounded by the users of one window.
        if window.ends.is_none_or(|ends| ends <= now) {
            window.counts.clear();
            window.ends = Some(now + WINDOW);
        }
        let left = window.ends.map_or(WINDOW, |ends| ends - now);
        let count = window.counts.entry(user_id.clone()).or_default();
        if *count >= MOST {
            return Err(left);
        }
        *count += 1;
        Ok(())
    }
}

const WINDOW: Duration = Duration::from_secs(10);

/// Twice the rate of the fastest run of `/compare`.
const MOST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_too_fast_waits_for_the_next_window_and_nobody_else_does() {
        let (pace, now) = (Pace::default(), Instant::now());
        let (alice, bob) = (
            UserId::parse("alice").unwrap(),
            UserId::parse("bob").unwrap(),
        );

        for _ in 0..MOST {
            pace.take(&alice, now).unwrap();
        }

        let soon = now + Duration::from_secs(4);
        assert_eq!(pace.take(&alice, soon), Err(Duration::from_secs(6)));
        assert_eq!(pace.take(&bob, soon), Ok(()));
        assert_eq!(pace.take(&alice, now + WINDOW), Ok(()));
    }
}
