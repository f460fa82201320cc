//! The streams of each user, here and at the other hubs.

use std::time::Instant;

use crate::alarm::UserId;
use crate::hub::members::Members;
use crate::hub::registry::Registry;
use crate::hub::{Bye, ClientId, StreamCount};

impl Registry {
    /// The streams of a user here, with those whose connections are not given back yet.
    pub(super) fn streams_of(&self, user: &UserId) -> usize {
        self.by_user.get(user).map_or(0, Members::len) + self.ending.count_of(user)
    }

    pub(super) fn has_too_many(&self, user: &UserId) -> bool {
        self.streams_of(user) + self.counts.elsewhere(user) >= self.limits.streams_per_user
    }

    /// Notes that a stream ends whose connection is not given back yet.
    pub(super) fn note_ending(&mut self, client_id: ClientId) {
        if let Some(client) = self.client(client_id)
            && client.new.counts()
        {
            let user_id = client.new.user_id.clone();
            self.ending.insert(client_id, user_id);
        }
    }

    pub(super) fn note_count(&mut self, user: &UserId) {
        let streams = self.streams_of(user);
        self.counts.changed(user, streams);
    }

    /// Takes changes that the other hubs were not told.
    pub(crate) fn take_untold_counts(&mut self) -> Vec<StreamCount> {
        let mut counts = std::mem::take(&mut self.counts);
        let untold = counts.take_untold(|user| self.streams_of(user));
        self.counts = counts;
        untold
    }

    /// Tells the numbers of all users again.
    pub(crate) fn tell_counts_again(&mut self) {
        let mut counts = std::mem::take(&mut self.counts);
        counts.tell_again(
            self.by_user
                .keys()
                .map(|user| (user, self.streams_of(user))),
        );
        self.counts = counts;
    }

    /// Takes in what this hub told, in its place among what the others told, and ends the newest streams of users who have too many by
    /// it.
    pub(crate) fn end_excess(&mut self, told: &[StreamCount], now: Instant) {
        for one in told {
            let excess = self.counts.hear_own(one);
            let gone = one.streams.saturating_sub(self.streams_of(&one.user));
            for client_id in self.newest_of(&one.user, excess.saturating_sub(gone)) {
                self.close(client_id, Bye::TooManyStreams);
            }
        }
        self.announce(now);
    }

    fn newest_of(&self, user: &UserId, count: usize) -> Vec<ClientId> {
        let mut places = Vec::new();
        Members::union([self.by_user.get(user)], &mut places);
        let mut clients: Vec<_> = places
            .iter()
            .filter_map(|place| self.clients.get(*place))
            .map(|client| (std::cmp::Reverse(client.since), client.id))
            .collect();
        clients.sort_unstable_by_key(|(since, _)| *since);
        clients.into_iter().take(count).map(|(_, id)| id).collect()
    }
}
