//! The hub's metrics, in the format of Prometheus. Every part that counts holds a clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The metrics. Cheap to clone; all clones share the same counters.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Streams open now.
    pub streams: Gauge,
    /// Users who have a stream open now.
    pub users: Gauge,
    /// Alarms stored since the start.
    pub alarms_stored: Counter,
    /// Events queued for clients since the start.
    pub deliveries: Counter,
    /// Alarms read back from the log for clients that missed them.
    pub replayed_alarms: Counter,
    /// Times at which another hub took this one for dead.
    pub leases_lost: Counter,
    closed: Family<Reason, Counter>,
    refused: Family<Reason, Counter>,
    store_reads: Family<Kind, Counter>,
    commit_seconds: Histogram,
    /// The number and the total time of commits. The histogram holds both, but its library does not return them.
    commits: Arc<Commits>,
    batch_alarms: Histogram,
    /// 1 while this hub hears its own bell.
    pub bell_works: Gauge,
    /// The time from ringing to hearing it.
    pub bell_seconds: Histogram,
    looks: Family<Cause, Counter>,
    /// Times that alarms of other hubs were read from the log and delivered.
    pub catch_ups: Counter,
    /// Jumps of the counter of ids: another server leads, or the database was restored.
    pub epoch_jumps: Counter,
    signals: Family<SignalKind, Counter>,
}

/// As the database holds it: another version may know more kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalKind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Default)]
struct Commits {
    count: AtomicU64,
    micros: AtomicU64,
}

/// The values that the admin page shows, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Streams open now.
    pub streams: i64,
    /// Users who have a stream open now.
    pub users: i64,
    /// Alarms stored.
    pub alarms: u64,
    /// Events queued for clients.
    pub deliveries: u64,
    /// Streams cut off because they were not read.
    pub slow_drops: u64,
    /// Alarms read back from the log.
    pub replayed: u64,
    /// Batches committed.
    pub commits: u64,
    /// The total time of all commits, in microseconds.
    pub commit_micros: u64,
}

impl Metrics {
    /// Returns the current values.
    pub(crate) fn totals(&self) -> Totals {
        let slow = self.closed.get_or_create(&Reason { reason: "slow" }).get();
        Totals {
            streams: self.streams.get(),
            users: self.users.get(),
            alarms: self.alarms_stored.get(),
            deliveries: self.deliveries.get(),
            slow_drops: slow,
            replayed: self.replayed_alarms.get(),
            commits: self.commits.count.load(Ordering::Relaxed),
            commit_micros: self.commits.micros.load(Ordering::Relaxed),
        }
    }

    /// Counts a stream that the hub ended, by its reason.
    pub(crate) fn stream_closed(&self, reason: &'static str) {
        self.closed.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a submission that was not stored, by its reason.
    pub(crate) fn append_refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a read from the database, by its kind.
    pub(crate) fn store_read(&self, kind: &'static str) {
        self.store_reads.get_or_create(&Kind { kind }).inc();
    }

    /// Counts a look at what other hubs did, by its cause: the `bell`, or the `time` since the last one.
    pub(crate) fn looked(&self, cause: &'static str) {
        self.looks.get_or_create(&Cause { cause }).inc();
    }

    /// Counts a signal of another hub, or of this one, by its kind.
    pub(crate) fn signalled(&self, kind: &str) {
        let kind = kind.to_owned();
        self.signals.get_or_create(&SignalKind { kind }).inc();
    }

    /// Counts a committed batch.
    pub(crate) fn committed(&self, alarms: usize, took: Duration) {
        self.alarms_stored.inc_by(alarms as u64);
        self.batch_alarms
            .observe(f64::from(u32::try_from(alarms).unwrap_or(u32::MAX)));
        self.commit_seconds.observe(took.as_secs_f64());
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.micros.fetch_add(micros, Ordering::Relaxed);
        self.commits.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns all metrics as OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("campanile");
        registry.register("streams", "Streams open now", self.streams.clone());
        registry.register(
            "users_online",
            "Users who have a stream open now",
            self.users.clone(),
        );
        registry.register("alarms_stored", "Alarms stored", self.alarms_stored.clone());
        registry.register(
            "deliveries",
            "Events queued for clients",
            self.deliveries.clone(),
        );
        registry.register(
            "replayed_alarms",
            "Alarms read back from the log for clients that missed them",
            self.replayed_alarms.clone(),
        );
        registry.register(
            "signals",
            "Signals of the hubs on the same database",
            self.signals.clone(),
        );
        registry.register(
            "leases_lost",
            "Times at which another hub took this one for dead",
            self.leases_lost.clone(),
        );
        registry.register(
            "streams_closed",
            "Streams the hub ended",
            self.closed.clone(),
        );
        registry.register(
            "appends_refused",
            "Submissions that were not stored",
            self.refused.clone(),
        );
        registry.register(
            "store_reads",
            "Questions the database was asked",
            self.store_reads.clone(),
        );
        registry.register(
            "commit_seconds",
            "Time to commit one batch",
            self.commit_seconds.clone(),
        );
        registry.register(
            "batch_alarms",
            "Alarms in one commit",
            self.batch_alarms.clone(),
        );
        self.register_cluster(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    /// The metrics of several hubs on one database.
    fn register_cluster(&self, registry: &mut Registry) {
        registry.register(
            "bell_works",
            "1 while this hub hears its own bell",
            self.bell_works.clone(),
        );
        registry.register(
            "bell_seconds",
            "Time from ringing the bell to hearing it",
            self.bell_seconds.clone(),
        );
        registry.register("looks", "Looks at what other hubs did", self.looks.clone());
        registry.register(
            "catch_ups",
            "Times that alarms of other hubs were read from the log",
            self.catch_ups.clone(),
        );
        registry.register(
            "epoch_jumps",
            "Jumps of the counter of ids",
            self.epoch_jumps.clone(),
        );
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            streams: Gauge::default(),
            users: Gauge::default(),
            commits: Arc::default(),
            alarms_stored: Counter::default(),
            deliveries: Counter::default(),
            replayed_alarms: Counter::default(),
            leases_lost: Counter::default(),
            closed: Family::default(),
            refused: Family::default(),
            store_reads: Family::default(),
            // From 0.25 ms (a write on a fast disk) to 4 s (a disk that fails).
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 15)),
            batch_alarms: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            bell_works: Gauge::default(),
            bell_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 15)),
            looks: Family::default(),
            catch_ups: Counter::default(),
            epoch_jumps: Counter::default(),
            signals: Family::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_count_into_the_same_figures() {
        let metrics = Metrics::default();

        metrics.clone().committed(3, Duration::from_millis(2));
        metrics.clone().stream_closed("slow");
        metrics.clone().store_read("counts");

        let text = metrics.text().unwrap();
        assert!(text.contains("campanile_alarms_stored_total 3"), "{text}");
        assert!(
            text.contains("campanile_streams_closed_total{reason=\"slow\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("campanile_store_reads_total{kind=\"counts\"} 1"),
            "{text}"
        );
    }
}
