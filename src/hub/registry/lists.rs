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

    /// The rights each stream that depends on an account was opened with; of all users, or of some.
    pub(crate) fn rights(&self, of: Option<&HashSet<UserId>>) -> Vec<Rights> {
        let Some(users) = of else {
            let clients = self.clients.iter().map(|(_place, client)| client);
            let of_users = |client: &&Client| client.new.counts() || client.new.holder.is_some();
            return clients.filter(of_users).map(Client::rights).collect();
        };
        let mut places = Vec::new();
        let mut found = Vec::new();
        for user in users {
            Members::union(self.depending_on(user), &mut places);
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
            StreamList::User(user) => self.ids_of(self.depending_on(user)),
            // A key is taken away once in a long time, so no index of them is kept.
            StreamList::Signers(signers) => self
                .clients
                .iter()
                .filter(|(_place, client)| signers.contains(&client.new.signer))
                .map(|(_place, client)| client.id)
                .collect(),
            StreamList::All => self
                .clients
                .iter()
                .map(|(_place, client)| client.id)
                .collect(),
            // Keys are seldom revoked, so they have no index.
            StreamList::Key(key) => self
                .clients
                .iter()
                .filter(|(_place, client)| client.new.api_key.as_deref() == Some(key.as_str()))
                .map(|(_place, client)| client.id)
                .collect(),
            StreamList::Token(token) => self.ids_of([self.by_token.get(token.as_str())]),
            StreamList::Clients(ids) => ids.iter().copied().collect(),
        }
    }

    /// The streams that end with the rights of a user.
    fn depending_on(&self, user: &UserId) -> [Option<&Members>; 2] {
        [self.by_user.get(user), self.by_holder.get(user)]
    }

    fn ids_of<'a>(&self, sets: impl IntoIterator<Item = Option<&'a Members>>) -> Vec<ClientId> {
        let mut places = Vec::new();
        Members::union(sets, &mut places);
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
        let mut users = HashMap::new();
        for (_place, client) in &self.clients {
            if topics
                .iter()
                .any(|topic| client.new.filter.lets_through(topic))
            {
                users.insert(client.new.user_id.clone(), client.new.role);
            }
        }
        users.into_iter().collect()
    }

    /// True for each of these users who has streams if one of them carries a topic; or all users whose streams carry it.
    pub(crate) fn watching(
        &self,
        topic: &Topic,
        users: Option<&HashSet<UserId>>,
    ) -> HashMap<UserId, bool> {
        let carries = |client: &Client| client.new.filter.lets_through(topic);
        let mut found = HashMap::new();
        let Some(users) = users else {
            let clients = self.clients.iter().map(|(_place, client)| client);
            for client in clients.filter(|client| client.new.counts() && carries(client)) {
                found.insert(client.new.user_id.clone(), true);
            }
            return found;
        };
        let mut places = Vec::new();
        for user in users {
            Members::union([self.by_user.get(user)], &mut places);
            let clients = places.iter().filter_map(|place| self.clients.get(*place));
            if let Some(carried) = clients.map(carries).reduce(|one, other| one || other) {
                found.insert(user.clone(), carried);
            }
        }
        found
    }

    /// The number of users in each room that has any.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        self.rooms.online()
    }
}
