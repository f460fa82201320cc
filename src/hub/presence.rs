//! The users present in each room, at this hub and at others. A user is counted by streams and by hubs, so that closing one of
//! two tabs is not leaving. Changes are gathered, so that a crowd that comes back at once is one announcement.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::alarm::{RoomId, UserId};

/// A user in a room.
pub(crate) type Present = (RoomId, UserId);

/// The rooms somebody is in, and what is to be announced of them.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    present: HashMap<RoomId, BTreeMap<UserId, Places>>,
    changes: HashMap<RoomId, Changes>,
    /// Rooms that were quiet until a change.
    ready: VecDeque<RoomId>,
    /// Rooms of which something was announced, with the time of the next announcement.
    gathering: VecDeque<(Instant, RoomId)>,
    /// The users present at each other hub.
    elsewhere: HashMap<String, HashSet<Present>>,
    /// The changes that the other hubs were not told; `None` where there are no others.
    untold: Option<HashMap<Present, bool>>,
}

/// The places from which a user is present in a room.
#[derive(Debug, Default)]
struct Places {
    /// Streams of this hub.
    streams: usize,
    /// Other hubs.
    hubs: usize,
}

/// The changes in a room since the last announcement.
#[derive(Debug, Default)]
struct Changes {
    joined: BTreeSet<UserId>,
    left: BTreeSet<UserId>,
}

/// The users who joined and who left since the last announcement; nobody is in both.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) room: RoomId,
    pub(crate) joined: Vec<UserId>,
    pub(crate) left: Vec<UserId>,
    /// The users who are there now.
    pub(crate) count: usize,
}

/// News of another hub about the users present there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The hub.
    pub hub: String,
    /// The news.
    pub news: Moves,
}

/// The kind of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moves {
    /// These came, and these left.
    Some(Vec<Present>, Vec<Present>),
    /// Exactly these are there.
    All(HashSet<Present>),
}

/// The part of a room's users that is asked for, by id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PresentPage {
    /// The users.
    pub users: Vec<UserId>,
    /// The number of all users in the room.
    pub count: usize,
}

impl Rooms {
    /// Begins to keep the changes that other hubs have to be told.
    pub(crate) fn share(&mut self) {
        self.untold = Some(HashMap::new());
    }

    /// One more stream of a user on a room.
    pub(crate) fn join(&mut self, room: &RoomId, user: &UserId) {
        let streams = self.change(room, user, |places| {
            places.streams += 1;
            places.streams
        });
        if streams == 1 {
            self.note_untold(room, user, true);
        }
    }

    /// One stream less.
    pub(crate) fn leave(&mut self, room: &RoomId, user: &UserId) {
        let streams = self.change(room, user, |places| {
            places.streams = places.streams.saturating_sub(1);
            places.streams
        });
        if streams == 0 {
            self.note_untold(room, user, false);
        }
    }

    /// Takes in what another hub tells.
    pub(crate) fn hear(&mut self, Elsewhere { hub, news }: Elsewhere) {
        let mut there = self.elsewhere.remove(&hub).unwrap_or_default();
        match news {
            Moves::Some(joined, left) => {
                for present in joined {
                    self.come_elsewhere(&mut there, present);
                }
                for present in left {
                    self.leave_elsewhere(&mut there, &present);
                }
            }
            Moves::All(all) => {
                let gone: Vec<Present> = there.difference(&all).cloned().collect();
                for present in all {
                    self.come_elsewhere(&mut there, present);
                }
                for present in gone {
                    self.leave_elsewhere(&mut there, &present);
                }
            }
        }
        if !there.is_empty() {
            self.elsewhere.insert(hub, there);
        }
    }

    /// The hubs that told of users present there.
    pub(crate) fn hubs(&self) -> Vec<String> {
        self.elsewhere.keys().cloned().collect()
    }

    /// Takes the changes that the other hubs were not told: who came, and who left.
    pub(crate) fn take_untold(&mut self) -> (Vec<Present>, Vec<Present>) {
        let untold = self.untold.as_mut().map(std::mem::take).unwrap_or_default();
        let (came, left): (Vec<_>, Vec<_>) = untold.into_iter().partition(|(_, came)| *came);
        let present = |(present, _came)| present;
        (
            came.into_iter().map(present).collect(),
            left.into_iter().map(present).collect(),
        )
    }

    /// All who are present by a stream of this hub.
    pub(crate) fn here(&self) -> Vec<Present> {
        let rooms = self.present.iter().flat_map(|(room, users)| {
            let here = users.iter().filter(|(_user, places)| places.streams > 0);
            here.map(|(user, _places)| (room.clone(), user.clone()))
        });
        rooms.collect()
    }

    /// The announcements that are due: at once in a quiet room, collected for a moment in a busy one. Costs what is due,
    /// however many rooms there are.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Announcement> {
        let mut due = Vec::new();
        while let Some(room) = self.ready.pop_front() {
            due.extend(self.announcement(room, now));
        }
        while let Some((at, _room)) = self.gathering.front()
            && *at <= now
            && let Some((_at, room)) = self.gathering.pop_front()
        {
            due.extend(self.announcement(room, now));
        }
        due
    }

    /// The users present in a room after one of them, by id.
    pub(crate) fn page(&self, room: &RoomId, after: Option<&UserId>, limit: usize) -> PresentPage {
        let Some(users) = self.present.get(room) else {
            return PresentPage {
                users: Vec::new(),
                count: 0,
            };
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = users.range::<UserId, _>((from, Bound::Unbounded));
        PresentPage {
            users: page.take(limit).map(|(user, _)| user.clone()).collect(),
            count: users.len(),
        }
    }

    /// The number of users in each room.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        let count = |(room, users): (&RoomId, &BTreeMap<_, _>)| (room.clone(), users.len());
        self.present.iter().map(count).collect()
    }

    fn come_elsewhere(&mut self, there: &mut HashSet<Present>, present: Present) {
        if there.insert(present.clone()) {
            let (room, user) = present;
            self.change(&room, &user, |places| places.hubs += 1);
        }
    }

    fn leave_elsewhere(&mut self, there: &mut HashSet<Present>, present: &Present) {
        if there.remove(present) {
            let (room, user) = present;
            self.change(room, user, |places| {
                places.hubs = places.hubs.saturating_sub(1)
            });
        }
    }

    /// Changes the places of a user in a room, and notes if they came by it or left.
    fn change<T>(
        &mut self,
        room: &RoomId,
        user: &UserId,
        change: impl FnOnce(&mut Places) -> T,
    ) -> T {
        let users = self.present.entry(room.clone()).or_default();
        let places = users.entry(user.clone()).or_default();
        let was_there = places.is_somewhere();
        let changed = change(places);
        let is_there = places.is_somewhere();
        if !is_there {
            users.remove(user);
        }
        if users.is_empty() {
            self.present.remove(room);
        }
        if was_there != is_there {
            self.note(room, user, is_there);
        }
        changed
    }

    fn note(&mut self, room: &RoomId, user: &UserId, came: bool) {
        if !self.changes.contains_key(room) {
            self.ready.push_back(room.clone());
        }
        let changes = self.changes.entry(room.clone()).or_default();
        let (to, from) = match came {
            true => (&mut changes.joined, &mut changes.left),
            false => (&mut changes.left, &mut changes.joined),
        };
        if !from.remove(user) {
            to.insert(user.clone());
        }
    }

    fn note_untold(&mut self, room: &RoomId, user: &UserId, came: bool) {
        if let Some(untold) = &mut self.untold {
            untold.insert((room.clone(), user.clone()), came);
        }
    }

    /// The announcement of a room, after which changes are gathered; `None` if all changes cancelled out: it is quiet again.
    fn announcement(&mut self, room: RoomId, now: Instant) -> Option<Announcement> {
        let changes = self.changes.get_mut(&room).map(std::mem::take)?;
        if changes.joined.is_empty() && changes.left.is_empty() {
            self.changes.remove(&room);
            return None;
        }
        let count = self.present.get(&room).map_or(0, BTreeMap::len);
        self.gather(&room, count, now);
        Some(Announcement {
            count,
            room,
            joined: changes.joined.into_iter().collect(),
            left: changes.left.into_iter().collect(),
        })
    }
}

impl Rooms {
    /// Gathers changes for a while. In a room of more than eight thousand it is longer, as telling all of them takes as long.
    fn gather(&mut self, room: &RoomId, count: usize, now: Instant) {
        let users = u32::try_from(count).unwrap_or(u32::MAX);
        let until = now + GATHERED_FOR.max(TELLING_ONE.saturating_mul(users));
        let place = self.gathering.partition_point(|(at, _room)| *at <= until);
        self.gathering.insert(place, (until, room.clone()));
    }
}

impl Places {
    fn is_somewhere(&self) -> bool {
        self.streams > 0 || self.hubs > 0
    }
}

/// A person does not notice; a crowd of ten thousand is then one event for each instead of ten thousand.
const GATHERED_FOR: Duration = Duration::from_millis(500);

/// The time that telling a member of a big room takes.
const TELLING_ONE: Duration = Duration::from_micros(64);

#[cfg(test)]
mod tests;
