//! Retracting alarms: a mark on their rows. A retracted alarm has a negative time of expiry, whose amount is the time of the
//! retraction, so that whatever leaves out what has expired leaves it out.

use std::collections::HashSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};

use crate::alarm::{AlarmId, AlarmType, TargetId, Timestamp, Topic};
use crate::store::connection::{DbConnection, native};
use crate::store::expiry::Gone;
use crate::store::log::{lock_head, stored_topic};
use crate::store::schema::alarms;
use crate::store::users::IDS_A_QUERY;
use crate::store::{Read, Store, StoreError, signals};

/// The alarms that may be retracted together.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The thing they are about.
    pub target: TargetId,
    /// Their type.
    pub alarm_type: AlarmType,
}

/// The topics whose alarms are retracted. None of them is a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Within {
    /// This topic.
    Topic(Topic),
    /// The topics that begin with a text.
    Prefix(String),
}

/// The alarms that one call retracted.
#[derive(Debug)]
pub(crate) struct Retracted {
    /// The alarms.
    pub alarms: Vec<Gone>,
    /// True if there are others.
    pub more: bool,
}

impl Store {
    /// Retracts alarms about a thing, at most [`MOST_RETRACTED`], and leaves the change for the other hubs.
    pub(crate) async fn retract(
        &self,
        subject: Subject,
        within: Vec<Within>,
    ) -> Result<Retracted, StoreError> {
        self.write(move |connection| {
            let retracted =
                connection.transact(|connection| retract(connection, &subject, &within));
            signals::send_soon(connection);
            retracted
        })
        .await
    }

    /// The topics of alarms that another hub retracted.
    pub(crate) async fn topics_of(&self, ids: Vec<AlarmId>) -> Result<Vec<Gone>, StoreError> {
        self.read(Read::Other, move |connection| {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            let mut found = Vec::with_capacity(ids.len());
            for some in ids.chunks(IDS_A_QUERY) {
                let rows = native!(connection => alarms::table
                    .filter(alarms::id.eq_any(some))
                    .select((alarms::id, alarms::topic))
                    .load::<(i64, String)>(connection))?;
                for row in rows {
                    found.push(gone(row)?);
                }
            }
            Ok(found)
        })
        .await
    }
}

fn gone((id, topic): (i64, String)) -> Result<Gone, StoreError> {
    Ok(Gone {
        id: AlarmId(id),
        topic: stored_topic(topic)?,
    })
}

fn retract(
    connection: &mut DbConnection,
    subject: &Subject,
    within: &[Within],
) -> Result<Retracted, StoreError> {
    // On SQLite a transaction that begins with a read cannot always be upgraded.
    if matches!(connection, DbConnection::Sqlite(_)) {
        lock_head(connection)?;
    }
    let now = Timestamp::now().millis();
    let mut rows = Vec::new();
    for part in within {
        rows.extend(found(connection, subject, part, now)?);
    }
    // Two prefixes may overlap.
    rows.sort_unstable_by_key(|(id, _topic)| std::cmp::Reverse(*id));
    rows.dedup_by_key(|(id, _topic)| *id);
    let more = rows.len() > MOST_RETRACTED;
    rows.truncate(MOST_RETRACTED);
    let ids: Vec<i64> = rows.iter().map(|(id, _topic)| *id).collect();
    let mut marked = HashSet::new();
    for some in ids.chunks(IDS_A_QUERY) {
        // Another call may have retracted some of them since they were found.
        let alive = alarms::expires_at.is_null().or(alarms::expires_at.gt(now));
        let rows = alarms::table.filter(alarms::id.eq_any(some)).filter(alive);
        marked.extend(native!(connection => diesel::update(rows)
            .set(alarms::expires_at.eq(-now))
            .returning(alarms::id)
            .get_results::<i64>(connection))?);
    }
    rows.retain(|(id, _topic)| marked.contains(id));
    leave(connection, &rows)?;
    let alarms = rows.into_iter().map(gone).collect::<Result<_, _>>()?;
    Ok(Retracted { alarms, more })
}

/// Alarms about a thing within a part, one more than may be retracted. Those of many topics are in the order of an index, the newest
/// first.
fn found(
    connection: &mut DbConnection,
    subject: &Subject,
    within: &Within,
    now: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let one_more = i64::try_from(MOST_RETRACTED + 1).unwrap_or(i64::MAX);
    let alive = alarms::expires_at.is_null().or(alarms::expires_at.gt(now));
    let of_subject = || {
        alarms::table
            .filter(alarms::target_id.eq(subject.target.as_str()))
            .filter(alarms::alarm_type.eq(subject.alarm_type.as_str()))
            .filter(alive)
            .limit(one_more)
            .select((alarms::id, alarms::topic))
    };
    Ok(match within {
        Within::Topic(topic) => native!(connection => of_subject()
            .filter(alarms::topic.eq(topic.as_str()))
            .load::<(i64, String)>(connection))?,
        Within::Prefix(prefix) => {
            let letters = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
            native!(connection => of_subject()
                .filter(sql::<Bool>(MAY_BE_RETRACTED))
                .order(alarms::id.desc())
                .filter(
                    sql::<Bool>("substr(topic, 1, ")
                        .bind::<Integer, _>(letters)
                        .sql(") = ")
                        .bind::<Text, _>(prefix.as_str()),
                )
                .load::<(i64, String)>(connection))?
        }
    })
}

/// Leaves for all hubs which alarms are gone. A file has one hub, which tells its streams itself.
fn leave(connection: &mut DbConnection, rows: &[(i64, String)]) -> Result<(), StoreError> {
    let DbConnection::Postgres(connection) = connection else {
        return Ok(());
    };
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = rows.iter().map(|(id, _topic)| id.to_string()).collect();
    diesel::sql_query(LEAVE)
        .bind::<Text, _>(ids.join(" "))
        .execute(connection)?;
    Ok(())
}

/// The alarms that one call retracts: some milliseconds of the writer.
pub(super) const MOST_RETRACTED: usize = 1_000;

/// The condition of the index, in its words: both databases compare the text.
const MAY_BE_RETRACTED: &str =
    "target_id IS NOT NULL AND coalesce(expires_at, 0) >= 0 AND substr(topic, 1, 5) <> 'room:'";

const LEAVE: &str =
    "INSERT INTO unsent_signals (kind, subject, detail) VALUES ('retracted', '', $1)";
