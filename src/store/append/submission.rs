//! A submission to the log and its outcome.

use std::sync::Arc;

use crate::alarm::update::{NewUpdate, Update};
use crate::alarm::{Alarm, IdempotencyKey, NewAlarm, RoomId, UserId};
use crate::store::StoreError;

/// The alarms of one request, stored all or none.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// The alarms, in the order of their ids.
    pub alarms: Vec<NewAlarm>,
    /// The updates of the Mercure protocol, after the alarms.
    pub updates: Vec<NewUpdate>,
    /// Present if a repeated request must not be stored again.
    pub idempotency: Option<Idempotency>,
    /// True if a recipient without an account gets one; otherwise the submission is refused.
    pub create_recipients: bool,
    /// True if it is refused unless it repeats an earlier one.
    pub only_repeated: bool,
}

impl Submission {
    /// The number of its rows.
    pub(crate) fn rows(&self) -> usize {
        self.alarms.len() + self.updates.len()
    }
}

/// The identity of a request, by which a repeated one is recognised.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// The user who sent it. Each publisher has its own keys.
    pub publisher: UserId,
    /// The key from the request.
    pub key: IdempotencyKey,
    /// A digest of the body: the same key with another body is refused.
    pub body_hash: String,
    /// The digest that earlier versions of the hub stored.
    pub earlier_hash: String,
}

/// The outcome of a submission that is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The alarms, with their ids.
    pub alarms: Vec<Arc<Alarm>>,
    /// The updates; those of a repeated submission are not read again.
    pub updates: Vec<Arc<Update>>,
    /// True if an earlier request stored and delivered them.
    pub repeated: bool,
}

/// The reason why a submission was not stored. It does not affect the others of its batch.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// These recipients have no account.
    #[error("there are no users {0:?}")]
    UnknownUsers(Vec<UserId>),
    /// The room does not exist.
    #[error("there is no room {0}")]
    UnknownRoom(RoomId),
    /// The key was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// It repeats no earlier one, and may not be stored.
    #[error("the request repeats no earlier one")]
    NotRepeated,
    /// The database refused this submission.
    #[error(transparent)]
    Failed(Arc<StoreError>),
}

pub(super) type Outcome = Result<Stored, Refusal>;
