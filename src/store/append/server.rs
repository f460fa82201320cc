//! An append on PostgreSQL in a transaction, for a batch in which something is to be decided: everything is looked up in one round trip
//! and written in another, because the lock on the log is held for the time of them all.

use std::sync::Arc;

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
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
    let found = asked(named).load::<Found>(connection)?;
    let last_id = found.first().ok_or(DieselError::NotFound)?.last_id;
    let mut known = Known::default();
    for one in found {
        add(&mut known, named, one)?;
    }
    Ok((known, last_id))
}

/// The question for what a batch names. It has no part for a kind of which there is none: a part takes the server's time,
/// whatever it finds.
fn asked<'a>(named: &'a Named<'_>) -> Parts<'a> {
    let Named {
        requests,
        messages,
        users,
        rooms,
    } = named;
    // The lists of rows come first: in a union they give their types to the columns that are `NULL` in the others.
    let parts = [
        (!requests.is_empty()).then_some(FIND_REQUESTS),
        (!messages.is_empty()).then_some(FIND_MESSAGES),
        (!users.is_empty()).then_some(FIND_USERS),
        (!rooms.is_empty()).then_some(FIND_ROOMS),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let mut asked = statement(&[FIND, &parts.join(" UNION ALL "), FOUND]);
    if !requests.is_empty() {
        let earliest = Timestamp::now().minus(IDEMPOTENCY_LIFE).millis();
        asked = asked
            .bind::<Array<Text>, _>(column(requests, |key| key.0))
            .bind::<Array<Text>, _>(column(requests, |key| key.1))
            .bind::<BigInt, _>(earliest);
    }
    if !messages.is_empty() {
        asked = asked
            .bind::<Array<Text>, _>(column(messages, |key| key.0))
            .bind::<Array<Text>, _>(column(messages, |key| key.1))
            .bind::<Array<Text>, _>(column(messages, |key| key.2));
    }
    for names in [users, rooms].into_iter().filter(|names| !names.is_empty()) {
        asked = asked.bind::<Array<Text>, _>(names);
    }
    asked
}

/// A statement that is put together from parts, for values that are bound in the order of their places.
pub(super) type Parts<'a> = BoxedSqlQuery<'a, Pg, SqlQuery>;

/// The parts as one statement. A place for a value is written `?` in a part, as its number is not known there.
pub(super) fn statement<'a>(parts: &[&str]) -> Parts<'a> {
    let text = parts.concat();
    let mut pieces = text.split('?');
    let mut numbered = pieces.next().unwrap_or_default().to_owned();
    for (before, piece) in pieces.enumerate() {
        numbered += &format!("${}{piece}", before + 1);
    }
    diesel::sql_query(numbered).into_boxed()
}

pub(super) fn column<T, C>(rows: &[T], of: impl Fn(&T) -> C) -> Vec<C> {
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

/// The columns of a row, where there is none.
macro_rules! no_columns {
    () => {
        "NULL AS id, NULL AS topic, NULL AS alarm_type, NULL AS from_user_id, NULL AS target_id, NULL AS data, NULL AS url, \
         NULL AS client_id, NULL AS created_at, NULL AS expires_at"
    };
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

/// Writes the rows and the new end of the log, and commits.
pub(super) fn store(
    connection: &mut PostgresConnection,
    additions: Additions<'_>,
) -> Result<(), AppendFailure> {
    updates::append::to_server(connection, &additions.updates)?;
    connection.commit_with_next();
    added(&additions).execute(connection)?;
    Ok(())
}

/// The statement that adds the rows, with no part for requests or accounts where there are none.
fn added<'a>(additions: &'a Additions<'_>) -> Parts<'a> {
    let Additions {
        alarms,
        requests,
        accounts,
        ..
    } = additions;
    let parts = [
        Some(STORE_HEAD),
        (!requests.is_empty()).then_some(STORE_REQUESTS),
        (!accounts.is_empty()).then_some(STORE_ACCOUNTS),
        Some(STORE_ALARMS),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let now = Timestamp::now().millis();
    let mut added = statement(&parts).bind::<BigInt, _>(additions.last_id);
    if !requests.is_empty() {
        added = added
            .bind::<BigInt, _>(now)
            .bind::<Array<Text>, _>(column(requests, |new| new.publisher))
            .bind::<Array<Text>, _>(column(requests, |new| new.idempotency_key))
            .bind::<Array<Text>, _>(column(requests, |new| new.body_hash))
            .bind::<Array<BigInt>, _>(column(requests, |new| new.first_id))
            .bind::<Array<BigInt>, _>(column(requests, |new| new.alarm_count));
    }
    if !accounts.is_empty() {
        added = added
            .bind::<BigInt, _>(now)
            .bind::<Array<Text>, _>(column(accounts, |new| new.id))
            .bind::<Array<BigInt>, _>(column(accounts, |new| new.inbox_start));
    }
    added
        .bind::<Array<BigInt>, _>(column(alarms, |new| new.id))
        .bind::<Array<Text>, _>(column(alarms, |new| new.topic))
        .bind::<Array<Text>, _>(column(alarms, |new| new.alarm_type))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.from_user_id))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.target_id))
        .bind::<Array<Text>, _>(column(alarms, |new| new.data))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.url))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.client_id))
        .bind::<Array<BigInt>, _>(column(alarms, |new| new.created_at))
        .bind::<Array<Nullable<BigInt>>, _>(column(alarms, |new| new.expires_at))
}

const FIND: &str = "SELECT log_head.last_id, found.* FROM log_head LEFT JOIN (";

/// The limit inside of each `LATERAL` makes the planner look each thing up by its index, whatever it thinks of the sizes.
const FIND_REQUESTS: &str = concat!(
    "SELECT 'request' AS kind, asked.place, earlier.body_hash, alarms.* \
     FROM unnest((SELECT ?), (SELECT ?)) WITH ORDINALITY AS asked (publisher, key, place) CROSS JOIN LATERAL (\
     SELECT body_hash, first_id, alarm_count FROM idempotency_keys WHERE publisher = asked.publisher \
     AND idempotency_key = asked.key AND created_at >= ? LIMIT 1) AS earlier LEFT JOIN LATERAL (SELECT ",
    columns!(),
    " FROM alarms WHERE id >= earlier.first_id AND id < earlier.first_id + earlier.alarm_count \
     ORDER BY id LIMIT earlier.alarm_count) AS alarms ON true"
);

const FIND_MESSAGES: &str = concat!(
    "SELECT 'message' AS kind, asked.place, NULL AS body_hash, alarms.* \
     FROM unnest((SELECT ?), (SELECT ?), (SELECT ?)) WITH ORDINALITY AS asked (topic, sender, client_id, place) \
     CROSS JOIN LATERAL (SELECT ",
    columns!(),
    " FROM alarms WHERE topic = asked.topic AND from_user_id = asked.sender \
     AND client_id = asked.client_id LIMIT 1) AS alarms"
);

const FIND_USERS: &str = concat!(
    "SELECT 'user' AS kind, asked.place, NULL AS body_hash, ",
    no_columns!(),
    " FROM unnest((SELECT ?)) WITH ORDINALITY AS asked (id, place) CROSS JOIN LATERAL (\
     SELECT 1 FROM users WHERE users.id = asked.id LIMIT 1) AS there"
);

const FIND_ROOMS: &str = concat!(
    "SELECT 'room' AS kind, asked.place, NULL AS body_hash, ",
    no_columns!(),
    " FROM unnest((SELECT ?)) WITH ORDINALITY AS asked (id, place) CROSS JOIN LATERAL (\
     SELECT 1 FROM rooms WHERE rooms.id = asked.id LIMIT 1) AS there"
);

const FOUND: &str = ") AS found ON true WHERE log_head.id = 1 ORDER BY place, id";

const STORE_HEAD: &str = "WITH head AS (UPDATE log_head SET last_id = ?)";

/// A key that is there already is too old to be recognised.
const STORE_REQUESTS: &str = ", requests AS (INSERT INTO idempotency_keys \
     (created_at, publisher, idempotency_key, body_hash, first_id, alarm_count) \
     SELECT ?, publisher, key, body_hash, first_id, alarm_count \
     FROM unnest((SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?)) AS new (publisher, key, body_hash, first_id, alarm_count) \
     ON CONFLICT (publisher, idempotency_key) DO UPDATE SET body_hash = excluded.body_hash, \
     first_id = excluded.first_id, alarm_count = excluded.alarm_count, created_at = excluded.created_at)";

/// The account of a recipient is that of `users::NewAccount::named`.
const STORE_ACCOUNTS: &str = ", accounts AS (INSERT INTO users \
     (created_at, id, display_name, role, inbox_start, seen_up_to, read_up_to, tokens_valid_from) \
     SELECT ?, id, id, 'user', inbox_start, 0, 0, 0 FROM unnest((SELECT ?), (SELECT ?)) AS new (id, inbox_start))";

const STORE_ALARMS: &str = " INSERT INTO alarms \
     (id, topic, alarm_type, from_user_id, target_id, data, url, client_id, created_at, expires_at) \
     SELECT * FROM unnest((SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?), (SELECT ?))";
