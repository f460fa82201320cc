//! Closing streams for a reason that they are told.

use std::time::Instant;

use crate::hub::registry::Registry;
use crate::hub::{Bye, ClientId, StreamList};

impl Registry {
    /// Closes a client's channel for a reason it is told; what is queued still reaches it.
    pub(crate) fn close(&mut self, client_id: ClientId, bye: Bye) -> bool {
        let Some(client) = self.client(client_id) else {
            return false;
        };
        client.sender.close(bye);
        self.metrics.stream_closed(bye.reason());
        self.note_ending(client_id);
        self.forget(client_id);
        true
    }

    /// Closes all clients that are meant; returns how many.
    pub(crate) fn close_all(&mut self, which: &StreamList, bye: Bye, now: Instant) -> usize {
        let meant = self.meant(which);
        let closed = meant.into_iter().filter(|id| self.close(*id, bye)).count();
        self.announce(now);
        closed
    }

    /// Closes everybody.
    pub(crate) fn close_everyone(&mut self, bye: Bye) -> usize {
        let count = self.clients.len();
        // Nobody is left to be told who left, so the rooms are not asked.
        for (_place, client) in &self.clients {
            client.sender.close(bye);
            self.metrics.stream_closed(bye.reason());
        }
        self.metrics.streams.set(0);
        self.metrics.users.set(0);
        *self = Self::new(self.limits, self.position(), self.metrics.clone());
        count
    }
}
