//! The list of an inbox, page by page.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::alarm::{Alarm, AlarmId, AlarmType, Timestamp, Topic};
use crate::store::connection::{DbConnection, native};
use crate::store::counts::{Counts, counts};
use crate::store::inbox::{Floors, Inbox, visible};
use crate::store::log::{Row, stored_topic};
use crate::store::schema::{alarms, receipts};
use crate::store::{Read, Store, StoreError};

/// One page of an inbox.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The alarms, newest first.
    pub items: Vec<Alarm>,
    /// The `before` of the next page, if there is one.
    pub next: Option<AlarmId>,
    /// The counts of the whole inbox. They are read before the page, so a stream that resumes after their head misses
    /// no alarm that the page does not show.
    pub counts: Counts,
}

/// The filter of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// True for unread alarms only.
    pub unread_only: bool,
    /// The only types that are listed; none means all.
    pub alarm_types: Vec<AlarmType>,
}

impl Store {
    /// Returns one page of an inbox, newest first, with the alarms before an id.
    pub(crate) async fn inbox_page(
        &self,
        inbox: Inbox,
        before: Option<AlarmId>,
        limit: usize,
        status: Status,
    ) -> Result<Page, StoreError> {
        self.read(Read::Inbox, move |connection| {
            page(connection, &inbox, before, limit, &status)
        })
        .await
    }
}

impl Store {
    /// Returns one alarm of an inbox, if it is there.
    pub(crate) async fn inbox_alarm(
        &self,
        inbox: Inbox,
        id: AlarmId,
    ) -> Result<Option<Alarm>, StoreError> {
        self.read(Read::Inbox, move |connection| one(connection, &inbox, id))
            .await
    }
}

type Shown = (Row, Option<i64>, Option<i64>);

fn alarm_of((row, seen_at, read_at): Shown) -> Result<Alarm, StoreError> {
    Ok(Alarm {
        seen_at: seen_at.map(Timestamp::from_millis),
        read_at: read_at.map(Timestamp::from_millis),
        ..Alarm::try_from(row)?
    })
}

/// Reads one page. Each topic is read along its index and the results are merged, so no query plan sorts a long history
/// for one page.
fn page(
    connection: &mut DbConnection,
    inbox: &Inbox,
    before: Option<AlarmId>,
    limit: usize,
    status: &Status,
) -> Result<Page, StoreError> {
    let now = Timestamp::now();
    let (counts, _head) = counts(connection, inbox, now)?;
    let read_floor = match status.unread_only {
        true => Some(Floors::of(connection, inbox)?.read),
        false => None,
    };
    let part = Part {
        before: before.map_or(i64::MAX, |id| id.0),
        most: i64::try_from(limit + 1).unwrap_or(i64::MAX),
        now: now.millis(),
        read_floor,
    };
    let mut types: Vec<&str> = status.alarm_types.iter().map(AlarmType::as_str).collect();
    types.sort_unstable();
    types.dedup();
    // The index has the alarms of one type in order. A file is asked for each; a server, to which each question is a round trip,
    // for all of them.
    let types: Vec<&[&str]> = match types.as_slice() {
        some @ [_first, ..] if is_file(connection) => some.chunks(1).collect(),
        all => Vec::from([all]),
    };
    let mut items = Vec::new();
    for topic in &inbox.topics {
        for types in &types {
            items.extend(newest(connection, (inbox, topic), types, &part)?);
        }
    }
    items.sort_unstable_by_key(|alarm| std::cmp::Reverse(alarm.id));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_last| more).map(|last| last.id);
    Ok(Page {
        items,
        next,
        counts,
    })
}

/// The part of an inbox that a page is made of.
struct Part {
    before: i64,
    most: i64,
    now: i64,
    /// The id up to which all alarms are read, if only the unread are wanted.
    read_floor: Option<i64>,
}

/// The newest alarms of one topic, of any of the types if there are some.
fn newest(
    connection: &mut DbConnection,
    (inbox, (topic, start)): (&Inbox, &(Topic, i64)),
    types: &[&str],
    part: &Part,
) -> Result<Vec<Alarm>, StoreError> {
    let mut query = visible(inbox.user_id.as_str(), topic.as_str(), *start, part.now)
        .filter(alarms::id.lt(part.before))
        .order(alarms::id.desc())
        .limit(part.most)
        .select((
            alarms::all_columns,
            receipts::seen_at.nullable(),
            receipts::read_at.nullable(),
        ))
        .into_boxed();
    if let Some(floor) = part.read_floor {
        query = query
            .filter(alarms::id.gt(floor))
            .filter(receipts::read_at.is_null());
    }
    query = match types {
        [] => query,
        // Without a word about it SQLite reads the whole topic.
        [one] if is_file(connection) => query.filter(unlikely(alarms::alarm_type.eq(*one))),
        some => query.filter(alarms::alarm_type.eq_any(some.iter().copied())),
    };
    let rows = query.load::<Shown>(connection)?;
    rows.into_iter().map(alarm_of).collect()
}

fn is_file(connection: &DbConnection) -> bool {
    matches!(connection, DbConnection::Sqlite(_))
}

/// SQLite's word for a condition that few rows meet: the index that serves it is the best one.
#[diesel::declare_sql_function]
extern "SQL" {
    fn unlikely(condition: Bool) -> Bool;
}

pub(super) fn one(
    connection: &mut DbConnection,
    inbox: &Inbox,
    id: AlarmId,
) -> Result<Option<Alarm>, StoreError> {
    let topic = native!(connection => alarms::table
        .find(id.0)
        .select(alarms::topic)
        .get_result::<String>(connection))
    .optional()?;
    let topic = topic.map(stored_topic).transpose()?;
    let Some(topic) = topic.filter(|topic| inbox.holds(topic, id)) else {
        return Ok(None);
    };
    let row = visible(
        inbox.user_id.as_str(),
        topic.as_str(),
        0,
        Timestamp::now().millis(),
    )
    .filter(alarms::id.eq(id.0))
    .select((
        alarms::all_columns,
        receipts::seen_at.nullable(),
        receipts::read_at.nullable(),
    ))
    .get_result::<Shown>(connection)
    .optional()?;
    row.map(alarm_of).transpose()
}
