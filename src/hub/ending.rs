//! Streams that are closed while their connections have yet to be given back: they still count as their users'.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::alarm::UserId;
use crate::hub::ClientId;

/// The users whose streams end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    users: HashMap<ClientId, UserId>,
    /// The number of ending streams of each user: after a crowd was closed, each new stream asks for it.
    counts: HashMap<UserId, usize>,
}

impl Ending {
    pub(super) fn insert(&mut self, client_id: ClientId, user_id: UserId) {
        if self.users.insert(client_id, user_id.clone()).is_none() {
            *self.counts.entry(user_id).or_default() += 1;
        }
    }

    /// Forgets a stream; returns its user if it was ending.
    pub(super) fn remove(&mut self, client_id: ClientId) -> Option<UserId> {
        let user_id = self.users.remove(&client_id)?;
        if let Entry::Occupied(mut count) = self.counts.entry(user_id.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(user_id)
    }

    /// The number of streams of a user that end.
    pub(super) fn count_of(&self, user_id: &UserId) -> usize {
        self.counts.get(user_id).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_count_of_his_own_which_goes_with_the_last_stream() {
        let user = |id: &str| UserId::parse(id).unwrap();
        let [first, second, third] = std::array::from_fn(|_| ClientId::random());
        let mut ending = Ending::default();

        ending.insert(first, user("bob"));
        ending.insert(first, user("bob"));
        ending.insert(second, user("bob"));
        ending.insert(third, user("eve"));
        assert_eq!(ending.count_of(&user("bob")), 2);

        ending.remove(first);
        ending.remove(first);
        assert_eq!(ending.count_of(&user("bob")), 1);

        ending.remove(second);
        assert_eq!(ending.count_of(&user("bob")), 0);
        assert_eq!(ending.count_of(&user("eve")), 1);
        assert_eq!(ending.counts.len(), 1);
    }
}
