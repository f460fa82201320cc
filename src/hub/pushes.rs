//! The recent pushes: the alarms that were handed to streams, with the time. They answer questions about one alarm, and are bounded:
//! the oldest are forgotten first.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alarm::{AlarmId, Timestamp, UserId};
use crate::hub::ClientId;

/// The pushes of this hub; all clones share them.
#[derive(Clone)]
pub(crate) struct Pushes(Arc<Shared>);

/// One ring for each thread that serves streams, so that a push waits for nobody.
struct Shared {
    /// False if none are kept.
    is_on: bool,
    rings: Vec<Mutex<Ring>>,
    next_ring: AtomicUsize,
    streams: Mutex<Streams>,
}

/// The users of the streams, also of those that ended, while a push to them may be kept.
#[derive(Default)]
struct Streams {
    users: HashMap<ClientId, UserId>,
    /// The streams that ended, in the order of time.
    ended: VecDeque<(Timestamp, ClientId)>,
}

/// The last pushes of one thread.
struct Ring {
    entries: Vec<Entry>,
    /// The place of the oldest one, once the ring is full.
    oldest: usize,
    most: usize,
    /// Every push after this time is here.
    since: Timestamp,
}

/// Plain values: a push touches no memory but its place in the ring.
struct Entry {
    alarm: AlarmId,
    push: Push,
}

/// The pushes to one stream, until it is dropped.
pub(crate) struct PushesTo {
    pushes: Pushes,
    client_id: ClientId,
}

/// One alarm handed to one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Push {
    /// The stream.
    pub client_id: ClientId,
    /// The time.
    pub at: Timestamp,
}

impl Pushes {
    /// Keeps the last `most` pushes.
    pub(crate) fn keeping(most: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let since = Timestamp::now();
        let ring = || {
            Mutex::new(Ring {
                entries: Vec::new(),
                oldest: 0,
                most: most.div_ceil(threads),
                since,
            })
        };
        Self(Arc::new(Shared {
            is_on: most > 0,
            rings: std::iter::repeat_with(ring).take(threads).collect(),
            next_ring: AtomicUsize::new(0),
            streams: Mutex::default(),
        }))
    }

    /// Begins to keep the pushes to a stream.
    pub(crate) fn to(&self, client_id: ClientId, user_id: UserId) -> PushesTo {
        if self.0.is_on {
            locked(&self.0.streams).users.insert(client_id, user_id);
        }
        PushesTo {
            pushes: self.clone(),
            client_id,
        }
    }

    /// The pushes of one alarm by user, in the order of time; and the time after which none is forgotten.
    pub(crate) fn of(&self, alarm: AlarmId) -> (Timestamp, HashMap<UserId, Vec<Push>>) {
        if !self.0.is_on {
            return (Timestamp::now(), HashMap::new());
        }
        let mut since = Timestamp::from_millis(0);
        let mut pushes = Vec::new();
        for ring in &self.0.rings {
            let ring = locked(ring);
            since = since.max(ring.since);
            let of_alarm = ring.entries.iter().filter(|entry| entry.alarm == alarm);
            pushes.extend(of_alarm.map(|entry| entry.push));
        }
        pushes.sort_unstable_by_key(|push| push.at);
        let streams = locked(&self.0.streams);
        let mut found: HashMap<UserId, Vec<Push>> = HashMap::new();
        for push in pushes {
            if let Some(user) = streams.users.get(&push.client_id) {
                found.entry(user.clone()).or_default().push(push);
            }
        }
        (since, found)
    }

    /// The time before which every ring has forgotten all pushes.
    fn forgotten_before(&self) -> Option<Timestamp> {
        let since = self.0.rings.iter().map(|ring| locked(ring).since);
        since.min()
    }

    /// The ring of this thread.
    fn ring(&self) -> Option<&Mutex<Ring>> {
        let number = RING.get().unwrap_or_else(|| {
            let number = self.0.next_ring.fetch_add(1, Ordering::Relaxed);
            RING.set(Some(number));
            number
        });
        self.0.rings.get(number % self.0.rings.len())
    }
}

impl PushesTo {
    /// Notes that an alarm is handed to the stream.
    pub(crate) fn note(&self, alarm: AlarmId) {
        if !self.pushes.0.is_on {
            return;
        }
        if let Some(ring) = self.pushes.ring() {
            locked(ring).add(Entry {
                alarm,
                push: Push {
                    client_id: self.client_id,
                    at: Timestamp::now(),
                },
            });
        }
    }
}

impl Drop for PushesTo {
    fn drop(&mut self) {
        let shared = &self.pushes.0;
        if !shared.is_on {
            return;
        }
        let forgotten_before = self.pushes.forgotten_before();
        let mut streams = locked(&shared.streams);
        streams.ended.push_back((Timestamp::now(), self.client_id));
        // A stream that ended before has no push any more. The others are bounded as the rings are.
        while let Some((ended, client_id)) = streams.ended.front().copied() {
            let is_forgotten = forgotten_before.is_some_and(|before| ended < before);
            if !is_forgotten && streams.ended.len() <= MOST_ENDED {
                break;
            }
            streams.ended.pop_front();
            streams.users.remove(&client_id);
        }
    }
}

impl Ring {
    fn add(&mut self, entry: Entry) {
        if self.entries.len() < self.most {
            self.entries.push(entry);
            return;
        }
        if let Some(oldest) = self.entries.get_mut(self.oldest) {
            self.since = oldest.push.at;
            *oldest = entry;
        }
        self.oldest = (self.oldest + 1) % self.most;
    }
}

fn locked<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The streams that ended and are still known, where few pushes make the rings forget: 100 bytes each.
const MOST_ENDED: usize = 100_000;

thread_local! {
    /// The number of the ring that this thread writes to.
    static RING: Cell<Option<usize>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pushes_are_forgotten_first_and_that_is_told() {
        let threads = std::thread::available_parallelism().unwrap().get();
        let pushes = Pushes::keeping(2 * threads);
        let bob = UserId::parse("bob").unwrap();
        let stream = pushes.to(ClientId::random(), bob.clone());
        let (began, none) = pushes.of(AlarmId(1));
        assert!(none.is_empty());

        for alarm in [1, 2, 2, 3] {
            stream.note(AlarmId(alarm));
        }

        let (since, first) = pushes.of(AlarmId(1));
        assert!(first.is_empty(), "it was forgotten");
        assert!(since >= began);
        assert_eq!(pushes.of(AlarmId(2)).1[&bob].len(), 1);
        assert_eq!(pushes.of(AlarmId(3)).1[&bob].len(), 1);
    }

    #[test]
    fn a_hub_that_keeps_none_says_that_it_knows_none() {
        let pushes = Pushes::keeping(0);
        let stream = pushes.to(ClientId::random(), UserId::parse("bob").unwrap());

        let before = Timestamp::now();
        stream.note(AlarmId(1));

        let (since, found) = pushes.of(AlarmId(1));
        assert!(found.is_empty() && since >= before);
    }
}
