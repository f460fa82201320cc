//! The rate at which a user may send messages into rooms: each is a commit, and an event for everybody in the room.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::UserId;

/// Lets each user send messages at a rate, with bursts of five seconds' worth.
#[derive(Debug)]
pub(crate) struct MessageRate {
    /// The time that one message takes of the rate.
    each: Duration,
    spent: Mutex<Spent>,
}

/// For each user the time up to which the rate is spent. A time that has passed says nothing.
#[derive(Debug, Default)]
struct Spent {
    until: HashMap<UserId, Instant>,
    /// The number of entries at which those that say nothing are dropped.
    tidy_at: usize,
}

impl MessageRate {
    /// A rate of so many messages a second.
    pub(crate) fn of(a_second: u32) -> Self {
        Self {
            each: Duration::from_secs(1) / a_second.max(1),
            spent: Mutex::default(),
        }
    }

    /// Counts one message, or returns the time until the next one is allowed.
    pub(crate) fn take(&self, user_id: &UserId, now: Instant) -> Result<(), Duration> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let until = spent.until.get(user_id).copied().unwrap_or(now).max(now) + self.each;
        if until > now + BURST {
            return Err(until - (now + BURST));
        }
        spent.until.insert(user_id.clone(), until);
        if spent.until.len() > spent.tidy_at {
            spent.until.retain(|_user, until| *until > now);
            spent.tidy_at = spent.until.len() * 2 + TIDY_AFTER;
        }
        Ok(())
    }
}

/// A person who pastes a few lines, or a page that comes back after a minute without network.
const BURST: Duration = Duration::from_secs(5);

const TIDY_AFTER: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let (rate, now) = (MessageRate::of(10), Instant::now());
        for _ in 0..50 {
            rate.take(&user("alice"), now).unwrap();
        }

        let refused = rate.take(&user("alice"), now);
        assert_eq!(refused, Err(Duration::from_millis(100)));
        assert_eq!(rate.take(&user("bob"), now), Ok(()));

        let later = now + Duration::from_millis(200);
        assert_eq!(rate.take(&user("alice"), later), Ok(()));
        assert_eq!(rate.take(&user("alice"), later), Ok(()));
        assert!(rate.take(&user("alice"), later).is_err());
    }

    #[test]
    fn users_who_are_quiet_are_forgotten() {
        let (rate, now) = (MessageRate::of(10), Instant::now());
        for each in 0..5_000_u32 {
            let id = user(&format!("user{each}"));
            rate.take(&id, now + Duration::from_secs(each.into()))
                .unwrap();
        }

        let kept = rate.spent.lock().unwrap().until.len();
        assert!(kept <= TIDY_AFTER + 2, "{kept}");
    }
}
