//! An append on SQLite: a statement for each row. Within the process a statement that stays prepared is faster than one of
//! many rows.

use std::sync::Arc;

use diesel::SqliteConnection;
use diesel::prelude::*;

use crate::alarm::{Alarm, Timestamp, UserId};
use crate::store::append::additions::Additions;
use crate::store::append::failure::AppendFailure;
use crate::store::append::known::{
    IDEMPOTENCY_LIFE, Known, MessageKey, Named, Request, RequestKey,
};
use crate::store::log::Row;
use crate::store::prepared::EndLogAt;
use crate::store::schema::{alarms, idempotency_keys, rooms, users};
use crate::store::updates;
use crate::store::users::NewAccount;

/// Looks everything up that a batch names.
pub(super) fn find<'a>(
    connection: &mut SqliteConnection,
    named: &Named<'a>,
) -> Result<Known<'a>, AppendFailure> {
    let mut known = Known::default();
    for key in &named.requests {
        if let Some(request) = request(connection, *key)? {
            known.requests.insert(*key, request);
        }
    }
    for key in &named.messages {
        if let Some(alarm) = message(connection, *key)? {
            known.messages.insert(*key, alarm);
        }
    }
    for id in &named.users {
        let there = users::table.find(*id).select(users::id);
        if there.get_result::<String>(connection).optional()?.is_some() {
            known.users.insert(id);
        }
    }
    for id in &named.rooms {
        let there = rooms::table.find(*id).select(rooms::id);
        if there.get_result::<String>(connection).optional()?.is_some() {
            known.rooms.insert(id);
        }
    }
    Ok(known)
}

fn request(
    connection: &mut SqliteConnection,
    key: RequestKey<'_>,
) -> Result<Option<Request>, AppendFailure> {
    let oldest = Timestamp::now().minus(IDEMPOTENCY_LIFE).millis();
    let earlier = idempotency_keys::table
        .find(key)
        .filter(idempotency_keys::created_at.ge(oldest))
        .select((
            idempotency_keys::body_hash,
            idempotency_keys::first_id,
            idempotency_keys::alarm_count,
        ))
        .get_result::<(String, i64, i64)>(connection)
        .optional()?;
    let Some((body_hash, first_id, count)) = earlier else {
        return Ok(None);
    };
    let rows = alarms::table
        .filter(alarms::id.ge(first_id))
        .filter(alarms::id.lt(first_id.saturating_add(count)))
        .order(alarms::id.asc())
        .load::<Row>(connection)?;
    let alarms = rows
        .into_iter()
        .map(|row| Alarm::try_from(row).map(Arc::new))
        .collect::<Result<_, _>>()?;
    Ok(Some(Request { body_hash, alarms }))
}

fn message(
    connection: &mut SqliteConnection,
    (topic, from, client_id): MessageKey<'_>,
) -> Result<Option<Arc<Alarm>>, AppendFailure> {
    let row = alarms::table
        .filter(alarms::topic.eq(topic))
        .filter(alarms::from_user_id.eq(from))
        .filter(alarms::client_id.eq(client_id))
        .get_result::<Row>(connection)
        .optional()?;
    Ok(row.map(Alarm::try_from).transpose()?.map(Arc::new))
}

/// Writes the rows and the new end of the log.
pub(super) fn store(
    connection: &mut SqliteConnection,
    additions: &Additions<'_>,
) -> Result<(), AppendFailure> {
    for request in &additions.requests {
        diesel::replace_into(idempotency_keys::table)
            .values(request)
            .execute(connection)?;
    }
    for recipient in &additions.accounts {
        let account = NewAccount::named(UserId::trusted(recipient.id.to_owned()));
        diesel::insert_into(users::table)
            .values(account.row(recipient.inbox_start))
            .execute(connection)?;
    }
    for row in &additions.alarms {
        diesel::insert_into(alarms::table)
            .values(row)
            .execute(connection)?;
    }
    updates::append::to_file(connection, &additions.updates)?;
    EndLogAt(additions.last_id).execute(connection)?;
    Ok(())
}
