//! The rooms that are known to exist, so that a stream that names them asks the database no more. No room is ever deleted.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::alarm::RoomId;

/// Rooms that were found.
#[derive(Debug, Default)]
pub(crate) struct KnownRooms(Mutex<HashSet<RoomId>>);

impl KnownRooms {
    /// Those of the rooms that were not found yet.
    pub(super) fn others<'a>(&self, rooms: impl IntoIterator<Item = &'a RoomId>) -> Vec<RoomId> {
        let known = self.known();
        let others = rooms.into_iter().filter(|room| !known.contains(*room));
        others.cloned().collect()
    }

    pub(super) fn add(&self, rooms: Vec<RoomId>) {
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.extend(rooms);
    }

    fn known(&self) -> MutexGuard<'_, HashSet<RoomId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A megabyte or two of ids.
const MOST_KNOWN: usize = 20_000;
