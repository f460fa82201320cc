//! Presence events of big rooms that some members have not got yet. They are sent to some members at a time, so that an event for
//! ten thousand members delays no alarm for one of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::alarm::Topic;
use crate::hub::Frame;

/// The events that some members have not got yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Telling {
    waiting: VecDeque<Waiting>,
    /// The number of members who have not got an event yet, over all rooms.
    left: usize,
}

#[derive(Debug)]
struct Waiting {
    topic: Topic,
    frame: Arc<Frame>,
    /// The places of the members when it happened, and how many of them are told.
    places: Vec<usize>,
    told: usize,
}

impl Telling {
    /// True if all are told.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }

    /// True if something is still to be told of a room.
    pub(super) fn is_about(&self, topic: &Topic) -> bool {
        self.waiting.iter().any(|waiting| waiting.topic == *topic)
    }

    /// Notes what is to be told to the members at some places.
    pub(super) fn add(&mut self, topic: Topic, frame: Arc<Frame>, places: Vec<usize>) {
        self.left += places.len();
        self.waiting.push_back(Waiting {
            topic,
            frame,
            places,
            told: 0,
        });
    }

    /// The members who are told next. With much to tell they are more, so that it is never far behind.
    pub(super) fn next(&mut self) -> Option<(Topic, Arc<Frame>, Vec<usize>)> {
        let count = TOLD_AT_ONCE.max(self.left / ROUNDS);
        let waiting = self.waiting.front_mut()?;
        let places: Vec<usize> = waiting
            .places
            .iter()
            .skip(waiting.told)
            .copied()
            .take(count)
            .collect();
        waiting.told += places.len();
        self.left -= places.len();
        let next = (waiting.topic.clone(), Arc::clone(&waiting.frame), places);
        if waiting.told == waiting.places.len() {
            self.waiting.pop_front();
        }
        Some(next)
    }
}

/// Less than half a millisecond of a core.
pub(super) const TOLD_AT_ONCE: usize = 64;

/// The events that wait are sent within about this many rounds.
const ROUNDS: usize = 256;

/// The pause between two rounds.
pub(super) const TELL_EVERY: Duration = Duration::from_millis(4);
