//! Who is in which room: each user counted by his streams, so that closing one of two tabs is not leaving.

use std::collections::HashMap;

use crate::alarm::{RoomId, UserId};

/// The rooms somebody is in.
#[derive(Debug, Default)]
pub(crate) struct Rooms(HashMap<RoomId, HashMap<UserId, usize>>);

impl Rooms {
    /// One more stream of a user on a room; whether he was not there before.
    pub(crate) fn join(&mut self, room: &RoomId, user: &UserId) -> bool {
        let streams = self
            .0
            .entry(room.clone())
            .or_default()
            .entry(user.clone())
            .or_default();
        *streams += 1;
        *streams == 1
    }

    /// One stream less; whether it was his last there.
    pub(crate) fn leave(&mut self, room: &RoomId, user: &UserId) -> bool {
        let Some(users) = self.0.get_mut(room) else {
            return false;
        };
        let Some(streams) = users.get_mut(user) else {
            return false;
        };
        *streams -= 1;
        if *streams > 0 {
            return false;
        }
        users.remove(user);
        if users.is_empty() {
            self.0.remove(room);
        }
        true
    }

    /// Who is there, by id.
    pub(crate) fn users(&self, room: &RoomId) -> Vec<UserId> {
        let mut users: Vec<UserId> = self
            .0
            .get(room)
            .into_iter()
            .flat_map(HashMap::keys)
            .cloned()
            .collect();
        users.sort_unstable();
        users
    }

    /// How many are in each room.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        self.0
            .iter()
            .map(|(room, users)| (room.clone(), users.len()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_leaves_with_his_last_stream() {
        let (room, bob) = (RoomId::parse("42").unwrap(), UserId::parse("bob").unwrap());
        let mut rooms = Rooms::default();

        assert!(rooms.join(&room, &bob));
        assert!(!rooms.join(&room, &bob));
        assert!(!rooms.leave(&room, &bob));
        assert_eq!(rooms.users(&room), vec![bob.clone()]);
        assert!(rooms.leave(&room, &bob));

        assert!(rooms.online().is_empty());
    }
}
