//! The rows that a batch adds.

use std::sync::Arc;

use diesel::prelude::*;

use crate::alarm::update::Update;
use crate::alarm::{Alarm, ClientMessageId, Link, NewAlarm, TargetId, Timestamp, UserId};
use crate::store::append::submission::Idempotency;
use crate::store::schema::{alarms, idempotency_keys};

/// The rows that a batch adds, and the new end of the log.
#[derive(Default)]
pub(super) struct Additions<'a> {
    pub(super) alarms: Vec<NewRow<'a>>,
    pub(super) requests: Vec<NewRequest<'a>>,
    pub(super) accounts: Vec<NewRecipient<'a>>,
    pub(super) updates: Vec<Arc<Update>>,
    pub(super) last_id: i64,
}

/// The row of an alarm.
#[derive(Insertable)]
#[diesel(table_name = alarms, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    pub(super) id: i64,
    pub(super) topic: &'a str,
    pub(super) alarm_type: &'a str,
    pub(super) from_user_id: Option<&'a str>,
    pub(super) target_id: Option<&'a str>,
    pub(super) data: &'a str,
    pub(super) url: Option<&'a str>,
    pub(super) client_id: Option<&'a str>,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
}

impl<'a> NewRow<'a> {
    pub(super) fn of(new: &'a NewAlarm, stored: &Alarm) -> Self {
        Self {
            id: stored.id.0,
            topic: new.topic.as_str(),
            alarm_type: new.alarm_type.as_str(),
            from_user_id: new.from_user_id.as_ref().map(UserId::as_str),
            target_id: new.target_id.as_ref().map(TargetId::as_str),
            data: new.data.as_json(),
            url: new.url.as_ref().map(Link::as_str),
            client_id: new.client_id.as_ref().map(ClientMessageId::as_str),
            created_at: new.created_at.millis(),
            expires_at: new.expires_at.map(Timestamp::millis),
        }
    }
}

/// The row by which a repeated request is recognised. It replaces one of the same key that is too old.
#[derive(Insertable)]
#[diesel(table_name = idempotency_keys)]
pub(super) struct NewRequest<'a> {
    pub(super) publisher: &'a str,
    pub(super) idempotency_key: &'a str,
    pub(super) body_hash: &'a str,
    pub(super) first_id: i64,
    pub(super) alarm_count: i64,
    pub(super) created_at: i64,
}

impl<'a> NewRequest<'a> {
    pub(super) fn of(idempotency: &'a Idempotency, first_id: i64, count: usize) -> Self {
        Self {
            publisher: idempotency.publisher.as_str(),
            idempotency_key: idempotency.key.as_str(),
            body_hash: &idempotency.body_hash,
            first_id,
            alarm_count: i64::try_from(count).unwrap_or(i64::MAX),
            created_at: Timestamp::now().millis(),
        }
    }
}

/// A recipient who gets an account, and the end of the log at which their inbox starts.
pub(super) struct NewRecipient<'a> {
    pub(super) id: &'a str,
    pub(super) inbox_start: i64,
}
