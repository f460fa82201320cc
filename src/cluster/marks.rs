//! The changes of inboxes that signals told, until this hub has told them to its streams.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::alarm::{AlarmId, UserId};
use crate::store::{Change, Gone};

/// One change of a user's marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    /// The user.
    pub user_id: UserId,
    /// The version of the marks after it.
    pub version: i64,
    /// The change.
    pub change: Change,
}

/// Work for the streams of this hub.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untold {
    /// Tell these changes, in this order, and after them these users their counts again.
    Changes(Vec<Marked>, HashSet<UserId>),
    /// Tell whoever has them that these alarms were retracted.
    Retracted(Vec<AlarmId>),
    /// Tell whoever had them that these alarms were pruned.
    Pruned(Vec<Gone>),
    /// Changes may be missing: tell every user's counts again.
    Everything,
}

/// The changes that wait; all clones share them.
#[derive(Clone, Default)]
pub(crate) struct Marks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    changes: Vec<Marked>,
    again: HashSet<UserId>,
    retracted: Vec<AlarmId>,
    pruned: Vec<Gone>,
    everything: bool,
}

impl Marks {
    /// Adds changes in the order of their commits. When too many wait, they are given up for counting everything again.
    pub(super) fn add(&self, changes: Vec<Marked>) {
        self.put_all(changes, |waiting| &mut waiting.changes);
    }

    /// Adds alarms that were retracted. They are bounded as changes are.
    pub(super) fn add_retracted(&self, ids: Vec<AlarmId>) {
        self.put_all(ids, |waiting| &mut waiting.retracted);
    }

    /// Adds alarms that were pruned. They are bounded as changes are.
    pub(super) fn add_pruned(&self, alarms: Vec<Gone>) {
        self.put_all(alarms, |waiting| &mut waiting.pruned);
    }

    /// Notes that these users may miss changes.
    pub(crate) fn add_again(&self, users: Vec<UserId>) {
        self.put(|waiting| waiting.again.extend(users));
    }

    /// Notes that changes may be missing.
    pub(crate) fn add_everything(&self) {
        self.put(|waiting| waiting.everything = true);
    }

    /// Waits for work and takes all of it.
    pub(crate) async fn take(&self) -> Untold {
        loop {
            // Created before the look, so that work added after it wakes this call.
            let more = self.0.more.notified();
            if let Some(untold) = self.take_now() {
                return untold;
            }
            more.await;
        }
    }

    fn take_now(&self) -> Option<Untold> {
        let mut waiting = self.waiting();
        if !waiting.everything && !waiting.retracted.is_empty() {
            return Some(Untold::Retracted(std::mem::take(&mut waiting.retracted)));
        }
        if !waiting.everything && !waiting.pruned.is_empty() {
            return Some(Untold::Pruned(std::mem::take(&mut waiting.pruned)));
        }
        let Waiting {
            changes,
            again,
            everything,
            retracted: _,
            pruned: _,
        } = std::mem::take(&mut *waiting);
        if everything {
            return Some(Untold::Everything);
        }
        let is_empty = changes.is_empty() && again.is_empty();
        (!is_empty).then_some(Untold::Changes(changes, again))
    }

    fn put_all<T>(&self, new: Vec<T>, list: fn(&mut Waiting) -> &mut Vec<T>) {
        if new.is_empty() {
            return;
        }
        self.put(|waiting| {
            let list = list(waiting);
            list.extend(new);
            if list.len() > MOST_WAITING {
                waiting.everything = true;
            }
        });
    }

    fn put(&self, put: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        put(&mut waiting);
        if waiting.everything {
            (waiting.changes, waiting.again) = (Vec::new(), HashSet::new());
        }
        drop(waiting);
        self.0.more.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        let waiting = &self.0.waiting;
        waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many as one look may bring.
const MOST_WAITING: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(version: i64) -> Marked {
        Marked {
            user_id: UserId::parse("bob").unwrap(),
            version,
            change: Change::default(),
        }
    }

    #[tokio::test]
    async fn changes_are_taken_in_the_order_they_were_added() {
        let marks = Marks::default();

        marks.add(Vec::from([marked(1)]));
        marks.add(Vec::from([marked(2), marked(3)]));

        let expected = Untold::Changes([1, 2, 3].map(marked).into(), HashSet::new());
        assert_eq!(marks.take().await, expected);
        assert_eq!(marks.take_now(), None);
    }

    #[tokio::test]
    async fn users_who_could_not_be_told_are_told_again_and_nobody_else() {
        let marks = Marks::default();
        let bob = UserId::parse("bob").unwrap();

        marks.add_again(Vec::from([bob.clone(), bob.clone()]));

        let expected = Untold::Changes(Vec::new(), HashSet::from([bob]));
        assert_eq!(marks.take().await, expected);
        assert_eq!(marks.take_now(), None);
    }

    #[tokio::test]
    async fn too_many_changes_are_one_order_to_count_everything() {
        let marks = Marks::default();

        marks.add(std::iter::repeat_n(marked(1), MOST_WAITING + 1).collect());
        marks.add(Vec::from([marked(2)]));

        assert_eq!(marks.take().await, Untold::Everything);
        assert_eq!(marks.take_now(), None);
    }
}
