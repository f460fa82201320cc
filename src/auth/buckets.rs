//! Counters of failures that drain with time, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The failures a bucket holds, and the rate at which they are forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    /// Failures at once.
    pub(super) most: f64,
    /// Failures forgotten in a second.
    pub(super) a_second: f64,
}

/// A key that knows its quota.
pub(super) trait Limited: Clone + Eq + Hash {
    /// The quota of the key's bucket.
    fn quota(&self) -> Quota;
}

/// The room in a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Room {
    /// For one more.
    Free,
    /// None as long as those that are being checked are not known to be right.
    Pending,
    /// None before this time has passed.
    Full(Duration),
}

/// The buckets of all keys.
#[derive(Debug)]
pub(super) struct Buckets<K>(HashMap<K, Bucket>);

#[derive(Debug)]
struct Bucket {
    failures: f64,
    pending: u32,
    updated: Instant,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Limited> Buckets<K> {
    /// The room in the bucket of a key.
    pub(super) fn room(&mut self, key: &K, now: Instant) -> Room {
        let quota = key.quota();
        let Some(bucket) = self.0.get_mut(key) else {
            return Room::Free;
        };
        bucket.drain(quota, now);
        let excess = bucket.failures + 1.0 - quota.most;
        if excess > 0.0 {
            Room::Full(Duration::from_secs_f64(excess / quota.a_second))
        } else if excess + f64::from(bucket.pending) > 0.0 {
            Room::Pending
        } else {
            Room::Free
        }
    }

    /// The failures in the bucket of a key, and the attempts that are being checked.
    pub(super) fn fill(&mut self, key: &K, now: Instant) -> f64 {
        self.0.get_mut(key).map_or(0.0, |bucket| {
            bucket.drain(key.quota(), now);
            bucket.fill()
        })
    }

    /// Takes a place for an attempt that is being checked.
    pub(super) fn reserve(&mut self, key: &K, now: Instant) {
        self.bucket(key, now).pending += 1;
    }

    /// Gives the place of an attempt back.
    pub(super) fn release(&mut self, key: &K, now: Instant) {
        let bucket = self.bucket(key, now);
        bucket.pending = bucket.pending.saturating_sub(1);
    }

    /// Counts a failure.
    pub(super) fn fail(&mut self, key: &K, now: Instant) {
        let most = key.quota().most;
        let bucket = self.bucket(key, now);
        bucket.failures = (bucket.failures + 1.0).min(most);
    }

    fn bucket(&mut self, key: &K, now: Instant) -> &mut Bucket {
        if self.0.len() >= MOST_BUCKETS && !self.0.contains_key(key) {
            self.make_room(now);
        }
        let bucket = self.0.entry(key.clone()).or_insert(Bucket {
            failures: 0.0,
            pending: 0,
            updated: now,
        });
        bucket.drain(key.quota(), now);
        bucket
    }

    /// Forgets empty buckets, and if those are too few the ones that hold least: a crowd of made-up names must not fill the
    /// memory, nor make the hub forget the bucket somebody is guessing at.
    fn make_room(&mut self, now: Instant) {
        for (key, bucket) in &mut self.0 {
            bucket.drain(key.quota(), now);
        }
        self.0.retain(|_key, bucket| !bucket.is_empty());
        if self.0.len() <= MOST_BUCKETS / 4 * 3 {
            return;
        }
        let mut fill: Vec<f64> = self.0.values().map(Bucket::fill).collect();
        fill.sort_unstable_by(f64::total_cmp);
        let least = fill.get(fill.len() / 4).copied().unwrap_or_default();
        self.0
            .retain(|_key, bucket| bucket.pending > 0 || bucket.failures > least);
    }
}

impl Bucket {
    fn drain(&mut self, quota: Quota, now: Instant) {
        let passed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.failures = passed.mul_add(-quota.a_second, self.failures).max(0.0);
        self.updated = now;
    }

    fn is_empty(&self) -> bool {
        self.pending == 0 && self.failures <= 0.0
    }

    fn fill(&self) -> f64 {
        self.failures + f64::from(self.pending)
    }
}

/// Passwords are checked at some hundred a second at most, and a failure is forgotten within 36 seconds.
const MOST_BUCKETS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    impl Limited for u32 {
        fn quota(&self) -> Quota {
            Quota {
                most: 10.0,
                a_second: 0.5,
            }
        }
    }

    #[test]
    fn a_crowd_of_names_fills_neither_the_memory_nor_hides_a_full_bucket() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for _ in 0..10 {
            buckets.fail(&0, now);
        }

        for name in 1..100_000 {
            buckets.fail(&name, now);
        }

        assert!(buckets.0.len() <= MOST_BUCKETS, "{}", buckets.0.len());
        assert!(matches!(buckets.room(&0, now), Room::Full(_)));
    }
}
