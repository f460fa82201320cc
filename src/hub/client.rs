//! One client: who it is, its queue and its bounds. A plain struct without actor or clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::channel::mpsc;
use serde::Serialize;
use uuid::Uuid;

use crate::alarm::{AlarmId, Role, RoomId, Timestamp, Topic, TopicFilter, UserId};
use crate::hub::Frame;
use crate::hub::channel::{Channel, Shared};

/// The name of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientId(Uuid);

/// Who wants a stream, and of what. The rights were checked.
#[derive(Debug, Clone)]
pub(crate) struct NewClient {
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
    /// Whether it hears heartbeats: a poll is one answer, which has no place for them.
    pub heartbeats: bool,
    /// Whether frames come at once or after a replay.
    pub start: Start,
    /// Where he comes from.
    pub remote_address: String,
    /// What he calls his program.
    pub user_agent: String,
}

/// When a client's topics are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once.
    Live,
    /// At once if what follows this cursor is known; else after the client has read the log: see `go_live`.
    After(AlarmId),
}

/// One line of the list of connections.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientInfo {
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
    pub queue_depth: u64,
    /// Where it comes from.
    pub remote_address: String,
    /// What it calls itself.
    pub user_agent: String,
}

/// One client, as the registry holds it.
pub(super) struct Client {
    pub(super) id: ClientId,
    sender: mpsc::Sender<Arc<Frame>>,
    pub(super) shared: Arc<Shared>,
    pub(super) new: NewClient,
    pub(super) live: bool,
    since: Instant,
    pub(super) last_frame: Instant,
    pub(super) heartbeats: u32,
    /// How many frames were queued for it so far.
    offered: u64,
    /// How many frames it had taken when it was last seen to take one, and when that was.
    progress: (u64, Instant),
}

/// Why a frame did not get in.
pub(super) enum Fate {
    Slow,
    Gone,
}

impl Client {
    /// A client that is not live yet, and its half of its channel.
    pub(super) fn new(id: ClientId, new: NewClient, now: Instant) -> (Self, Channel) {
        // One more fits than it is told: each sender has a place of its own.
        let (sender, receiver) = mpsc::channel(QUEUE_FRAMES - 1);
        let shared = Arc::new(Shared::default());
        let client = Self {
            id,
            sender,
            shared: Arc::clone(&shared),
            new,
            live: false,
            since: now,
            last_frame: now,
            heartbeats: 0,
            offered: 0,
            progress: (0, now),
        };
        (client, Channel::new(receiver, shared))
    }

    /// Queues a frame, if it fits.
    pub(super) fn offer(&mut self, frame: &Arc<Frame>, now: Instant) -> Result<(), Fate> {
        let bytes = frame.size_bytes();
        let queued = self.shared.queue(bytes);
        let fits = queued <= QUEUE_BYTES || queued == bytes;
        let fate = match fits.then(|| self.sender.try_send(Arc::clone(frame))) {
            Some(Ok(())) => {
                self.offered += 1;
                self.last_frame = now;
                return Ok(());
            }
            Some(Err(error)) if error.is_disconnected() => Fate::Gone,
            Some(Err(_)) | None => Fate::Slow,
        };
        self.shared.unqueue(bytes);
        Err(fate)
    }

    /// Whether something has waited for it so long that its connection must be stuck. One that reads the log is not
    /// expected to take frames yet.
    pub(super) fn is_stalled(&mut self, now: Instant) -> bool {
        let taken = self.shared.taken();
        if !self.live || self.queue_depth() == 0 || taken != self.progress.0 {
            self.progress = (taken, now);
        }
        now.duration_since(self.progress.1) >= STALLED_AFTER
    }

    fn queue_depth(&self) -> u64 {
        self.offered.saturating_sub(self.shared.taken())
    }

    pub(super) fn info(&self, now: Instant) -> ClientInfo {
        let filter = &self.new.filter;
        let mut topics: Vec<String> = filter.topics.iter().map(Topic::to_string).collect();
        topics.extend(filter.all_rooms.then(|| "room:*".to_owned()));
        topics.extend(filter.everything.then(|| "*".to_owned()));
        ClientInfo {
            client_id: self.id,
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

impl ClientId {
    /// A new name, which nobody can guess.
    pub(super) fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the written form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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

/// A client this far behind is quicker served from the log.
const QUEUE_FRAMES: usize = 512;

/// What one client's queue may hold: personal alarms of 16 KiB are not shared, so counting them is not enough.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Queued and not taken for this long: the connection is stuck, and only the kernel's buffers are full.
const STALLED_AFTER: Duration = Duration::from_secs(30);
