//! The users present in each room. A user is counted by streams, so that closing one of two tabs is not leaving. Changes are
//! gathered, so that a crowd that comes back at once is one announcement and not one for each.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::alarm::{RoomId, UserId};

/// The rooms somebody is in, and what is to be announced of them.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    streams: HashMap<RoomId, HashMap<UserId, usize>>,
    changes: HashMap<RoomId, Changes>,
}

/// The changes in a room since the last announcement.
#[derive(Debug, Default)]
struct Changes {
    joined: BTreeSet<UserId>,
    left: BTreeSet<UserId>,
    announced: Option<Instant>,
}

/// The users who joined and who left since the last announcement; nobody is in both.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) room: RoomId,
    pub(crate) joined: Vec<UserId>,
    pub(crate) left: Vec<UserId>,
}

impl Rooms {
    /// One more stream of a user on a room.
    pub(crate) fn join(&mut self, room: &RoomId, user: &UserId) {
        let users = self.streams.entry(room.clone()).or_default();
        let streams = users.entry(user.clone()).or_default();
        *streams += 1;
        if *streams == 1 {
            let changes = self.changes.entry(room.clone()).or_default();
            if !changes.left.remove(user) {
                changes.joined.insert(user.clone());
            }
        }
    }

    /// One stream less.
    pub(crate) fn leave(&mut self, room: &RoomId, user: &UserId) {
        let Some(users) = self.streams.get_mut(room) else {
            return;
        };
        let Some(streams) = users.get_mut(user) else {
            return;
        };
        *streams -= 1;
        if *streams > 0 {
            return;
        }
        users.remove(user);
        if users.is_empty() {
            self.streams.remove(room);
        }
        let changes = self.changes.entry(room.clone()).or_default();
        if !changes.joined.remove(user) {
            changes.left.insert(user.clone());
        }
    }

    /// The announcements that are due: at once in a quiet room, collected for a moment in a busy one.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Announcement> {
        let mut due = Vec::new();
        self.changes.retain(|room, changes| {
            let quiet = changes
                .announced
                .is_none_or(|last| now.duration_since(last) >= GATHERED_FOR);
            let nothing = changes.joined.is_empty() && changes.left.is_empty();
            if quiet && !nothing {
                changes.announced = Some(now);
                due.push(Announcement {
                    room: room.clone(),
                    joined: std::mem::take(&mut changes.joined).into_iter().collect(),
                    left: std::mem::take(&mut changes.left).into_iter().collect(),
                });
            }
            !(quiet && nothing)
        });
        due
    }

    /// The users present in a room, by id.
    pub(crate) fn users(&self, room: &RoomId) -> Vec<UserId> {
        let users = self.streams.get(room).into_iter().flat_map(HashMap::keys);
        let mut users: Vec<UserId> = users.cloned().collect();
        users.sort_unstable();
        users
    }

    /// The number of users in each room.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        let count = |(room, users): (&RoomId, &HashMap<UserId, usize>)| (room.clone(), users.len());
        self.streams.iter().map(count).collect()
    }
}

/// A person does not notice; a crowd of ten thousand is then one event for each instead of ten thousand.
const GATHERED_FOR: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (RoomId, UserId, UserId) {
        let user = |id| UserId::parse(id).unwrap();
        (RoomId::parse("42").unwrap(), user("bob"), user("carol"))
    }

    #[test]
    fn a_user_leaves_with_his_last_stream() {
        let (room, bob, _) = ids();
        let (mut rooms, now) = (Rooms::default(), Instant::now());
        rooms.join(&room, &bob);
        rooms.join(&room, &bob);
        assert_eq!(rooms.due(now).len(), 1);

        rooms.leave(&room, &bob);
        assert_eq!(rooms.users(&room), std::slice::from_ref(&bob));
        assert!(rooms.due(now + GATHERED_FOR).is_empty());

        rooms.leave(&room, &bob);
        let gone = rooms.due(now + 2 * GATHERED_FOR);
        assert_eq!(
            (gone[0].joined.len(), gone[0].left.as_slice()),
            (0, [bob].as_slice())
        );
        assert!(rooms.online().is_empty());
    }

    #[test]
    fn what_happens_soon_after_an_announcement_is_gathered_and_may_cancel_out() {
        let (room, bob, carol) = ids();
        let (mut rooms, now) = (Rooms::default(), Instant::now());
        rooms.join(&room, &bob);
        assert_eq!(rooms.due(now)[0].joined, std::slice::from_ref(&bob));

        rooms.join(&room, &carol);
        rooms.leave(&room, &bob);
        rooms.join(&room, &bob);
        assert!(rooms.due(now).is_empty());

        let later = rooms.due(now + GATHERED_FOR);
        assert_eq!(
            (later[0].joined.as_slice(), later[0].left.len()),
            ([carol].as_slice(), 0)
        );
    }
}
