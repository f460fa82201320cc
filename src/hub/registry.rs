//! The clients and the topic index, as a plain struct without actor or clock: the Broadcaster is its shell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::alarm::{AlarmId, RoomId, Timestamp, Topic, UserId};
use crate::hub::client::{Client, Fate};
use crate::hub::presence::{Announcement, Rooms};
use crate::hub::subscription::Channel;
use crate::hub::{Bye, ClientId, ClientInfo, Frame, NewClient, Start};
use crate::metrics::Metrics;

/// The bounds a client lives in.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many streams one user may have.
    pub streams_per_user: usize,
    /// The silence after which a stream gets a heartbeat.
    pub heartbeat: Duration,
}

/// Why there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The user has as many as he may.
    #[error("this user has too many streams")]
    TooManyStreams,
    /// The hub stops.
    #[error("the hub is stopping")]
    ShuttingDown,
}

/// Which clients a Close means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Client(ClientId),
    /// Those that came with this token.
    Token(String),
    /// All of this user.
    User(UserId),
}

/// A new client, and its half of its channel.
pub(crate) struct Opened {
    pub(crate) client_id: ClientId,
    pub(crate) channel: Channel,
}

/// All clients.
pub(crate) struct Registry {
    limits: Limits,
    clients: HashMap<ClientId, Client>,
    by_topic: HashMap<Topic, HashSet<ClientId>>,
    every_room: HashSet<ClientId>,
    everything: HashSet<ClientId>,
    by_user: HashMap<UserId, HashSet<ClientId>>,
    /// Closed, but what its connection holds is not given back yet: it still counts as one of its user's streams.
    ending: HashMap<ClientId, UserId>,
    rooms: Rooms,
    position: AlarmId,
    metrics: Metrics,
}

impl Registry {
    pub(crate) fn new(limits: Limits, position: AlarmId, metrics: Metrics) -> Self {
        Self {
            limits,
            clients: HashMap::new(),
            by_topic: HashMap::new(),
            every_room: HashSet::new(),
            everything: HashSet::new(),
            by_user: HashMap::new(),
            ending: HashMap::new(),
            rooms: Rooms::default(),
            position,
            metrics,
        }
    }

    /// The last id offered.
    pub(crate) fn position(&self) -> AlarmId {
        self.position
    }

    /// Takes in a client, unless its user has as many as he may.
    pub(crate) fn subscribe(
        &mut self,
        new: NewClient,
        now: Instant,
    ) -> Result<Opened, SubscribeError> {
        let open = self.by_user.get(&new.user_id).map_or(0, HashSet::len);
        let ending = self.ending.values().filter(|user| **user == new.user_id);
        if open + ending.count() >= self.limits.streams_per_user {
            return Err(SubscribeError::TooManyStreams);
        }
        let client_id = ClientId::random();
        self.by_user
            .entry(new.user_id.clone())
            .or_default()
            .insert(client_id);
        let (rooms, user_id, start) = (new.rooms.clone(), new.user_id.clone(), new.start);
        let (client, channel) = Client::new(new, now);
        self.clients.insert(client_id, client);
        self.metrics.streams.inc();
        // Announced before its topics are attached: it hears of those who come after it.
        for room in &rooms {
            self.rooms.join(room, &user_id);
        }
        self.announce(now);
        if start == Start::Live {
            self.go_live(client_id, now);
        }
        Ok(Opened { client_id, channel })
    }

    /// Attaches a client's topics: it is offered every alarm above the position returned.
    pub(crate) fn go_live(&mut self, client_id: ClientId, now: Instant) -> Option<AlarmId> {
        let client = self.clients.get_mut(&client_id)?;
        client.live = true;
        client.last_frame = now;
        let filter = Arc::clone(&client.new.filter);
        for topic in &filter.topics {
            self.by_topic
                .entry(topic.clone())
                .or_default()
                .insert(client_id);
        }
        if filter.all_rooms {
            self.every_room.insert(client_id);
        }
        if filter.everything {
            self.everything.insert(client_id);
        }
        Some(self.position)
    }

    /// A client's connection is gone, and all it held.
    pub(crate) fn disconnect(&mut self, client_id: ClientId, now: Instant) {
        self.ending.remove(&client_id);
        self.forget(client_id);
        self.announce(now);
    }

    fn forget(&mut self, client_id: ClientId) {
        let Some(client) = self.clients.remove(&client_id) else {
            return;
        };
        self.metrics.streams.dec();
        for topic in &client.new.filter.topics {
            remove_from(&mut self.by_topic, topic, client_id);
        }
        self.every_room.remove(&client_id);
        self.everything.remove(&client_id);
        remove_from(&mut self.by_user, &client.new.user_id, client_id);
        for room in &client.new.rooms {
            self.rooms.leave(room, &client.new.user_id);
        }
    }

    /// Closes a client's channel for a reason it is told; what is queued still reaches it.
    pub(crate) fn close(&mut self, client_id: ClientId, bye: Bye) -> bool {
        let Some(client) = self.clients.get(&client_id) else {
            return false;
        };
        client.shared.close(bye);
        self.metrics.stream_closed(bye.reason());
        self.ending.insert(client_id, client.new.user_id.clone());
        self.forget(client_id);
        true
    }

    /// Closes all clients that are meant; returns how many.
    pub(crate) fn close_all(&mut self, which: &Which, bye: Bye, now: Instant) -> usize {
        let meant: Vec<ClientId> = match which {
            Which::Client(id) => vec![*id],
            Which::User(id) => self
                .by_user
                .get(id)
                .into_iter()
                .flatten()
                .copied()
                .collect(),
            Which::Token(token) => {
                let same = |(id, client): (&ClientId, &Client)| {
                    (client.new.token_id == *token).then_some(*id)
                };
                self.clients.iter().filter_map(same).collect()
            }
        };
        let closed = meant.into_iter().filter(|id| self.close(*id, bye)).count();
        self.announce(now);
        closed
    }

    /// Closes everybody.
    pub(crate) fn close_everyone(&mut self, bye: Bye) -> usize {
        let count = self.clients.len();
        // Nobody is left to be told who left, so the rooms are not asked.
        for client in self.clients.values() {
            client.shared.close(bye);
        }
        self.metrics.streams.set(0);
        *self = Self::new(self.limits, self.position, self.metrics.clone());
        count
    }

    /// Offers an alarm to all clients it concerns; returns how many took it.
    pub(crate) fn offer(&mut self, frame: &Arc<Frame>, now: Instant) -> usize {
        let Some(alarm) = frame.as_alarm() else {
            return 0;
        };
        self.position = self.position.max(alarm.id);
        let everyone = [
            self.by_topic.get(&alarm.topic),
            alarm.topic.is_room().then_some(&self.every_room),
            Some(&self.everything),
        ];
        let reached = self.reach(&everyone);
        self.send(&reached, frame, now)
    }

    /// Sends an event to all streams of a user.
    pub(crate) fn notify(&mut self, user_id: &UserId, frame: &Arc<Frame>, now: Instant) {
        let reached: Vec<ClientId> = self
            .by_user
            .get(user_id)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        self.send(&reached, frame, now);
    }

    /// Heartbeats, token expiry and stalled clients, all in one pass.
    pub(crate) fn sweep(&mut self, now: Instant, clock: Timestamp) {
        let (ping, comment) = (Frame::ping(self.position), Frame::comment(self.position));
        let (mut silent, mut over) = (Vec::new(), Vec::new());
        for (id, client) in &mut self.clients {
            if client.new.expires_at <= clock {
                over.push((*id, Bye::Expired));
            } else if client.is_stalled(now) {
                over.push((*id, Bye::Slow));
            } else if client.live && now.duration_since(client.last_frame) >= self.limits.heartbeat
            {
                client.heartbeats = client.heartbeats.wrapping_add(1);
                let frame = if client.heartbeats % 2 == 0 {
                    &comment
                } else {
                    &ping
                };
                silent.push((*id, Arc::clone(frame)));
            }
        }
        for (id, frame) in silent {
            self.send(&[id], &frame, now);
        }
        for (id, bye) in over {
            match bye {
                Bye::Slow => self.drop_slow(id),
                other => _ = self.close(id, other),
            }
        }
        self.announce(now);
    }

    /// The list of connections.
    pub(crate) fn connections(&self, now: Instant) -> Vec<ClientInfo> {
        self.clients
            .iter()
            .map(|(id, client)| client.info(*id, now))
            .collect()
    }

    /// Who is in a room.
    pub(crate) fn presence(&self, room: &RoomId) -> Vec<UserId> {
        self.rooms.users(room)
    }

    /// How many users are in each room that has any.
    pub(crate) fn online(&self) -> HashMap<RoomId, usize> {
        self.rooms.online()
    }

    /// Tells who came and went. Nobody is cut off for not taking it: that would be a leaving to announce, and pages ask
    /// again who is there when they come back.
    fn announce(&mut self, now: Instant) {
        for Announcement { room, joined, left } in self.rooms.due(now) {
            let topic = Topic::room(&room);
            let frame = Frame::presence(&room, &joined, &left);
            for id in self.reach(&[self.by_topic.get(&topic), Some(&self.every_room)]) {
                if let Some(client) = self.clients.get_mut(&id) {
                    // A client that is gone is forgotten when its stream says so.
                    let _missed = client.offer(&frame, now);
                }
            }
        }
    }

    /// The clients of several sets, each once.
    fn reach(&self, sets: &[Option<&HashSet<ClientId>>]) -> Vec<ClientId> {
        let mut filled = sets.iter().flatten().filter(|set| !set.is_empty());
        let Some(first) = filled.next() else {
            return Vec::new();
        };
        let mut reached: Vec<ClientId> = first.iter().copied().collect();
        let mut before = vec![first];
        for set in filled {
            reached.extend(
                set.iter()
                    .filter(|id| !before.iter().any(|seen| seen.contains(*id)))
                    .copied(),
            );
            before.push(set);
        }
        reached
    }

    /// Queues a frame for each client; one whose queue is full loses its channel, and nobody waits for it.
    fn send(&mut self, reached: &[ClientId], frame: &Arc<Frame>, now: Instant) -> usize {
        let mut lost = Vec::new();
        for id in reached {
            let Some(client) = self.clients.get_mut(id) else {
                continue;
            };
            if let Err(fate) = client.offer(frame, now) {
                lost.push((*id, fate));
            }
        }
        let taken = reached.len() - lost.len();
        for (id, fate) in lost {
            match fate {
                Fate::Slow => self.drop_slow(id),
                Fate::Gone => self.forget(id),
            }
        }
        taken
    }

    fn drop_slow(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get(&id) {
            let user_id = &client.new.user_id;
            log::info!(
                "cutting off stream {id} of {user_id}: it does not read; it may resume from its cursor"
            );
        }
        self.close(id, Bye::Slow);
    }
}

fn remove_from<K: Eq + std::hash::Hash>(
    index: &mut HashMap<K, HashSet<ClientId>>,
    key: &K,
    client_id: ClientId,
) {
    if let Some(set) = index.get_mut(key) {
        set.remove(&client_id);
        if set.is_empty() {
            index.remove(key);
        }
    }
}
