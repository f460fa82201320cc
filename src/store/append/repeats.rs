//! Idempotency: a repeated request or chat message is answered with the alarms that the first one stored.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

use crate::alarm::{Alarm, ClientMessageId, NewAlarm, Timestamp, Topic, UserId};
use crate::store::append::failure::AppendFailure;
use crate::store::append::submission::{Idempotency, Outcome, Refusal, Stored, Submission};
use crate::store::connection::{DbConnection, native};
use crate::store::log::Row;
use crate::store::schema::{alarms, idempotency_keys};

/// Returns the earlier outcome of a repeated submission; `None` if it is new.
pub(super) fn repeated(
    connection: &mut DbConnection,
    submission: &Submission,
    fresh: &Fresh,
) -> Result<Option<Outcome>, AppendFailure> {
    if let Some(idempotency) = &submission.idempotency {
        return repeated_request(connection, idempotency, fresh);
    }
    match submission.alarms.as_slice() {
        [only] => Ok(repeated_message(connection, only, fresh)?.map(Ok)),
        _ => Ok(None),
    }
}

fn repeated_request(
    connection: &mut DbConnection,
    idempotency: &Idempotency,
    fresh: &Fresh,
) -> Result<Option<Outcome>, AppendFailure> {
    let publisher = idempotency.publisher.as_str();
    let known = native!(connection => idempotency_keys::table
        .find((publisher, idempotency.key.as_str()))
        .get_result::<(String, String, String, i64, i64, i64)>(connection))
    .optional()?;
    let Some((_, _, body_hash, first_id, count, created_at)) = known else {
        return Ok(None);
    };
    if created_at < Timestamp::now().minus(IDEMPOTENCY_LIFE).millis() {
        let stale = idempotency_keys::table.find((publisher, idempotency.key.as_str()));
        diesel::delete(stale).execute(connection)?;
        return Ok(None);
    }
    if ![&idempotency.body_hash, &idempotency.earlier_hash].contains(&&body_hash) {
        return Ok(Some(Err(Refusal::IdempotencyMismatch)));
    }
    let mut stored = fresh.request(first_id);
    if stored.is_empty() {
        let rows = alarms::table
            .filter(alarms::id.ge(first_id))
            .filter(alarms::id.lt(first_id + count))
            .order(alarms::id.asc())
            .load::<Row>(connection)?;
        stored = rows
            .into_iter()
            .map(|row| Alarm::try_from(row).map(Arc::new))
            .collect::<Result<_, _>>()?;
    }
    Ok(Some(Ok(Stored {
        alarms: stored,
        repeated: true,
    })))
}

fn repeated_message(
    connection: &mut DbConnection,
    alarm: &NewAlarm,
    fresh: &Fresh,
) -> Result<Option<Stored>, AppendFailure> {
    let (Some(client_id), Some(from)) = (&alarm.client_id, &alarm.from_user_id) else {
        return Ok(None);
    };
    let earlier = match fresh.message(&alarm.topic, from, client_id) {
        Some(stored) => Some(stored),
        None => native!(connection => alarms::table
            .filter(alarms::topic.eq(alarm.topic.as_str()))
            .filter(alarms::from_user_id.eq(from.as_str()))
            .filter(alarms::client_id.eq(client_id.as_str()))
            .get_result::<Row>(connection))
        .optional()?
        .map(|row| Alarm::try_from(row).map(Arc::new))
        .transpose()?,
    };
    Ok(earlier.map(|alarm| Stored {
        alarms: vec![alarm],
        repeated: true,
    }))
}

pub(super) fn remember_request(
    connection: &mut DbConnection,
    idempotency: &Idempotency,
    first_id: i64,
    count: usize,
) -> Result<(), AppendFailure> {
    native!(connection => diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::publisher.eq(idempotency.publisher.as_str()),
            idempotency_keys::idempotency_key.eq(idempotency.key.as_str()),
            idempotency_keys::body_hash.eq(&idempotency.body_hash),
            idempotency_keys::first_id.eq(first_id),
            idempotency_keys::alarm_count.eq(i64::try_from(count).unwrap_or(i64::MAX)),
            idempotency_keys::created_at.eq(Timestamp::now().millis()),
        ))
        .execute(connection))?;
    Ok(())
}

/// The alarms and accounts of the current batch that a later submission of it may repeat. Their rows are inserted at
/// the end of the batch only.
#[derive(Default)]
pub(super) struct Fresh {
    requests: HashMap<i64, Vec<Arc<Alarm>>>,
    messages: HashMap<(Topic, String, String), Arc<Alarm>>,
    pub(super) users: HashSet<String>,
}

impl Fresh {
    pub(super) fn remember(&mut self, submission: &Submission, stored: &[Arc<Alarm>]) {
        if submission.idempotency.is_some()
            && let Some(first) = stored.first()
        {
            self.requests.insert(first.id.0, stored.to_vec());
        }
        if let ([new], [alarm]) = (submission.alarms.as_slice(), stored)
            && let (Some(client_id), Some(from)) = (&new.client_id, &new.from_user_id)
        {
            let key = (new.topic.clone(), from.to_string(), client_id.to_string());
            self.messages.insert(key, Arc::clone(alarm));
        }
    }

    fn request(&self, first_id: i64) -> Vec<Arc<Alarm>> {
        self.requests.get(&first_id).cloned().unwrap_or_default()
    }

    fn message(
        &self,
        topic: &Topic,
        from: &UserId,
        client_id: &ClientMessageId,
    ) -> Option<Arc<Alarm>> {
        self.messages
            .get(&(topic.clone(), from.to_string(), client_id.to_string()))
            .cloned()
    }
}

/// The time for which a repeated request is recognised.
pub(in crate::store) const IDEMPOTENCY_LIFE: Duration = Duration::from_hours(24);
