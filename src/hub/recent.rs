//! The last frames that were delivered: many clients that come back at once are served from here without a read of the log.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::alarm::{AlarmId, Timestamp, TopicFilter};
use crate::hub::{Entry, Frame};

/// The end of the log, as far as it is kept in memory. Without a hole: whoever has seen everything up to a cursor in it
/// misses exactly what follows.
#[derive(Debug)]
pub(super) struct Recent {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    /// The last id that was delivered.
    position: AlarmId,
}

impl Recent {
    /// Nothing yet, of a log that was delivered up to `position`.
    pub(super) fn after(position: AlarmId) -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            position,
        }
    }

    /// The last frames of a log that ends at `position`, as far as they follow each other up to there.
    pub(super) fn of(frames: &[Arc<Frame>], position: AlarmId) -> Self {
        let first = frames.first().and_then(|frame| frame.id());
        let mut recent = Self::after(first.map_or(position, |id| AlarmId(id.0 - 1)));
        for frame in frames {
            if let Some(id) = frame.id() {
                recent.keep(id, frame);
            }
        }
        if recent.position == position {
            recent
        } else {
            Self::after(position)
        }
    }

    /// The last id that was delivered.
    pub(super) fn position(&self) -> AlarmId {
        self.position
    }

    /// Takes in a frame that is delivered. After an id that does not follow, what came before is no end of the log any more.
    pub(super) fn keep(&mut self, id: AlarmId, frame: &Arc<Frame>) {
        if id <= self.position {
            return;
        }
        if id.0 != self.position.0 + 1 {
            self.frames.clear();
            self.bytes = 0;
        }
        self.position = id;
        self.bytes += frame.size_bytes();
        self.frames.push_back(Arc::clone(frame));
        while self.bytes > MOST_BYTES || self.frames.len() > MOST_FRAMES {
            self.drop_first();
        }
    }

    /// Takes the content out of alarms that were retracted. Their places stay, as what is kept has no hole.
    pub(super) fn retract(&mut self, ids: &HashSet<AlarmId>) {
        for frame in &mut self.frames {
            let alarm = frame.as_alarm().filter(|alarm| ids.contains(&alarm.id));
            if let Some(alarm) = alarm {
                let retracted = Frame::alarm(Arc::new(alarm.retracted()));
                self.bytes -= frame.size_bytes();
                self.bytes += retracted.size_bytes();
                *frame = retracted;
            }
        }
    }

    /// Forgets what is too old for anybody to come back for.
    pub(super) fn forget_old(&mut self, clock: Timestamp) {
        let oldest = clock.minus(OLDEST);
        while self
            .frames
            .front()
            .is_some_and(|frame| frame.stored_at().is_none_or(|at| at < oldest))
        {
            self.drop_first();
        }
    }

    /// The frames that follow `cursor` for a client; `None` if that is not known here, or too much to look
    /// through while others wait.
    pub(super) fn missed(
        &self,
        cursor: AlarmId,
        filter: &TopicFilter,
        clock: Timestamp,
    ) -> Option<Vec<Arc<Frame>>> {
        let behind = usize::try_from(self.position.0.checked_sub(cursor.0)?).ok()?;
        if behind > self.frames.len() || behind > MOST_MISSED {
            return None;
        }
        let later = self.frames.range(self.frames.len() - behind..);
        let (mut missed, mut bytes) = (Vec::new(), 0);
        for frame in later.filter(|frame| concerns(filter, frame, clock)) {
            bytes += frame.size_bytes();
            if bytes > MOST_MISSED_BYTES {
                return None;
            }
            missed.push(Arc::clone(frame));
        }
        Some(missed)
    }

    fn drop_first(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.size_bytes();
        }
    }
}

fn concerns(filter: &TopicFilter, frame: &Frame, clock: Timestamp) -> bool {
    match frame.entry() {
        Some(Entry::Alarm(alarm)) => {
            let is_alive = alarm.expires_at.is_none_or(|expires| expires > clock);
            is_alive && filter.lets_through(&alarm.topic)
        }
        Some(Entry::Update(update)) => filter.lets_update_through(update),
        None => false,
    }
}

/// A few seconds of a busy log.
const MOST_FRAMES: usize = 16_384;

/// A log of large alarms must not cost more memory than the clients do.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Looked through in some microseconds by the one actor everybody waits for; a client that missed more reads the log.
pub(crate) const MOST_MISSED: usize = 512;

/// A client that does not read keeps these frames after they left the ring, so they are bounded as its queue is.
const MOST_MISSED_BYTES: usize = 256 * 1024;

/// Far younger than anything that is pruned.
const OLDEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Alarm, Topic};
    use crate::hub::properties::alarm;

    fn kept(ids: impl IntoIterator<Item = i64>) -> Recent {
        let mut recent = Recent::after(AlarmId(10));
        for id in ids {
            recent.keep(AlarmId(id), &Frame::alarm(Arc::new(alarm(id, "everyone"))));
        }
        recent
    }

    fn missed(recent: &Recent, cursor: i64) -> Option<Vec<i64>> {
        let filter = TopicFilter {
            topics: vec![Topic::everyone()],
            ..TopicFilter::default()
        };
        let missed = recent.missed(AlarmId(cursor), &filter, Timestamp::now())?;
        Some(missed.iter().map(|frame| frame.id().unwrap().0).collect())
    }

    #[test]
    fn what_follows_a_cursor_is_known_as_far_back_as_it_is_kept() {
        let recent = kept(11..=14);

        assert_eq!(missed(&recent, 14), Some(vec![]));
        assert_eq!(missed(&recent, 12), Some(vec![13, 14]));
        assert_eq!(missed(&recent, 10), Some(vec![11, 12, 13, 14]));
        assert_eq!(missed(&recent, 9), None, "before it began");
        assert_eq!(missed(&recent, 15), None, "not delivered yet");
    }

    #[test]
    fn a_retracted_alarm_is_missed_by_nobody_and_leaves_no_hole() {
        let mut recent = kept(11..=14);

        recent.retract(&HashSet::from([AlarmId(12), AlarmId(99)]));

        assert_eq!(missed(&recent, 10), Some(vec![11, 13, 14]));
    }

    #[test]
    fn nothing_is_known_from_before_a_hole() {
        let recent = kept([11, 12, 15]);

        assert_eq!(missed(&recent, 12), None);
        assert_eq!(missed(&recent, 14), Some(vec![15]));
    }

    #[test]
    fn it_begins_with_the_end_of_the_log_as_far_as_that_is_whole() {
        let filled = |ids: &[i64], position: i64| {
            let frames: Vec<_> = ids
                .iter()
                .map(|id| Frame::alarm(Arc::new(alarm(*id, "everyone"))))
                .collect();
            Recent::of(&frames, AlarmId(position))
        };

        let whole = filled(&[5, 8, 9, 10], 10);
        assert_eq!(missed(&whole, 7), Some(vec![8, 9, 10]));
        assert_eq!(missed(&whole, 6), None, "there is a hole");
        let lacking = filled(&[8, 9], 10);
        assert_eq!(missed(&lacking, 9), None, "the last one expired");
        assert_eq!(missed(&lacking, 10), Some(vec![]));
        assert_eq!(missed(&filled(&[], 10), 10), Some(vec![]));
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let last = 10 + i64::try_from(MOST_FRAMES).unwrap() + 100;
        let recent = kept(11..=last);

        assert_eq!(recent.frames.len(), MOST_FRAMES);
        assert_eq!(missed(&recent, last - 1), Some(vec![last]));
        assert_eq!(missed(&recent, 10), None);
    }

    #[test]
    fn what_has_expired_is_not_given() {
        let mut recent = Recent::after(AlarmId(0));
        let expired = Alarm {
            expires_at: Some(Timestamp::from_millis(1)),
            ..alarm(1, "everyone")
        };
        recent.keep(AlarmId(1), &Frame::alarm(Arc::new(expired)));

        assert_eq!(missed(&recent, 0), Some(vec![]));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut recent = kept([11]);

        recent.forget_old(Timestamp::now());

        assert_eq!(missed(&recent, 11), Some(vec![]));
        assert_eq!(missed(&recent, 10), None);
    }
}
