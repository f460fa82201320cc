//! The history of the hub's metrics over the last minute, sampled once a second by one task for all viewers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::alarm::Timestamp;
use crate::metrics::{Metrics, Totals};

/// The samples of the last minute. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Figures(watch::Receiver<Samples>);

/// The samples, oldest first.
pub(crate) type Samples = Arc<Vec<Sample>>;

/// The values of one second.
#[derive(utoipa::ToSchema, Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// The end of the second.
    pub at: Timestamp,
    /// The number of open streams.
    pub streams: i64,
    /// The number of users with an open stream.
    pub users: i64,
    /// The alarms that were stored.
    pub alarms_per_second: f64,
    /// The events that were queued for clients.
    pub deliveries_per_second: f64,
    /// The streams dropped for backpressure since the start: their client did not read.
    pub slow_drops: u64,
    /// The streams dropped for backpressure in this second.
    pub slow_drops_per_second: f64,
    /// The alarms that were replayed from the log since the start.
    pub replayed: u64,
    /// The alarms that were replayed from the log in this second.
    pub replayed_per_second: f64,
    /// The average duration of a commit; null if there was none.
    pub commit_milliseconds: Option<f64>,
}

impl Figures {
    /// Starts sampling. The task ends with the actix system it runs in.
    pub(crate) fn start(metrics: Metrics) -> Self {
        let (sender, receiver) = watch::channel(Samples::default());
        actix::spawn(async move {
            let mut tick = tokio::time::interval(EVERY);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut before = (Instant::now(), metrics.totals());
            tick.tick().await;
            loop {
                tick.tick().await;
                let now = (Instant::now(), metrics.totals());
                let sample = Sample::between(&before.1, &now.1, now.0 - before.0);
                before = now;
                let kept = sender.borrow().len().saturating_sub(KEPT - 1);
                let mut samples = sender.borrow().get(kept..).unwrap_or_default().to_vec();
                samples.push(sample);
                if sender.send(Arc::new(samples)).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Returns the samples of the last minute.
    pub(crate) fn samples(&self) -> Samples {
        Arc::clone(&self.0.borrow())
    }

    /// Returns a stream of the samples that follow.
    pub(crate) fn watch(&self) -> watch::Receiver<Samples> {
        let mut watched = self.0.clone();
        watched.mark_unchanged();
        watched
    }
}

impl Sample {
    fn between(before: &Totals, now: &Totals, took: Duration) -> Self {
        let rate = |before: u64, now: u64| rounded(difference(before, now) / took.as_secs_f64());
        let commits = difference(before.commits, now.commits);
        let micros = difference(before.commit_micros, now.commit_micros);
        Self {
            at: Timestamp::now(),
            streams: now.streams,
            users: now.users,
            alarms_per_second: rate(before.alarms, now.alarms),
            deliveries_per_second: rate(before.deliveries, now.deliveries),
            slow_drops: now.slow_drops,
            slow_drops_per_second: rate(before.slow_drops, now.slow_drops),
            replayed: now.replayed,
            replayed_per_second: rate(before.replayed, now.replayed),
            commit_milliseconds: (commits > 0.0).then(|| rounded(micros / commits / 1_000.0)),
        }
    }
}

fn difference(before: u64, now: u64) -> f64 {
    let more = now.saturating_sub(before);
    f64::from(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Rounds to two decimals: more digits would only make each message longer.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Frequent enough for a live chart, and cheap.
const EVERY: Duration = Duration::from_secs(1);

/// One minute of samples.
const KEPT: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_tells_rates_and_the_mean_of_its_commits() {
        let before = Totals {
            alarms: 10,
            commits: 1,
            commit_micros: 9_000,
            ..Totals::default()
        };
        let now = Totals {
            alarms: 40,
            slow_drops: 2,
            commits: 5,
            commit_micros: 17_000,
            ..before
        };

        let sample = Sample::between(&before, &now, Duration::from_secs(2));

        assert!((sample.alarms_per_second - 15.0).abs() < 1e-9);
        assert!((sample.slow_drops_per_second - 1.0).abs() < 1e-9);
        assert_eq!(sample.slow_drops, 2);
        assert_eq!(sample.commit_milliseconds, Some(2.0));
        let idle = Sample::between(&now, &now, Duration::from_secs(1));
        assert_eq!(idle.commit_milliseconds, None);
    }
}
