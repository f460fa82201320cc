//! An append on PostgreSQL: everything is looked up in one round trip and written in another, because the lock on the log is
//! held for the time of them all.

use std::sync::Arc;

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::alarm::{Alarm, Timestamp};
use crate::store::StoreError;
use crate::store::append::additions::Additions;
use crate::store::append::failure::AppendFailure;
use crate::store::append::known::{IDEMPOTENCY_LIFE, Known, Named, Request};
use crate::store::log::{Row, columns};
use crate::store::postgres::PostgresConnection;
use crate::store::updates;

/// Looks everything up that a batch names, and the last id of the log.
pub(super) fn find<'a>(
    connection: &mut PostgresConnection,
    named: &Named<'a>,
) -> Result<(Known<'a>, i64), AppendFailure> {
    let requests = &named.requests;
    let messages = &named.messages;
    let found = diesel::sql_query(FIND)
        .bind::<Array<Text>, _>(column(requests, |key| key.0))
        .bind::<Array<Text>, _>(column(requests, |key| key.1))
        .bind::<BigInt, _>(Timestamp::now().minus(IDEMPOTENCY_LIFE).millis())
        .bind::<Array<Text>, _>(column(messages, |key| key.0))
        .bind::<Array<Text>, _>(column(messages, |key| key.1))
        .bind::<Array<Text>, _>(column(messages, |key| key.2))
        .bind::<Array<Text>, _>(&named.users)
        .bind::<Array<Text>, _>(&named.rooms)
        .load::<Found>(connection)?;
    let last_id = found.first().ok_or(DieselError::NotFound)?.last_id;
    let mut known = Known::default();
    for one in found {
        add(&mut known, named, one)?;
    }
    Ok((known, last_id))
}

fn column<T, C>(rows: &[T], of: impl Fn(&T) -> C) -> Vec<C> {
    rows.iter().map(of).collect()
}

fn add<'a>(known: &mut Known<'a>, named: &Named<'a>, found: Found) -> Result<(), StoreError> {
    let Some((kind, place)) = found.what else {
        return Ok(());
    };
    let alarm = found.row.map(Alarm::try_from).transpose()?.map(Arc::new);
    let at = usize::try_from(place - 1).unwrap_or(usize::MAX);
    match kind.as_str() {
        "request" => {
            if let Some(key) = named.requests.get(at) {
                let request = known.requests.entry(*key).or_insert_with(|| Request {
                    body_hash: found.body_hash.unwrap_or_default(),
                    alarms: Vec::new(),
                });
                request.alarms.extend(alarm);
            }
        }
        "message" => {
            let key = named.messages.get(at);
            known.messages.extend(key.copied().zip(alarm));
        }
        "user" => known.users.extend(named.users.get(at)),
        _ => known.rooms.extend(named.rooms.get(at)),
    }
    Ok(())
}

/// One thing that was found, beside the last id of the log.
struct Found {
    last_id: i64,
    /// Its kind and its place in the list of this kind, from 1; `None` in the only row, if nothing was found.
    what: Option<(String, i64)>,
    body_hash: Option<String>,
    row: Option<Row>,
}

impl QueryableByName<Pg> for Found {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let number = |column| NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, column);
        let id = number("id")?;
        let kind = NamedRow::get::<Nullable<Text>, Option<String>>(row, "kind")?;
        Ok(Self {
            last_id: NamedRow::get::<BigInt, _>(row, "last_id")?,
            what: kind.zip(number("place")?),
            body_hash: NamedRow::get::<Nullable<Text>, _>(row, "body_hash")?,
            row: id.map(|_there| QueryableByName::build(row)).transpose()?,
        })
    }
}

/// Writes the rows and the new end of the log.
pub(super) fn store(
    connection: &mut PostgresConnection,
    additions: Additions<'_>,
) -> Result<(), AppendFailure> {
    let Additions {
        alarms,
        requests,
        accounts,
        updates: new_updates,
        last_id,
    } = additions;
    diesel::sql_query(STORE)
        .bind::<BigInt, _>(last_id)
        .bind::<Array<Text>, _>(column(&requests, |new| new.publisher))
        .bind::<Array<Text>, _>(column(&requests, |new| new.idempotency_key))
        .bind::<Array<Text>, _>(column(&requests, |new| new.body_hash))
        .bind::<Array<BigInt>, _>(column(&requests, |new| new.first_id))
        .bind::<Array<BigInt>, _>(column(&requests, |new| new.alarm_count))
        .bind::<BigInt, _>(Timestamp::now().millis())
        .bind::<Array<Text>, _>(column(&accounts, |new| new.id))
        .bind::<Array<BigInt>, _>(column(&accounts, |new| new.inbox_start))
        .bind::<Array<BigInt>, _>(column(&alarms, |new| new.id))
        .bind::<Array<Text>, _>(column(&alarms, |new| new.topic))
        .bind::<Array<Text>, _>(column(&alarms, |new| new.alarm_type))
        .bind::<Array<Nullable<Text>>, _>(column(&alarms, |new| new.from_user_id))
        .bind::<Array<Nullable<Text>>, _>(column(&alarms, |new| new.target_id))
        .bind::<Array<Text>, _>(column(&alarms, |new| new.data))
        .bind::<Array<Nullable<Text>>, _>(column(&alarms, |new| new.url))
        .bind::<Array<Nullable<Text>>, _>(column(&alarms, |new| new.client_id))
        .bind::<Array<BigInt>, _>(column(&alarms, |new| new.created_at))
        .bind::<Array<Nullable<BigInt>>, _>(column(&alarms, |new| new.expires_at))
        .execute(connection)?;
    Ok(updates::append::to_server(connection, &new_updates)?)
}

/// The limit inside of each `LATERAL` makes the planner look each thing up by its index, whatever it thinks of the sizes.
const FIND: &str = concat!(
    "SELECT log_head.last_id, found.* FROM log_head LEFT JOIN (\
     SELECT 'request' AS kind, asked.place, earlier.body_hash, alarms.* \
     FROM unnest((SELECT $1), (SELECT $2)) WITH ORDINALITY AS asked (publisher, key, place) CROSS JOIN LATERAL (\
     SELECT body_hash, first_id, alarm_count FROM idempotency_keys WHERE publisher = asked.publisher \
     AND idempotency_key = asked.key AND created_at >= $3 LIMIT 1) AS earlier LEFT JOIN LATERAL (SELECT ",
    columns!(),
    " FROM alarms WHERE id >= earlier.first_id AND id < earlier.first_id + earlier.alarm_count \
     ORDER BY id LIMIT earlier.alarm_count) AS alarms ON true \
     UNION ALL SELECT 'message', asked.place, NULL, alarms.* \
     FROM unnest((SELECT $4), (SELECT $5), (SELECT $6)) WITH ORDINALITY AS asked (topic, sender, client_id, place) CROSS JOIN LATERAL (SELECT ",
    columns!(),
    " FROM alarms WHERE topic = asked.topic AND from_user_id = asked.sender \
     AND client_id = asked.client_id LIMIT 1) AS alarms \
     UNION ALL SELECT 'user', asked.place, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
     FROM unnest((SELECT $7)) WITH ORDINALITY AS asked (id, place) CROSS JOIN LATERAL (\
     SELECT 1 FROM users WHERE users.id = asked.id LIMIT 1) AS there \
     UNION ALL SELECT 'room', asked.place, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
     FROM unnest((SELECT $8)) WITH ORDINALITY AS asked (id, place) CROSS JOIN LATERAL (\
     SELECT 1 FROM rooms WHERE rooms.id = asked.id LIMIT 1) AS there) AS found ON true WHERE log_head.id = 1 \
     ORDER BY place, id"
);

/// A key that is there already is too old to be recognised. The account of a recipient is that of `users::NewAccount::named`.
const STORE: &str = "WITH head AS (UPDATE log_head SET last_id = $1), \
     requests AS (INSERT INTO idempotency_keys \
     (publisher, idempotency_key, body_hash, first_id, alarm_count, created_at) \
     SELECT publisher, key, body_hash, first_id, alarm_count, $7 \
     FROM unnest((SELECT $2), (SELECT $3), (SELECT $4), (SELECT $5), (SELECT $6)) AS new (publisher, key, body_hash, first_id, alarm_count) \
     ON CONFLICT (publisher, idempotency_key) DO UPDATE SET body_hash = excluded.body_hash, \
     first_id = excluded.first_id, alarm_count = excluded.alarm_count, created_at = excluded.created_at), \
     accounts AS (INSERT INTO users \
     (id, display_name, role, inbox_start, seen_up_to, read_up_to, created_at, tokens_valid_from) \
     SELECT id, id, 'user', inbox_start, 0, 0, $7, 0 FROM unnest((SELECT $8), (SELECT $9)) AS new (id, inbox_start)) \
     INSERT INTO alarms (id, topic, alarm_type, from_user_id, target_id, data, url, client_id, created_at, expires_at) \
     SELECT * FROM unnest((SELECT $10), (SELECT $11), (SELECT $12), (SELECT $13), (SELECT $14), (SELECT $15), (SELECT $16), (SELECT $17), (SELECT $18), (SELECT $19))";
