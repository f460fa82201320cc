//! The things a batch names that the database already has: earlier requests and messages, and recipients.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::alarm::{Alarm, NewAlarm, RoomId, TopicKind, UserId};
use crate::store::append::submission::{Outcome, Refusal, Stored, Submission};

/// A publisher and the key of a request.
pub(super) type RequestKey<'a> = (&'a str, &'a str);

/// A topic, a sender, and the sender's id for a message.
pub(super) type MessageKey<'a> = (&'a str, &'a str, &'a str);

/// The things a batch names, each once.
#[derive(Default)]
pub(super) struct Named<'a> {
    pub(super) requests: Vec<RequestKey<'a>>,
    pub(super) messages: Vec<MessageKey<'a>>,
    pub(super) users: Vec<&'a str>,
    pub(super) rooms: Vec<&'a str>,
}

impl<'a> Named<'a> {
    /// The things of a batch.
    pub(super) fn by(batch: &'a [Submission]) -> Self {
        let alarms = || batch.iter().flat_map(|submission| &submission.alarms);
        let kinds = || alarms().map(|alarm| alarm.topic.kind());
        Self {
            requests: once(batch.iter().filter_map(request_of)),
            messages: once(batch.iter().filter_map(message_of)),
            users: once(kinds().filter_map(|kind| match kind {
                TopicKind::User(id) => Some(id),
                TopicKind::Room(_) | TopicKind::Everyone | TopicKind::Admins => None,
            })),
            rooms: once(kinds().filter_map(|kind| match kind {
                TopicKind::Room(id) => Some(id),
                TopicKind::User(_) | TopicKind::Everyone | TopicKind::Admins => None,
            })),
        }
    }

    /// True if a request or a message is there more than once.
    pub(super) fn are_repeated(&self, batch: &[Submission]) -> bool {
        batch.iter().filter_map(request_of).count() != self.requests.len()
            || batch.iter().filter_map(message_of).count() != self.messages.len()
    }

    /// What is known if all recipients are there, and nothing is repeated.
    pub(super) fn all_there(&self) -> Known<'a> {
        Known {
            users: self.users.iter().copied().collect(),
            rooms: self.rooms.iter().copied().collect(),
            ..Known::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.messages.is_empty()
            && self.users.is_empty()
            && self.rooms.is_empty()
    }
}

fn once<T: Copy + Eq + std::hash::Hash>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut met = HashSet::new();
    all.filter(|one| met.insert(*one)).collect()
}

/// The part of a batch that is known: of the database, and of the submissions before the current one.
#[derive(Default)]
pub(super) struct Known<'a> {
    pub(super) requests: HashMap<RequestKey<'a>, Request>,
    pub(super) messages: HashMap<MessageKey<'a>, Arc<Alarm>>,
    pub(super) users: HashSet<&'a str>,
    pub(super) rooms: HashSet<&'a str>,
}

/// A request that was stored.
pub(super) struct Request {
    pub(super) body_hash: String,
    /// Those of its alarms that are still there.
    pub(super) alarms: Vec<Arc<Alarm>>,
}

impl<'a> Known<'a> {
    /// Returns the earlier outcome of a repeated submission; `None` if it is new.
    pub(super) fn repeated(&self, submission: &'a Submission) -> Option<Outcome> {
        let alarms = match &submission.idempotency {
            Some(idempotency) => {
                let earlier = self.requests.get(&request_of(submission)?)?;
                let hashes = [&idempotency.body_hash, &idempotency.earlier_hash];
                if !hashes.contains(&&earlier.body_hash) {
                    return Some(Err(Refusal::IdempotencyMismatch));
                }
                earlier.alarms.clone()
            }
            None => vec![Arc::clone(self.messages.get(&message_of(submission)?)?)],
        };
        Some(Ok(Stored {
            alarms,
            updates: Vec::new(),
            repeated: true,
        }))
    }

    /// The reason to refuse a submission whose recipients do not exist.
    pub(super) fn refusal(&self, submission: &Submission) -> Option<Refusal> {
        let mut users = Vec::new();
        for alarm in &submission.alarms {
            match alarm.topic.kind() {
                TopicKind::User(id)
                    if !self.users.contains(id) && !submission.create_recipients =>
                {
                    users.push(UserId::trusted(id.to_owned()));
                }
                TopicKind::Room(id) if !self.rooms.contains(id) => {
                    return Some(Refusal::UnknownRoom(RoomId::trusted(id.to_owned())));
                }
                _ => {}
            }
        }
        (!users.is_empty()).then_some(Refusal::UnknownUsers(users))
    }

    /// Notes that a user has an account from now on. True if they had none.
    pub(super) fn add_user(&mut self, id: &'a str) -> bool {
        self.users.insert(id)
    }

    /// Remembers a submission that is stored with this batch, so that a later one of it may repeat it.
    pub(super) fn remember(&mut self, submission: &'a Submission, alarms: &[Arc<Alarm>]) {
        if let (Some(key), Some(idempotency)) = (request_of(submission), &submission.idempotency) {
            let request = Request {
                body_hash: idempotency.body_hash.clone(),
                alarms: alarms.to_vec(),
            };
            self.requests.insert(key, request);
        }
        if let (Some(key), [alarm]) = (message_key(submission), alarms) {
            self.messages.insert(key, Arc::clone(alarm));
        }
    }
}

fn request_of(submission: &Submission) -> Option<RequestKey<'_>> {
    let idempotency = submission.idempotency.as_ref()?;
    Some((idempotency.publisher.as_str(), idempotency.key.as_str()))
}

/// The key of a message that is recognised by it: a request with a key of its own is recognised by that.
fn message_of(submission: &Submission) -> Option<MessageKey<'_>> {
    match submission.idempotency {
        Some(_) => None,
        None => message_key(submission),
    }
}

fn message_key(submission: &Submission) -> Option<MessageKey<'_>> {
    let [only] = submission.alarms.as_slice() else {
        return None;
    };
    key_of(only)
}

fn key_of(alarm: &NewAlarm) -> Option<MessageKey<'_>> {
    let (client_id, from) = (alarm.client_id.as_ref()?, alarm.from_user_id.as_ref()?);
    Some((alarm.topic.as_str(), from.as_str(), client_id.as_str()))
}

/// The time for which a repeated request is recognised.
pub(in crate::store) const IDEMPOTENCY_LIFE: Duration = Duration::from_hours(24);
