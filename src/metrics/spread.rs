//! A histogram of durations that many threads add to without a lock: one addition to a bucket and one to the sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A histogram from 0.1 ms to 13 s; each bucket ends at twice the end of the one before. Clones share the same counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The last one has no end.
    buckets: [AtomicU64; BUCKETS + 1],
    micros: AtomicU64,
}

impl Spread {
    /// Adds a duration.
    pub(crate) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.0.buckets.get(place(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.0.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// The bucket of a duration.
fn place(micros: u64) -> usize {
    let times = micros.saturating_sub(1) / FIRST_END_MICROS;
    let doublings = u64::BITS - times.leading_zeros();
    (doublings as usize).min(BUCKETS)
}

impl EncodeMetric for Spread {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.buckets.iter().map(|one| one.load(Ordering::Relaxed));
        let ends = (0..).map(|bucket| seconds(FIRST_END_MICROS << bucket));
        let ends = ends.take(BUCKETS).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
        let count = buckets.iter().map(|(_end, count)| count).sum();
        let sum = seconds(self.0.micros.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Spread {
    const TYPE: MetricType = MetricType::Histogram;
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}

const FIRST_END_MICROS: u64 = 100;

const BUCKETS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_bucket_whose_end_it_does_not_pass() {
        for (micros, bucket) in [
            (0, 0),
            (1, 0),
            (100, 0),
            (101, 1),
            (200, 1),
            (201, 2),
            (400, 2),
            (100 << 17, 17),
            ((100 << 17) + 1, 18),
            (u64::MAX, 18),
        ] {
            assert_eq!(place(micros), bucket, "{micros}");
        }
    }
}
