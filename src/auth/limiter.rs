//! A limit on guessing passwords. An attempt is charged before the password is looked at and given back when it was
//! right, so that parallel guesses cannot slip through and people who know their password are never held up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::UserId;

/// Counts failed attempts per address and per account, each in a bucket that refills.
#[derive(Debug, Default)]
pub(crate) struct LoginLimiter(Mutex<Buckets>);

/// A charged attempt. Give it back with [`LoginLimiter::succeed`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt {
    address: Key,
    account: Key,
}

#[derive(Debug, Default)]
struct Buckets(HashMap<Key, Bucket>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(UserId),
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    updated: Instant,
}

impl LoginLimiter {
    /// Charges an attempt, or tells how long to wait.
    pub(crate) fn charge(
        &self,
        address: IpAddr,
        account: &UserId,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        let attempt = Attempt {
            address: Key::Address(address),
            account: Key::Account(account.clone()),
        };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.forget_full(now);
        let wait = buckets
            .wait(&attempt.address, now)
            .max(buckets.wait(&attempt.account, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        buckets.add(&attempt.address, -1.0, now);
        buckets.add(&attempt.account, -1.0, now);
        Ok(attempt)
    }

    /// Charges an address alone, for what is dear whoever asks, or tells how long to wait.
    pub(crate) fn charge_address(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = Key::Address(address);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.forget_full(now);
        let wait = buckets.wait(&address, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        buckets.add(&address, -1.0, now);
        Ok(())
    }

    /// Gives an attempt back: the password was right.
    pub(crate) fn succeed(&self, attempt: &Attempt, now: Instant) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.add(&attempt.address, 1.0, now);
        buckets.add(&attempt.account, 1.0, now);
    }
}

impl Buckets {
    fn wait(&mut self, key: &Key, now: Instant) -> Duration {
        let (_, a_second) = key.quota();
        let missing = 1.0 - self.refilled(key, now).left;
        if missing <= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(missing / a_second)
        }
    }

    fn add(&mut self, key: &Key, change: f64, now: Instant) {
        let (most, _) = key.quota();
        let bucket = self.refilled(key, now);
        bucket.left = (bucket.left + change).min(most);
    }

    fn refilled(&mut self, key: &Key, now: Instant) -> &mut Bucket {
        let (most, a_second) = key.quota();
        let bucket = self.0.entry(key.clone()).or_insert(Bucket {
            left: most,
            updated: now,
        });
        let passed = now.saturating_duration_since(bucket.updated).as_secs_f64();
        bucket.left = passed.mul_add(a_second, bucket.left).min(most);
        bucket.updated = now;
        bucket
    }

    /// Keeps the map from growing with every account name somebody makes up.
    fn forget_full(&mut self, now: Instant) {
        if self.0.len() < MOST_BUCKETS {
            return;
        }
        self.0.retain(|key, bucket| {
            let (most, a_second) = key.quota();
            let passed = now.saturating_duration_since(bucket.updated).as_secs_f64();
            passed.mul_add(a_second, bucket.left) < most
        });
    }
}

impl Key {
    /// How many attempts may fail at once, and how many more each second. An address stands for a whole office.
    fn quota(&self) -> (f64, f64) {
        match self {
            Self::Address(_) => (100.0, 1.0),
            Self::Account(_) => (10.0, 1.0 / 6.0),
        }
    }
}

const MOST_BUCKETS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_wrong_guess_waits_and_right_ones_never_do() {
        let (limiter, now) = (LoginLimiter::default(), Instant::now());
        let (address, bob) = (IpAddr::from([127, 0, 0, 1]), UserId::parse("bob").unwrap());

        for _ in 0..50 {
            let attempt = limiter.charge(address, &bob, now).unwrap();
            limiter.succeed(&attempt, now);
        }
        for _ in 0..10 {
            let _wrong = limiter.charge(address, &bob, now).unwrap();
        }

        let wait = limiter.charge(address, &bob, now).unwrap_err();
        assert!(
            wait > Duration::from_secs(5) && wait <= Duration::from_secs(6),
            "{wait:?}"
        );
        assert!(
            limiter
                .charge(address, &bob, now + Duration::from_secs(7))
                .is_ok()
        );
    }
}
