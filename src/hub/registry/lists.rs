//! The read-only part of the registry: lists and counts.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::alarm::{Role, RoomId, Topic, UserId};
use crate::hub::client::Client;
use crate::hub::members::Members;
use crate::hub::registry::Registry;
use crate::hub::{ClientId, ClientInfo, Rights, StreamList};

impl Registry {
    /// The list of connections.
    pub(crate) fn connections(&self, now: Instant) -> Vec<ClientInfo> {
        self.clients
            .iter()
            .map(|(_place, client)| client.info(now))
            .collect()
    }

    /// The rights each stream was opened with; of all streams, or of those of some users.
    pub(crate) fn rights(&self, of: Option<&HashSet<UserId>>) -> Vec<Rights> {
        let Some(users) = of else {
            let clients = self.clients.iter().map(|(_place, client)| client);
            return clients.map(Client::rights).collect();
        };
        let sets = users.iter().filter_map(|user| self.by_user.get(user));
        let mut places = Vec::new();
        let mut found = Vec::new();
        for set in sets {
            Members::union([Some(set)], &mut places);
            let clients = places.iter().filter_map(|place| self.clients.get(*place));
            found.extend(clients.map(Client::rights));
        }
        found
    }

    /// The connections of one user.
    pub(crate) fn connections_of(&self, user_id: &UserId, now: Instant) -> Vec<ClientInfo> {
        let mut places = Vec::new();
        Members::union([self.by_user.get(user_id)], &mut places);
        let clients = places.iter().filter_map(|place| self.clients.get(*place));
        clients.map(|client| client.info(now)).collect()
    }

    /// The clients that are meant, found by their index.
    pub(super) fn meant(&self, which: &StreamList) -> Vec<ClientId> {
        let one = |id: &ClientId| vec![*id];
        match which {
            StreamList::Client(id) => one(id),
            StreamList::ClientOf(id, user) => {
                let client = self.client(*id);
                let is_theirs = client.is_some_and(|client| client.new.user_id == *user);
                if is_theirs { one(id) } else { Vec::new() }
            }
            StreamList::User(user) => self.ids_of(self.by_user.get(user)),
            StreamList::All => self
                .clients
                .iter()
                .map(|(_place, client)| client.id)
                .collect(),
            StreamList::Token(token) => self.ids_of(self.by_token.get(token)),
            StreamList::Clients(ids) => ids.iter().copied().collect(),
        }
    }

    fn ids_of(&self, members: Option<&Members>) -> Vec<ClientId> {
        let mut places = Vec::new();
        Members::union([members], &mut places);
        let clients = places.iter().filter_map(|place| self.clients.get(*place));
        clients.map(|client| client.id).collect()
    }

    /// The number of clients that alarms of these topics would be delivered to now, each client counted once.
    pub(crate) fn reached(&self, topics: &[Topic]) -> usize {
        let mut reached: HashSet<usize> = HashSet::new();
        let mut places = Vec::new();
        for topic in topics {
            self.index.concerned(topic, &mut places);
            reached.extend(&places);
        }
        reached.len()
    }

    /// The users whose streams carry one of these topics, also while they read the log.
    pub(crate) fn audience(&self, topics: &HashSet<Topic>) -> Vec<(UserId, Role)> {
        let carries = |client: &Client| {
            let filter = &client.new.filter;
            let named = filter.topics.iter().any(|topic| topics.contains(topic));
            named || filter.everything || (filter.all_rooms && topics.iter().any(Topic::is_room))
        };
        let mut users = HashMap::new();
        for (_place, client) in &self.clients {
            if carries(client) {
                users.insert(client.new.user_id.clone(), client.new.role);
            }
        }
        users.into_iter().collect()
    }

    /// The number of users in each room that has any.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        self.rooms.online()
    }
}
