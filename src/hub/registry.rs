//! The clients and the topic index, as a plain struct without actor or clock: the Broadcaster is its shell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::alarm::{AlarmId, RoomId, Timestamp, Topic, UserId};
use crate::hub::channel::Channel;
use crate::hub::client::{Client, Fate};
use crate::hub::ending::Ending;
use crate::hub::members::Members;
use crate::hub::presence::{Announcement, Rooms};
use crate::hub::recent::Recent;
use crate::hub::{Bye, ClientId, ClientInfo, Frame, NewClient, Start};
use crate::metrics::Metrics;

/// The bounds a client lives in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many streams one user may have.
    pub streams_per_user: usize,
    /// The silence after which a stream gets a heartbeat.
    pub heartbeat: Duration,
}

/// Why there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscribeError {
    /// The user has as many as he may.
    #[error("this user has too many streams")]
    TooManyStreams,
    /// The hub stops.
    #[error("the hub is stopping")]
    ShuttingDown,
}

/// StreamList clients a Close means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamList {
    /// This one.
    Client(ClientId),
    /// This one, if it is this user's.
    ClientOf(ClientId, UserId),
    /// Those that came with this token.
    Token(String),
    /// All of this user.
    User(UserId),
}

/// A new client, and its half of its channel.
pub(crate) struct Opened {
    pub(crate) client_id: ClientId,
    pub(crate) channel: Channel,
    /// What it missed, where it was known without the log: its topics are attached. `None`: it is to read the log first.
    pub(crate) missed: Option<Vec<Arc<Frame>>>,
}

/// All clients. A client is known by the place it has in `clients`, which is what the indexes hold.
pub(crate) struct Registry {
    limits: Limits,
    clients: Slab<Client>,
    by_id: HashMap<ClientId, usize>,
    by_topic: HashMap<Topic, Members>,
    every_room: Members,
    everything: Members,
    by_user: HashMap<UserId, Members>,
    /// Closed, but what its connection holds is not given back yet: it still counts as one of its user's streams.
    ending: Ending,
    rooms: Rooms,
    recent: Recent,
    /// Whom the alarm at hand concerns: kept, so that an alarm for ten thousand does not ask for memory each time.
    reached: Vec<usize>,
    metrics: Metrics,
}

impl Registry {
    pub(crate) fn new(limits: Limits, position: AlarmId, metrics: Metrics) -> Self {
        Self {
            limits,
            clients: Slab::new(),
            by_id: HashMap::new(),
            by_topic: HashMap::new(),
            every_room: Members::default(),
            everything: Members::default(),
            by_user: HashMap::new(),
            ending: Ending::default(),
            rooms: Rooms::default(),
            recent: Recent::after(position),
            reached: Vec::new(),
            metrics,
        }
    }

    /// The last id offered.
    pub(crate) fn position(&self) -> AlarmId {
        self.recent.position()
    }

    /// Takes in a client, unless its user has as many as he may.
    pub(crate) fn subscribe(
        &mut self,
        new: NewClient,
        now: Instant,
    ) -> Result<Opened, SubscribeError> {
        let open = self.by_user.get(&new.user_id).map_or(0, Members::len);
        if open + self.ending.count_of(&new.user_id) >= self.limits.streams_per_user {
            return Err(SubscribeError::TooManyStreams);
        }
        let client_id = ClientId::random();
        let (rooms, user_id, start) = (new.rooms.clone(), new.user_id.clone(), new.start);
        let missed = match start {
            Start::Live => Some(Vec::new()),
            Start::After(cursor) => self.recent.missed(cursor, &new.filter, Timestamp::now()),
        };
        let (client, channel) = Client::new(client_id, new, now);
        let place = self.clients.insert(client);
        self.by_id.insert(client_id, place);
        self.by_user
            .entry(user_id.clone())
            .or_default()
            .insert(place);
        self.metrics.streams.inc();
        self.count_users();
        // Announced before its topics are attached: it hears of those who come after it.
        for room in &rooms {
            self.rooms.join(room, &user_id);
        }
        self.announce(now);
        if missed.is_some() {
            self.attach(place, now);
        }
        Ok(Opened {
            client_id,
            channel,
            missed,
        })
    }

    /// Attaches a client's topics: it is offered every alarm above the position returned.
    pub(crate) fn go_live(&mut self, client_id: ClientId, now: Instant) -> Option<AlarmId> {
        let place = *self.by_id.get(&client_id)?;
        self.attach(place, now);
        Some(self.position())
    }

    fn attach(&mut self, place: usize, now: Instant) {
        let Some(client) = self.clients.get_mut(place) else {
            return;
        };
        client.live = true;
        client.last_frame = now;
        let filter = Arc::clone(&client.new.filter);
        for topic in &filter.topics {
            match self.by_topic.get_mut(topic) {
                Some(members) => members.insert(place),
                None => {
                    self.by_topic.insert(topic.clone(), Members::only(place));
                }
            }
        }
        if filter.all_rooms {
            self.every_room.insert(place);
        }
        if filter.everything {
            self.everything.insert(place);
        }
    }

    /// A client's connection is gone, and all it held.
    pub(crate) fn disconnect(&mut self, client_id: ClientId, now: Instant) {
        self.ending.remove(client_id);
        self.forget(client_id);
        self.announce(now);
    }

    fn forget(&mut self, client_id: ClientId) {
        let Some(place) = self.by_id.remove(&client_id) else {
            return;
        };
        let client = self.clients.remove(place);
        self.metrics.streams.dec();
        for topic in &client.new.filter.topics {
            remove_from(&mut self.by_topic, topic, place);
        }
        self.every_room.remove(place);
        self.everything.remove(place);
        remove_from(&mut self.by_user, &client.new.user_id, place);
        self.count_users();
        for room in &client.new.rooms {
            self.rooms.leave(room, &client.new.user_id);
        }
    }

    /// Closes a client's channel for a reason it is told; what is queued still reaches it.
    pub(crate) fn close(&mut self, client_id: ClientId, bye: Bye) -> bool {
        let Some(client) = self.client(client_id) else {
            return false;
        };
        client.shared.close(bye);
        self.metrics.stream_closed(bye.reason());
        let user_id = client.new.user_id.clone();
        self.ending.insert(client_id, user_id);
        self.forget(client_id);
        true
    }

    /// Closes all clients that are meant; returns how many.
    pub(crate) fn close_all(&mut self, which: &StreamList, bye: Bye, now: Instant) -> usize {
        let mine = |client: &Client| match which {
            StreamList::Client(id) => client.id == *id,
            StreamList::ClientOf(id, user) => client.id == *id && client.new.user_id == *user,
            StreamList::User(id) => client.new.user_id == *id,
            StreamList::Token(token) => client.new.token_id == *token,
        };
        let clients = self.clients.iter().map(|(_place, client)| client);
        let meant: Vec<ClientId> = clients
            .filter(|client| mine(client))
            .map(|client| client.id)
            .collect();
        let closed = meant.into_iter().filter(|id| self.close(*id, bye)).count();
        self.announce(now);
        closed
    }

    /// Closes everybody.
    pub(crate) fn close_everyone(&mut self, bye: Bye) -> usize {
        let count = self.clients.len();
        // Nobody is left to be told who left, so the rooms are not asked.
        for (_place, client) in &self.clients {
            client.shared.close(bye);
            self.metrics.stream_closed(bye.reason());
        }
        self.metrics.streams.set(0);
        self.metrics.users.set(0);
        *self = Self::new(self.limits, self.position(), self.metrics.clone());
        count
    }

    /// Offers an alarm to all clients it concerns; returns how many took it.
    pub(crate) fn offer(&mut self, frame: &Arc<Frame>, now: Instant) -> usize {
        let Some(alarm) = frame.as_alarm() else {
            return 0;
        };
        self.recent.keep(alarm.id, frame);
        let sets = [
            self.by_topic.get(&alarm.topic),
            alarm.topic.is_room().then_some(&self.every_room),
            Some(&self.everything),
        ];
        let mut reached = std::mem::take(&mut self.reached);
        Members::union(sets, &mut reached);
        let taken = self.send(&reached, frame, now);
        self.reached = reached;
        taken
    }

    /// Sends an event to all streams of a user.
    pub(crate) fn notify(&mut self, user_id: &UserId, frame: &Arc<Frame>, now: Instant) {
        let mut reached = Vec::new();
        Members::union([self.by_user.get(user_id)], &mut reached);
        self.send(&reached, frame, now);
    }

    /// Heartbeats, token expiry and stalled clients, all in one pass.
    pub(crate) fn sweep(&mut self, now: Instant, clock: Timestamp) {
        let position = self.position();
        let (ping, comment) = (Frame::ping(position), Frame::comment(position));
        let (mut pinged, mut commented, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for (place, client) in &mut self.clients {
            if client.new.expires_at <= clock {
                over.push((client.id, Bye::Expired));
            } else if client.is_stalled(now) {
                over.push((client.id, Bye::Slow));
            } else if client.live
                && client.new.heartbeats
                && now.duration_since(client.last_frame) >= self.limits.heartbeat
            {
                client.heartbeats = client.heartbeats.wrapping_add(1);
                let silent = if client.heartbeats % 2 == 0 {
                    &mut commented
                } else {
                    &mut pinged
                };
                silent.push(place);
            }
        }
        self.send(&pinged, &ping, now);
        self.send(&commented, &comment, now);
        for (id, bye) in over {
            match bye {
                Bye::Slow => self.drop_slow(id),
                other => _ = self.close(id, other),
            }
        }
        self.recent.forget_old(clock);
        self.announce(now);
    }

    /// The list of connections.
    pub(crate) fn connections(&self, now: Instant) -> Vec<ClientInfo> {
        self.clients
            .iter()
            .map(|(_place, client)| client.info(now))
            .collect()
    }

    /// The connections of one user.
    pub(crate) fn connections_of(&self, user_id: &UserId, now: Instant) -> Vec<ClientInfo> {
        let mut places = Vec::new();
        Members::union([self.by_user.get(user_id)], &mut places);
        let clients = places.iter().filter_map(|place| self.clients.get(*place));
        clients.map(|client| client.info(now)).collect()
    }

    /// How many clients an alarm of each of these topics would be offered to now, each client counted once.
    pub(crate) fn reached(&self, topics: &[Topic]) -> usize {
        let to_rooms = topics.iter().any(Topic::is_room);
        let all = [Some(&self.everything), to_rooms.then_some(&self.every_room)];
        let named = topics.iter().map(|topic| self.by_topic.get(topic));
        let mut reached: HashSet<usize> = HashSet::new();
        let mut places = Vec::new();
        for set in all.into_iter().chain(named) {
            Members::union([set], &mut places);
            reached.extend(&places);
        }
        reached.len()
    }

    fn count_users(&self) {
        let users = i64::try_from(self.by_user.len()).unwrap_or(i64::MAX);
        self.metrics.users.set(users);
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
            let mut reached = Vec::new();
            Members::union(
                [self.by_topic.get(&topic), Some(&self.every_room)],
                &mut reached,
            );
            for place in reached {
                if let Some(client) = self.clients.get_mut(place) {
                    // A client that is gone is forgotten when its stream says so.
                    let _missed = client.offer(&frame, now);
                }
            }
        }
    }

    fn client(&self, id: ClientId) -> Option<&Client> {
        self.by_id
            .get(&id)
            .and_then(|place| self.clients.get(*place))
    }

    /// Queues a frame for each client; one whose queue is full loses its channel, and nobody waits for it.
    fn send(&mut self, reached: &[usize], frame: &Arc<Frame>, now: Instant) -> usize {
        let mut lost = Vec::new();
        for place in reached {
            let Some(client) = self.clients.get_mut(*place) else {
                continue;
            };
            if let Err(fate) = client.offer(frame, now) {
                lost.push((client.id, fate));
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
        if let Some(client) = self.client(id) {
            let user_id = &client.new.user_id;
            log::info!(
                "cutting off stream {id} of {user_id}: it does not read; it may resume from its cursor"
            );
        }
        self.close(id, Bye::Slow);
    }
}

fn remove_from<K: Eq + std::hash::Hash>(index: &mut HashMap<K, Members>, key: &K, place: usize) {
    if let Some(members) = index.get_mut(key) {
        members.remove(place);
        if members.len() == 0 {
            index.remove(key);
        }
    }
}
