//! A submission to the log and its outcome.

use std::sync::Arc;

use crate::alarm::{Alarm, IdempotencyKey, NewAlarm, RoomId, UserId};
use crate::store::StoreError;

/// What one publisher wants stored: all of it or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// The alarms, in the order they are to have.
    pub alarms: Vec<NewAlarm>,
    /// Given when the same request must not be stored again.
    pub idempotency: Option<Idempotency>,
    /// Whether a recipient without an account gets one instead of a refusal.
    pub create_recipients: bool,
}

/// Recognises a request that comes again.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// Who sent it: keys are each publisher's own.
    pub publisher: UserId,
    /// The key he gave.
    pub key: IdempotencyKey,
    /// A digest of the body, so that the same key with another body is noticed.
    pub body_hash: String,
}

/// What became of a submission.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The alarms, with their ids.
    pub alarms: Vec<Arc<Alarm>>,
    /// Whether they were stored by an earlier request, and so published by it.
    pub repeated: bool,
}

/// Why a submission was not stored. The others of its batch are.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// A recipient has no account.
    #[error("there is no user {0}")]
    UnknownUser(UserId),
    /// The room does not exist.
    #[error("there is no room {0}")]
    UnknownRoom(RoomId),
    /// The key was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// The database would not take it, though it took others.
    #[error(transparent)]
    Failed(Arc<StoreError>),
}

pub(super) type Outcome = Result<Stored, Refusal>;
