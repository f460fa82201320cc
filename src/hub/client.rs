//! One client: who it is, its queue and its bounds. A plain struct without actor or clock.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alarm::update::ActiveSubscription;
use crate::alarm::{AlarmId, Role, RoomId, SignerId, Timestamp, Topic, TopicFilter, UserId};
use crate::hub::Frame;
use crate::hub::channel::{Channel, Fate, Sender, channel};

/// The name of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(value_type = String)]
pub(crate) struct ClientId(Uuid);

/// A client that wants a stream, and the topics it wants. The rights were checked.
#[derive(Debug, Clone)]
pub(crate) struct NewClient {
    /// The user of the stream.
    pub user_id: UserId,
    /// The user of a stream that is not one of the user's own, such as one of an issuer's token of the Mercure protocol: it ends with
    /// the rights of the account.
    pub holder: Option<UserId>,
    /// The role of the token.
    pub role: Role,
    /// The token: logging out closes its streams.
    pub token_id: Arc<str>,
    /// The key that signed the token.
    pub signer: SignerId,
    /// The API key that it came with, or that made its token.
    pub api_key: Option<Arc<str>>,
    /// The time at which the token was issued, if it tells it.
    pub issued_at: Option<Timestamp>,
    /// The number of times the user was disconnected from all hubs before.
    pub kicks: i64,
    /// The time at which the token expires, and the stream with it.
    pub expires_at: Timestamp,
    /// The topics the stream carries.
    pub filter: Arc<TopicFilter>,
    /// The rooms its user is present in through it.
    pub rooms: Vec<RoomId>,
    /// True if it gets heartbeats: a poll is one answer, which has no place for them.
    pub heartbeats: bool,
    /// Frames come at once, or after a replay.
    pub start: Start,
    /// The address the connection comes from.
    pub remote_address: IpAddr,
    /// The `User-Agent` of the request.
    pub user_agent: String,
}

impl NewClient {
    /// True if it counts as one of the streams of a user. One token of the Mercure protocol may be that of all visitors of a site.
    pub(super) fn counts(&self) -> bool {
        self.filter.updates.is_none()
    }
}

/// The moment at which a client's topics are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once.
    Live,
    /// At once if what follows this cursor is known; else after the client has read the log: see `go_live`.
    After(AlarmId),
}

/// The rights a stream was opened with, to be compared with the rights its user has now.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    /// The stream.
    pub client_id: ClientId,
    /// The user whose account it depends on.
    pub user_id: UserId,
    /// The role of its token; `None` if its rights do not depend on one.
    pub role: Option<Role>,
    /// Its token.
    pub token_id: Arc<str>,
    /// The API key that it came with, or that made its token.
    pub api_key: Option<Arc<str>>,
    /// The time at which that token was issued, if it tells it.
    pub issued_at: Option<Timestamp>,
    /// The number of times the user was disconnected from all hubs before.
    pub kicks: i64,
}

/// One line of the list of connections.
#[derive(utoipa::ToSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientInfo {
    /// The name of the stream.
    pub client_id: ClientId,
    /// The user of the stream.
    pub user_id: UserId,
    /// The role of its token.
    pub role: Role,
    /// The topics it carries: `room:*` for every room, `*` for the whole log.
    pub topics: Vec<String>,
    /// The time it has been open, in seconds.
    pub age_seconds: u64,
    /// The number of events that wait for it.
    pub queue_depth: u64,
    /// The address it comes from.
    pub remote_address: String,
    /// Its `User-Agent`.
    pub user_agent: String,
    /// Its subscriptions of the Mercure protocol, if they are told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<ActiveSubscription>,
}

/// One client, as the registry holds it. An alarm for many goes from one to the next: names and rights are behind a pointer.
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) sender: Sender,
    pub(super) new: Box<NewClient>,
    /// Copied from `new`, which never changes.
    pub(super) expires_at: Timestamp,
    /// Copied from `new`, which never changes.
    pub(super) gets_heartbeats: bool,
    pub(super) live: bool,
    pub(super) since: Instant,
    pub(super) last_frame: Instant,
    pub(super) heartbeats: u32,
    /// The number of frames its transport had taken when it was last seen to take one, and the time of that look.
    progress: (u64, Instant),
    /// The newest `state` event that did not fit: there is no log to read it from, so it is delivered later.
    owed: Option<Arc<Frame>>,
}

impl Client {
    /// A client that is not live yet, and its half of its channel.
    pub(super) fn new(id: ClientId, new: NewClient, now: Instant) -> (Self, Channel) {
        let (sender, channel) = channel();
        let client = Self {
            id,
            sender,
            expires_at: new.expires_at,
            gets_heartbeats: new.heartbeats,
            new: Box::new(new),
            live: false,
            since: now,
            last_frame: now,
            heartbeats: 0,
            progress: (0, now),
            owed: None,
        };
        (client, channel)
    }

    /// Queues a frame, if it fits.
    pub(super) fn deliver(&mut self, frame: &Arc<Frame>, now: Instant) -> Result<(), Fate> {
        self.sender.send(frame)?;
        self.last_frame = now;
        Ok(())
    }

    /// Queues a `state` event, or keeps it until there is room. Only the newest is kept: its counts are the valid ones.
    pub(super) fn tell(&mut self, frame: &Arc<Frame>, now: Instant) -> Result<(), Fate> {
        if self.owed.is_none() {
            match self.deliver(frame, now) {
                Err(Fate::Full) => {}
                other => return other,
            }
        }
        self.owed = Some(Arc::clone(frame));
        Err(Fate::Full)
    }

    /// Tries once more to queue the `state` event that did not fit.
    pub(super) fn tell_owed(&mut self, now: Instant) {
        if let Some(frame) = self.owed.take()
            && self.deliver(&frame, now).is_err()
        {
            self.owed = Some(frame);
        }
    }

    /// Sends a heartbeat to a client that has to go back to the log. It tells the position up to which alarms are queued: a
    /// later one would be a cursor that skips the others.
    pub(super) fn tell_spilled(&mut self, after: AlarmId, is_comment: bool, now: Instant) {
        let heartbeat = if is_comment {
            Frame::comment(after)
        } else {
            Frame::ping(after)
        };
        // A client whose queue is full needs no heartbeat; one that is gone is forgotten when its stream says so.
        let _missed = self.deliver(&heartbeat, now);
    }

    /// True if frames have waited for its transport for so long, with none taken, that its connection must be stuck. A
    /// client that waits for the database is not stuck.
    pub(super) fn is_stalled(&mut self, now: Instant) -> bool {
        let (is_ready, is_queued) = (self.sender.is_ready(), self.sender.queued() > 0);
        // Most clients have nothing to take, and all of them are looked at twice a second.
        if !is_ready && !is_queued {
            self.progress.1 = now;
            return false;
        }
        let passed = self.sender.passed();
        let is_spilled = self.sender.spilled().is_some();
        let waits = is_ready || ((self.live || is_spilled) && is_queued);
        if !waits || passed != self.progress.0 {
            self.progress = (passed, now);
        }
        let holds_much = is_ready || is_spilled;
        let patience = if holds_much { FULL_FOR } else { STALLED_AFTER };
        now.duration_since(self.progress.1) >= patience
    }

    pub(super) fn rights(&self) -> Rights {
        let holder = self.new.holder.as_ref();
        Rights {
            client_id: self.id,
            user_id: holder.unwrap_or(&self.new.user_id).clone(),
            role: holder.is_none().then_some(self.new.role),
            token_id: self.new.token_id.clone(),
            api_key: self.new.api_key.clone(),
            issued_at: self.new.issued_at,
            kicks: self.new.kicks,
        }
    }

    pub(super) fn info(&self, now: Instant) -> ClientInfo {
        let filter = &self.new.filter;
        let mut topics: Vec<String> = filter.topics.iter().map(Topic::to_string).collect();
        topics.extend(filter.all_rooms.then(|| "room:*".to_owned()));
        topics.extend(filter.everything.then(|| "*".to_owned()));
        let updates = filter.updates.iter().flat_map(|one| &one.matchers);
        topics.extend(updates.map(|matcher| format!("mercure:{}", matcher.text())));
        ClientInfo {
            client_id: self.id,
            user_id: self.new.user_id.clone(),
            role: self.new.role,
            topics,
            age_seconds: now.duration_since(self.since).as_secs(),
            queue_depth: self.sender.queued() as u64,
            remote_address: self.new.remote_address.to_string(),
            user_agent: self.new.user_agent.clone(),
            subscriptions: filter
                .updates
                .as_ref()
                .map(|updates| updates.active.clone())
                .unwrap_or_default(),
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

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no name of a stream"))
    }
}

impl Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The time after which a connection that takes nothing is cut. A burst does not count, however large: only progress does.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// The same for a client with a full queue, or with a page of the log: these are much memory.
const FULL_FOR: Duration = Duration::from_secs(15);
