//! Telling the members of a room who came and who left.

use std::sync::Arc;
use std::time::Instant;

use crate::alarm::Topic;
use crate::hub::Frame;
use crate::hub::registry::Registry;
use crate::hub::telling::TOLD_AT_ONCE;

impl Registry {
    /// Tells who came and went: at once in a small room. A client whose queue is full misses it: pages ask again who is there
    /// when they come back.
    pub(crate) fn announce(&mut self, now: Instant) {
        for announcement in self.rooms.due(now) {
            let topic = Topic::room(&announcement.room);
            let frame = Frame::presence(&announcement);
            let mut places = Vec::new();
            self.index.of_room(&topic, &mut places);
            if places.len() > TOLD_AT_ONCE || self.telling.is_about(&topic) {
                self.telling.add(topic, frame, places);
            } else {
                self.tell(&frame, &places, now);
            }
        }
    }

    /// Tells the next members of big rooms; true if there are more.
    pub(crate) fn tell_some(&mut self, now: Instant) -> bool {
        if let Some((topic, frame, mut places)) = self.telling.next() {
            // Meanwhile a client may be gone, and another one may have its place.
            places.retain(|place| self.index.is_of_room(&topic, *place));
            self.tell(&frame, &places, now);
        }
        !self.telling.is_over()
    }

    fn tell(&mut self, frame: &Arc<Frame>, places: &[usize], now: Instant) {
        for place in places {
            if let Some(client) = self.clients.get_mut(*place) {
                // A client that is gone is forgotten when its stream says so.
                let _missed = client.deliver(frame, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
