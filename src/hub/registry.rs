//! The clients and the topic index, as a plain struct without actor or clock: the Broadcaster is its shell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::alarm::update::Update;
use crate::alarm::{AlarmId, Timestamp, UserId};
use crate::hub::channel::{Channel, Fate};
use crate::hub::client::Client;
use crate::hub::counts::Counts;
use crate::hub::ending::Ending;
use crate::hub::index::Index;
use crate::hub::members::{Members, insert_into, remove_from};
use crate::hub::presence::Rooms;
use crate::hub::recent::Recent;
use crate::hub::telling::Telling;
use crate::hub::{Bye, ClientId, Entry, EventName, Frame, NewClient, Start};
use crate::metrics::Metrics;

mod announcing;
mod attaching;
mod closing;
mod counting;
mod lists;

pub(crate) use attaching::{Attached, Rejoined};

/// The bounds a client lives in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The number of streams one user may have.
    pub streams_per_user: usize,
    /// The silence after which a stream gets a heartbeat.
    pub heartbeat: Duration,
}

/// The reason for which there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscribeError {
    /// The user has as many as one user may have.
    #[error("this user has too many streams")]
    TooManyStreams,
    /// The hub stops.
    #[error("the hub is stopping")]
    ShuttingDown,
}

/// A new client, and its half of its channel.
pub(crate) struct Opened {
    pub(crate) client_id: ClientId,
    pub(crate) channel: Channel,
    /// The frames it missed, where they are known without the log: its topics are attached. `None`: it reads the log first.
    pub(crate) missed: Option<Vec<Arc<Frame>>>,
}

/// All clients. A client is known by the place it has in `clients`, which is what the indexes hold.
pub(crate) struct Registry {
    limits: Limits,
    clients: Slab<Client>,
    by_id: HashMap<ClientId, usize>,
    index: Index,
    /// The streams of users: a subscriber of the Mercure protocol is none.
    by_user: HashMap<UserId, Members>,
    by_holder: HashMap<UserId, Members>,
    by_token: HashMap<Arc<str>, Members>,
    /// Closed streams whose connections are not given back yet: they still count as their users' streams.
    ending: Ending,
    pub(super) rooms: Rooms,
    telling: Telling,
    pub(super) counts: Counts,
    recent: Recent,
    /// The clients that the alarm at hand concerns: kept, so that an alarm for ten thousand asks for no memory.
    reached: Vec<usize>,
    metrics: Metrics,
}

impl Registry {
    pub(crate) fn new(limits: Limits, position: AlarmId, metrics: Metrics) -> Self {
        Self {
            limits,
            clients: Slab::new(),
            by_id: HashMap::new(),
            index: Index::default(),
            by_user: HashMap::new(),
            by_holder: HashMap::new(),
            by_token: HashMap::new(),
            ending: Ending::default(),
            rooms: Rooms::default(),
            telling: Telling::default(),
            counts: Counts::of_limit(limits.streams_per_user),
            recent: Recent::after(position),
            reached: Vec::new(),
            metrics,
        }
    }

    /// The last id delivered.
    pub(crate) fn position(&self) -> AlarmId {
        self.recent.position()
    }

    /// Keeps the last frames of the log for clients that come back.
    pub(crate) fn recall(&mut self, frames: &[Arc<Frame>]) {
        self.recent = Recent::of(frames, self.position());
        // They may be old enough to be pruned.
        self.recent.forget_old(Timestamp::now());
    }

    /// Forgets the frames that were kept for clients that come back.
    pub(crate) fn forget_recent(&mut self) {
        self.recent = Recent::after(self.position());
    }

    /// Forgets alarms that were retracted.
    pub(crate) fn retract(&mut self, ids: &HashSet<AlarmId>) {
        self.recent.retract(ids);
    }

    /// Takes in a client, unless its user has as many as one user may have.
    pub(crate) fn subscribe(
        &mut self,
        new: NewClient,
        now: Instant,
    ) -> Result<Opened, SubscribeError> {
        let counts = new.counts();
        if counts && self.has_too_many(&new.user_id) {
            return Err(SubscribeError::TooManyStreams);
        }
        let client_id = ClientId::random();
        let (rooms, user_id, start) = (new.rooms.clone(), new.user_id.clone(), new.start);
        let missed = match start {
            Start::Live => Some(Vec::new()),
            Start::After(cursor) => self.recent.missed(cursor, &new.filter, Timestamp::now()),
        };
        let (token_id, holder) = (new.token_id.clone(), new.holder.clone());
        let (client, channel) = Client::new(client_id, new, now);
        let place = self.clients.insert(client);
        insert_into(&mut self.by_token, &token_id, place);
        self.by_id.insert(client_id, place);
        if let Some(holder) = &holder {
            insert_into(&mut self.by_holder, holder, place);
        }
        if counts {
            insert_into(&mut self.by_user, &user_id, place);
            self.note_count(&user_id);
        }
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

    /// Detaches a client whose channel is full. It keeps what is queued and reads the rest from the log, so that a burst
    /// costs it nothing and the hub a bounded queue.
    fn spill(&mut self, place: usize, after: AlarmId) {
        let Some(client) = self.clients.get_mut(place) else {
            return;
        };
        client.live = false;
        self.index.detach(&client.new.filter, place);
        client.sender.spill(after);
        log::debug!(
            "stream {} goes back to the log after {}",
            client.id,
            after.0
        );
    }

    /// Ends the deliveries to a client whose answer is complete but not sent yet: it counts as its user's stream until then.
    pub(crate) fn finish(&mut self, client_id: ClientId, now: Instant) {
        if self.by_id.contains_key(&client_id) {
            self.note_ending(client_id);
            self.forget(client_id);
            self.announce(now);
        }
    }

    /// Forgets a client whose connection is gone, and all it held.
    pub(crate) fn disconnect(&mut self, client_id: ClientId, now: Instant) {
        if let Some(user_id) = self.ending.remove(client_id) {
            self.note_count(&user_id);
        }
        self.forget(client_id);
        self.announce(now);
    }

    fn forget(&mut self, client_id: ClientId) {
        let Some(place) = self.by_id.remove(&client_id) else {
            return;
        };
        let client = self.clients.remove(place);
        self.metrics.streams.dec();
        self.index.detach(&client.new.filter, place);
        remove_from(&mut self.by_token, &client.new.token_id, place);
        if let Some(holder) = &client.new.holder {
            remove_from(&mut self.by_holder, holder, place);
        }
        if client.new.counts() {
            remove_from(&mut self.by_user, &client.new.user_id, place);
            self.note_count(&client.new.user_id);
        }
        self.count_users();
        for room in &client.new.rooms {
            self.rooms.leave(room, &client.new.user_id);
        }
    }

    /// Delivers an alarm to all clients it concerns; returns the number of those that took it.
    pub(crate) fn deliver(&mut self, frame: &Arc<Frame>, now: Instant) -> usize {
        let Some(entry) = frame.entry() else {
            return 0;
        };
        self.recent.keep(entry.id(), frame);
        let mut reached = std::mem::take(&mut self.reached);
        match entry {
            Entry::Alarm(alarm) => self.index.concerned(&alarm.topic, &mut reached),
            Entry::Update(update) => {
                self.index.concerned_by_update(update, &mut reached);
                if update.content.private {
                    reached.retain(|place| self.may_read(*place, update));
                }
            }
        }
        let taken = self.send(&reached, frame, now);
        self.reached = reached;
        taken
    }

    fn may_read(&self, place: usize, update: &Update) -> bool {
        let client = self.clients.get(place);
        let filter = client.and_then(|client| client.new.filter.updates.as_ref());
        filter.is_some_and(|filter| filter.may_read(update))
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
            client.tell_owed(now);
            if client.expires_at <= clock {
                over.push((client.id, Bye::Expired));
            } else if client.is_stalled(now) {
                over.push((client.id, Bye::Slow));
            } else if client.gets_heartbeats
                && now.duration_since(client.last_frame) >= self.limits.heartbeat
            {
                client.heartbeats = client.heartbeats.wrapping_add(1);
                let is_comment = client.heartbeats % 2 == 0;
                match (client.sender.spilled(), is_comment) {
                    (Some(after), _) => client.tell_spilled(after, is_comment, now),
                    (None, true) => commented.push(place),
                    (None, false) => pinged.push(place),
                }
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

    fn count_users(&self) {
        let users = i64::try_from(self.by_user.len()).unwrap_or(i64::MAX);
        self.metrics.users.set(users);
    }

    fn client(&self, id: ClientId) -> Option<&Client> {
        self.by_id
            .get(&id)
            .and_then(|place| self.clients.get(*place))
    }

    /// Queues a frame for each client; returns the number of those that took it. Nobody waits for one whose queue is full:
    /// an alarm is in the log, a `state` event is delivered later, a heartbeat is not needed by a client that has work.
    fn send(&mut self, reached: &[usize], frame: &Arc<Frame>, now: Instant) -> usize {
        let mut lost = Vec::new();
        for place in reached {
            let Some(client) = self.clients.get_mut(*place) else {
                continue;
            };
            let queued = match frame.event() {
                EventName::State => client.tell(frame, now),
                _ => client.deliver(frame, now),
            };
            if let Err(fate) = queued {
                lost.push((*place, client.id, fate));
            }
        }
        let taken = reached.len() - lost.len();
        for (place, id, fate) in lost {
            match (fate, frame.entry()) {
                (Fate::Gone, _) => self.forget(id),
                (Fate::Full, Some(entry)) => self.spill(place, AlarmId(entry.id().0 - 1)),
                (Fate::Full, None) => {}
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
