//! The clients and the topic index, as a plain struct without actor or clock: the Broadcaster is its shell.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use uuid::Uuid;

use crate::alarm::{AlarmId, Role, RoomId, Timestamp, Topic, TopicFilter, TopicKind, UserId};
use crate::hub::presence::Rooms;
use crate::hub::subscription::{Channel, Shared};
use crate::hub::{Bye, Frame};
use crate::metrics::Metrics;

/// The name of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId(Uuid);

/// Who wants a stream, and of what. The rights were checked.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Whose stream it is.
    pub user_id: UserId,
    /// In which role he came.
    pub role: Role,
    /// The token he came with: logging out closes its streams.
    pub token_id: String,
    /// When that token expires, and the stream with it.
    pub expires_at: Timestamp,
    /// What the stream carries.
    pub filter: Arc<TopicFilter>,
    /// The rooms its user is present in through it.
    pub rooms: Vec<RoomId>,
    /// Whether frames come at once or after a replay.
    pub start: Start,
    /// Where he comes from.
    pub remote_address: String,
    /// What he calls his program.
    pub user_agent: String,
}

/// When a client's topics are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At once.
    Live,
    /// After it has read the log: see `go_live`.
    Replay,
}

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

/// One line of the list of connections.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// The name of the stream.
    pub client_id: ClientId,
    /// Whose it is.
    pub user_id: UserId,
    /// In which role he came.
    pub role: Role,
    /// What it carries: topics, `room:*` for every room, `*` for the whole log.
    pub topics: Vec<String>,
    /// How long it has been open, in seconds.
    pub age_seconds: u64,
    /// How many events wait for it.
    pub queue_depth: usize,
    /// Where it comes from.
    pub remote_address: String,
    /// What it calls itself.
    pub user_agent: String,
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
    rooms: Rooms,
    position: AlarmId,
    metrics: Metrics,
}

struct Client {
    sender: mpsc::Sender<Arc<Frame>>,
    shared: Arc<Shared>,
    new: NewClient,
    live: bool,
    since: Instant,
    last_frame: Instant,
    heartbeats: u32,
    /// How many frames it had taken when it was last seen to take one, and when that was.
    progress: (u64, Instant),
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
        let mine = self.by_user.get(&new.user_id).map_or(0, HashSet::len);
        if mine >= self.limits.streams_per_user {
            return Err(SubscribeError::TooManyStreams);
        }
        let client_id = ClientId(Uuid::new_v4());
        let (sender, receiver) = mpsc::channel(QUEUE_FRAMES);
        let shared = Arc::new(Shared::default());
        self.by_user
            .entry(new.user_id.clone())
            .or_default()
            .insert(client_id);
        let (rooms, user_id, start) = (new.rooms.clone(), new.user_id.clone(), new.start);
        let client = Client {
            sender,
            shared: Arc::clone(&shared),
            new,
            live: false,
            since: now,
            last_frame: now,
            heartbeats: 0,
            progress: (0, now),
        };
        self.clients.insert(client_id, client);
        self.metrics.streams.inc();
        // Announced before its topics are attached: it hears of those who come after it.
        for room in rooms {
            if self.rooms.join(&room, &user_id) {
                self.announce(&room, &[&user_id], &[], now);
            }
        }
        if start == Start::Live {
            self.go_live(client_id, now);
        }
        Ok(Opened {
            client_id,
            channel: Channel::new(receiver, shared),
        })
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

    /// Forgets a client that went.
    pub(crate) fn disconnect(&mut self, client_id: ClientId, now: Instant) {
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
            if self.rooms.leave(room, &client.new.user_id) {
                self.announce(room, &[], &[&client.new.user_id], now);
            }
        }
    }

    /// Closes a client's channel for a reason it is told; what is queued still reaches it.
    pub(crate) fn close(&mut self, client_id: ClientId, bye: Bye, now: Instant) -> bool {
        let Some(client) = self.clients.get(&client_id) else {
            return false;
        };
        client.shared.close(bye);
        self.metrics.stream_closed(bye.reason());
        self.disconnect(client_id, now);
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
        meant
            .into_iter()
            .filter(|id| self.close(*id, bye, now))
            .count()
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
            self.close(id, bye, now);
        }
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

    fn announce(&mut self, room: &RoomId, joined: &[&UserId], left: &[&UserId], now: Instant) {
        let topic = Topic::room(room);
        let reached = self.reach(&[self.by_topic.get(&topic), Some(&self.every_room)]);
        self.send(&reached, &Frame::presence(room, joined, left), now);
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
                Fate::Slow => self.drop_slow(id, now),
                Fate::Gone => self.disconnect(id, now),
            }
        }
        taken
    }

    fn drop_slow(&mut self, id: ClientId, now: Instant) {
        if let Some(client) = self.clients.get(&id) {
            log::info!(
                "cutting off stream {id} of {}: it does not read; it may resume from its cursor",
                client.new.user_id
            );
        }
        self.close(id, Bye::Slow, now);
    }
}

/// Why a frame did not get in.
enum Fate {
    Slow,
    Gone,
}

impl Client {
    fn offer(&mut self, frame: &Arc<Frame>, now: Instant) -> Result<(), Fate> {
        let bytes = frame.size_bytes();
        let queued = self.shared.queue(bytes);
        let fits = queued <= QUEUE_BYTES || queued == bytes;
        let sent = if fits {
            self.sender.try_send(Arc::clone(frame))
        } else {
            Err(TrySendError::Full(Arc::clone(frame)))
        };
        match sent {
            Ok(()) => {
                self.last_frame = now;
                Ok(())
            }
            Err(error) => {
                self.shared.unqueue(bytes);
                Err(if matches!(error, TrySendError::Full(_)) {
                    Fate::Slow
                } else {
                    Fate::Gone
                })
            }
        }
    }

    /// Whether something has waited for it so long that its connection must be stuck. One that reads the log is not
    /// expected to take frames yet.
    fn is_stalled(&mut self, now: Instant) -> bool {
        let taken = self.shared.taken();
        if !self.live || self.queue_depth() == 0 || taken != self.progress.0 {
            self.progress = (taken, now);
        }
        now.duration_since(self.progress.1) >= STALLED_AFTER
    }

    fn queue_depth(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    fn info(&self, client_id: ClientId, now: Instant) -> ClientInfo {
        let filter = &self.new.filter;
        let mut topics: Vec<String> = filter.topics.iter().map(Topic::to_string).collect();
        topics.extend(filter.all_rooms.then(|| "room:*".to_owned()));
        topics.extend(filter.everything.then(|| "*".to_owned()));
        ClientInfo {
            client_id,
            user_id: self.new.user_id.clone(),
            role: self.new.role,
            topics,
            age_seconds: now.duration_since(self.since).as_secs(),
            queue_depth: self.queue_depth(),
            remote_address: self.new.remote_address.clone(),
            user_agent: self.new.user_agent.clone(),
        }
    }
}

impl NewClient {
    /// The rooms among the topics it names: its user is present there.
    pub fn rooms_of(filter: &TopicFilter) -> Vec<RoomId> {
        let room = |topic: &Topic| match topic.kind() {
            TopicKind::Room(id) => Some(RoomId::trusted(id.to_owned())),
            _ => None,
        };
        filter.topics.iter().filter_map(room).collect()
    }
}

impl ClientId {
    /// Reads the written form.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

/// A client this far behind is quicker served from the log.
const QUEUE_FRAMES: usize = 512;

/// What one client's queue may hold: personal alarms of 16 KiB are not shared, so counting them is not enough.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Queued and not taken for this long: the connection is stuck, and only the kernel's buffers are full.
const STALLED_AFTER: Duration = Duration::from_secs(30);
