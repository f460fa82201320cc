//! The number of streams each user has at all hubs, and the numbers that the others have to be told of this one. All hubs hear the numbers
//! in one order, so each knows which hub has to end how many streams, before that hub tells that it did.

use std::collections::{HashMap, HashSet};

use crate::alarm::UserId;

/// The number of streams a user has at a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamCount {
    /// The user.
    pub user: UserId,
    /// The streams now.
    pub streams: usize,
    /// The number that was told before.
    pub before: usize,
}

/// The streams of users as the hubs told them. A user with few of them is not told of, as most have one.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The most streams of a user.
    limit: usize,
    /// The fewest streams that are told.
    least: usize,
    by_hub: HashMap<String, HashMap<UserId, usize>>,
    /// The streams of each user at the other hubs together.
    elsewhere: HashMap<UserId, usize>,
    /// The streams of each user here, as they were told.
    here: HashMap<UserId, usize>,
    /// The part that the other hubs have to be told; `None` where there are no others.
    shared: Option<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    told: HashMap<UserId, usize>,
    changed: HashSet<UserId>,
}

impl Counts {
    /// Counts of users who may have `limit` streams.
    pub(super) fn of_limit(limit: usize) -> Self {
        Self {
            limit,
            least: limit.div_ceil(HUBS_OF_A_CELL).max(1),
            ..Self::default()
        }
    }

    /// Begins to keep what other hubs have to be told.
    pub(super) fn share(&mut self) {
        self.shared = Some(Shared::default());
    }

    /// Notes that the number of a user's streams here changed.
    pub(super) fn changed(&mut self, user: &UserId, streams: usize) {
        if let Some(shared) = &mut self.shared
            && (streams >= self.least || shared.told.contains_key(user))
        {
            shared.changed.insert(user.clone());
        }
    }

    /// The streams of a user at the other hubs.
    pub(super) fn elsewhere(&self, user: &UserId) -> usize {
        self.elsewhere.get(user).copied().unwrap_or_default()
    }

    /// Takes changes that the other hubs were not told, so many that a signal holds them.
    pub(super) fn take_untold(&mut self, streams: impl Fn(&UserId) -> usize) -> Vec<StreamCount> {
        let least = self.least;
        let Some(shared) = &mut self.shared else {
            return Vec::new();
        };
        let mut untold = Vec::new();
        let some: Vec<UserId> = shared.changed.iter().take(MOST_TOLD).cloned().collect();
        for user in some {
            shared.changed.remove(&user);
            let now = streams(&user);
            let now = if now < least { 0 } else { now };
            let before = shared.told.remove(&user).unwrap_or_default();
            if now > 0 {
                shared.told.insert(user.clone(), now);
            }
            if now != before {
                untold.push(StreamCount {
                    user,
                    streams: now,
                    before,
                });
            }
        }
        untold
    }

    /// Tells all numbers again as changes: the other hubs may know none of them.
    pub(super) fn tell_again<'a>(&mut self, users: impl Iterator<Item = (&'a UserId, usize)>) {
        if let Some(shared) = &mut self.shared {
            let least = self.least;
            let many = users.filter(|(_, streams)| *streams >= least);
            shared.changed = many.map(|(user, _)| user.clone()).collect();
            shared.told.clear();
            self.here.clear();
        }
    }

    /// Takes in what another hub tells: some numbers, or with `all` the numbers of all its users.
    pub(super) fn hear(&mut self, hub: &str, told: &[StreamCount], all: bool) {
        let mut there = self.by_hub.remove(hub).unwrap_or_default();
        if all {
            for (user, streams) in std::mem::take(&mut there) {
                self.less(&user, streams);
            }
        }
        for one in told {
            if let Some(before) = there.remove(&one.user) {
                self.less(&one.user, before);
            }
            let others = self.elsewhere(&one.user) + self.here(&one.user);
            let left = one.streams - self.excess(one, others);
            if left > 0 {
                *self.elsewhere.entry(one.user.clone()).or_default() += left;
                there.insert(one.user.clone(), left);
            }
        }
        if !there.is_empty() {
            self.by_hub.insert(hub.to_owned(), there);
        }
    }

    /// Takes in what this hub told of a user; returns the number of streams that are too many by it.
    pub(super) fn hear_own(&mut self, told: &StreamCount) -> usize {
        let excess = self.excess(told, self.elsewhere(&told.user));
        let left = told.streams - excess;
        if left > 0 {
            self.here.insert(told.user.clone(), left);
        } else {
            self.here.remove(&told.user);
        }
        excess
    }

    /// The number of the streams opened since the last time that are too many.
    fn excess(&self, told: &StreamCount, others: usize) -> usize {
        let opened = told.streams.saturating_sub(told.before);
        (told.streams + others)
            .saturating_sub(self.limit)
            .min(opened)
    }

    fn here(&self, user: &UserId) -> usize {
        self.here.get(user).copied().unwrap_or_default()
    }

    /// The hubs that told numbers.
    pub(super) fn hubs(&self) -> impl Iterator<Item = &String> {
        self.by_hub.keys()
    }

    fn less(&mut self, user: &UserId, streams: usize) {
        if let Some(sum) = self.elsewhere.get_mut(user) {
            *sum = sum.saturating_sub(streams);
            if *sum == 0 {
                self.elsewhere.remove(user);
            }
        }
    }
}

/// The most hubs on one database that the numbers are meant for: with fewer than a sixteenth of the limit at each, a user does
/// not reach the limit.
const HUBS_OF_A_CELL: usize = 16;

/// A longer signal would tell nothing: the other hubs would read the rows.
const MOST_TOLD: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn count(id: &str, streams: usize, before: usize) -> StreamCount {
        StreamCount {
            user: user(id),
            streams,
            before,
        }
    }

    #[test]
    fn a_user_with_few_streams_is_not_told_of_until_there_are_more() {
        let mut counts = Counts::of_limit(32);
        counts.share();

        counts.changed(&user("bob"), 1);
        assert_eq!(counts.take_untold(|_| 1), []);
        counts.changed(&user("bob"), 2);
        assert_eq!(counts.take_untold(|_| 2), [count("bob", 2, 0)]);
        counts.changed(&user("bob"), 1);
        assert_eq!(counts.take_untold(|_| 1), [count("bob", 0, 2)]);
        counts.changed(&user("bob"), 0);
        assert_eq!(counts.take_untold(|_| 0), []);
    }

    #[test]
    fn the_streams_of_all_other_hubs_are_added_and_a_hub_that_goes_takes_its_own_away() {
        let mut counts = Counts::of_limit(5);

        counts.hear("one", &[count("bob", 2, 0), count("eve", 1, 0)], false);
        counts.hear("two", &[count("bob", 1, 0)], false);
        assert_eq!(counts.elsewhere(&user("bob")), 3);
        counts.hear("one", &[count("bob", 1, 2)], false);
        assert_eq!(counts.elsewhere(&user("bob")), 2);
        counts.hear("one", &[count("eve", 2, 2)], true);
        assert_eq!(counts.elsewhere(&user("bob")), 1);
        assert_eq!(counts.elsewhere(&user("eve")), 2);
        counts.hear("one", &[], true);
        counts.hear("two", &[count("bob", 0, 1)], false);

        assert!(counts.elsewhere.is_empty() && counts.by_hub.is_empty());
    }

    #[test]
    fn of_those_opened_at_once_every_hub_knows_which_end() {
        let told = [("one", 1, 0), ("two", 3, 0), ("three", 3, 0), ("one", 3, 1)];
        let (mut ended, mut known) = (Vec::new(), Vec::new());
        for me in ["one", "two", "three"] {
            let mut counts = Counts::of_limit(3);
            for (hub, now, before) in told {
                let told = count("bob", now, before);
                if hub == me {
                    ended.push((hub, now, counts.hear_own(&told)));
                } else {
                    counts.hear(hub, &[told], false);
                }
            }
            known.push(counts.elsewhere(&user("bob")) + counts.here(&user("bob")));
        }
        let each = [("one", 1, 0), ("one", 3, 2), ("two", 3, 1), ("three", 3, 3)];
        assert_eq!(ended, each);
        assert_eq!(known, [3, 3, 3]);
    }

    #[test]
    fn what_is_told_again_counts_as_opened_now() {
        let mut counts = Counts::of_limit(3);
        counts.share();
        counts.changed(&user("bob"), 1);
        assert_eq!(counts.take_untold(|_| 1), [count("bob", 1, 0)]);

        counts.tell_again([(&user("bob"), 1)].into_iter());

        assert_eq!(counts.take_untold(|_| 1), [count("bob", 1, 0)]);
        assert_eq!(counts.take_untold(|_| 1), []);
    }
}
