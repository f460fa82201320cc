//! The hub's metrics, in the format of Prometheus. Every part that counts holds a clone.

mod exposition;
mod process;
mod registration;
mod spread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

pub(crate) use crate::metrics::exposition::Exposition;
pub(crate) use crate::metrics::process::most_open_files;
pub(crate) use crate::metrics::spread::Spread;

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
    open_streams: Family<Kept, Gauge>,
    /// Streams and polls that began outside of the log that is kept.
    pub gaps: Counter,
    /// Requests with an API key that the hub does not know.
    pub unknown_api_keys: Counter,
    sign_ins_failed: Family<Reason, Counter>,
    /// Alarms that wait to be stored.
    pub waiting_alarms: Gauge,
    /// The time from taking a submission to the end of its commit.
    pub publish_seconds: Spread,
    /// The time from the commit of an alarm to the hand-over to the connection of a client.
    pub delivery_seconds: Spread,
    /// The alarms of one replay.
    pub replay_alarms: Histogram,
    /// The time that a batch of pruning takes.
    pub pruning_seconds: Histogram,
    store_wait: Family<Lane, Spread>,
    store_work: Family<Lane, Spread>,
}

/// Counts as an open stream.
#[derive(Debug)]
pub(crate) struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The transport and the HTTP version of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kept {
    transport: &'static str,
    http: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
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

    /// Counts an open stream of a transport over an HTTP version, until the result is dropped.
    pub(crate) fn open_stream(&self, transport: &'static str, http: &'static str) -> OpenStream {
        let gauge = self.open_streams.get_or_create(&Kept { transport, http });
        gauge.inc();
        OpenStream(gauge.clone())
    }

    /// Counts a sign-in that failed, by its reason.
    pub(crate) fn sign_in_failed(&self, reason: &'static str) {
        self.sign_ins_failed.get_or_create(&Reason { reason }).inc();
    }

    /// The histograms of a lane of the store: the wait for a connection, and the work with it.
    pub(crate) fn lane(&self, lane: &'static str) -> (Spread, Spread) {
        let lane = Lane { lane };
        let wait = self.store_wait.get_or_create(&lane).clone();
        (wait, self.store_work.get_or_create(&lane).clone())
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
            open_streams: Family::default(),
            gaps: Counter::default(),
            sign_ins_failed: Family::default(),
            waiting_alarms: Gauge::default(),
            publish_seconds: Spread::default(),
            delivery_seconds: Spread::default(),
            // From one alarm to all of a busy month.
            replay_alarms: Histogram::new(exponential_buckets(1.0, 4.0, 11)),
            // Around the ten milliseconds that a publisher may wait for a batch.
            pruning_seconds: Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0]),
            store_wait: Family::default(),
            store_work: Family::default(),
            unknown_api_keys: Counter::default(),
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

        let text = metrics.text(Exposition::Prometheus).unwrap();
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
