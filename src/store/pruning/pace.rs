//! The size of the batches of pruning, and the pauses between them.

use std::time::{Duration, Instant};

/// The rows of a batch: as many as this machine deletes in [`AIM`], by the time that the batch before took.
pub(super) struct Pace {
    began: Instant,
    /// The newest id at the batch before.
    head: i64,
    /// True if alarms were published since the batch before.
    is_beside_publishers: bool,
    rows: i64,
    /// The time of the batch before.
    took: Duration,
}

impl Pace {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            head: 0,
            is_beside_publishers: false,
            rows: FIRST_ROWS,
            took: Duration::ZERO,
        }
    }

    pub(super) fn rows(&self) -> i64 {
        self.rows
    }

    /// The log ends at this id.
    pub(super) fn saw(&mut self, head: i64) {
        self.is_beside_publishers = head != self.head;
        self.head = head;
    }

    /// The pause before the next batch. A row lies in pages all over the indexes, which the disk writes while publishers wait for
    /// the same disk, so that the pauses are long beside publishers; a pass that has taken hours falls behind, and has short ones.
    /// A server deletes a batch quickly and cleans up after it later, so a pause also has a least length for each row.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        if self.is_beside_publishers && now - self.began < UNHURRIED {
            let rows = u32::try_from(self.rows).unwrap_or(u32::MAX);
            let pause = (self.took * PAUSES).max(PAUSE_FOR_A_ROW * rows);
            return pause.min(MOST_PAUSE);
        }
        (self.took * SHORT_PAUSES).clamp(LEAST_PAUSE, MOST_SHORT_PAUSE)
    }

    /// A batch took so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.took = time;
        let fitting = self.rows as f64 * AIM.as_secs_f64() / time.as_secs_f64().max(LEAST_SECONDS);
        let limit = if self.is_beside_publishers {
            MOST_ROWS_BESIDE
        } else {
            MOST_ROWS
        };
        let most = (self.rows * 2).min(limit);
        self.rows = (fitting as i64).clamp(LEAST_ROWS, most.max(LEAST_ROWS));
    }

    /// A batch failed.
    pub(super) fn ease(&mut self) {
        self.rows = (self.rows / 2).max(LEAST_ROWS);
    }
}

/// Well below the ten milliseconds that a publisher may wait for a batch: a busy disk makes a few of them longer.
const AIM: Duration = Duration::from_millis(3);

/// The pause after a batch, in times of the batch.
const PAUSES: u32 = 50;

const PAUSE_FOR_A_ROW: Duration = Duration::from_micros(500);

const SHORT_PAUSES: u32 = 6;

const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// A database that is slow for a while is not to make pruning fall behind for good.
const MOST_PAUSE: Duration = Duration::from_millis(150);

const MOST_SHORT_PAUSE: Duration = Duration::from_millis(25);

/// Long enough for ten million rows on two cores.
const UNHURRIED: Duration = Duration::from_secs(3 * 3_600);

/// A batch without rows takes no time.
const LEAST_SECONDS: f64 = 0.000_1;

const FIRST_ROWS: i64 = 200;

const LEAST_ROWS: i64 = 100;

const MOST_ROWS: i64 = 1_000;

/// With the pause for each row, two thousand rows a second.
const MOST_ROWS_BESIDE: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_batch_has_as_many_rows_as_fit_into_the_time_and_at_most_twice_as_many() {
        let mut pace = Pace::begin();

        pace.took(AIM * 2);
        assert_eq!(pace.rows(), FIRST_ROWS / 2);
        pace.took(AIM);
        assert_eq!(pace.rows(), FIRST_ROWS / 2);
        pace.took(Duration::ZERO);
        assert_eq!(pace.rows(), FIRST_ROWS);
        pace.took(AIM * 1_000);
        assert_eq!(pace.rows(), LEAST_ROWS);
        for _ in 0..20 {
            pace.took(Duration::ZERO);
        }
        assert_eq!(pace.rows(), MOST_ROWS);
    }

    #[test]
    fn publishers_have_most_of_the_time_until_pruning_falls_behind() {
        let mut pace = Pace::begin();
        pace.saw(1);
        let (now, late) = (pace.began, pace.began + UNHURRIED);
        assert_eq!(pace.pause(now), PAUSE_FOR_A_ROW * 200);
        for _ in 0..20 {
            pace.took(Duration::ZERO);
        }
        assert_eq!(pace.rows(), MOST_ROWS_BESIDE);
        assert_eq!(pace.pause(now), PAUSE_FOR_A_ROW * 300);
        assert_eq!(pace.pause(late), LEAST_PAUSE);

        pace.took(AIM);

        assert_eq!(pace.pause(now), AIM * PAUSES);
        assert_eq!(pace.pause(late), AIM * SHORT_PAUSES);
        pace.took(AIM * 1_000);
        assert_eq!(pace.pause(now), MOST_PAUSE);
        assert_eq!(pace.pause(late), MOST_SHORT_PAUSE);
        pace.saw(1);
        assert_eq!(pace.pause(now), MOST_SHORT_PAUSE, "nobody publishes");
    }

    #[test]
    fn failures_make_batches_smaller_to_a_limit() {
        let mut pace = Pace::begin();

        for _ in 0..20 {
            pace.ease();
        }
        assert_eq!(pace.rows(), LEAST_ROWS);
    }
}
