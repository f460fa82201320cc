//! The list of an inbox, page by page.

use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId, AlarmType, Timestamp};
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
    let moment = Timestamp::now();
    let counts = counts(connection, inbox, moment)?;
    let now = moment.millis();
    let floors = if status.unread_only {
        Floors::of(connection, inbox)?
    } else {
        Floors::default()
    };
    let before = before.map_or(i64::MAX, |id| id.0);
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut items = Vec::new();
    for (topic, start) in &inbox.topics {
        let mut query = visible(inbox.user_id.as_str(), topic.as_str(), *start, now)
            .filter(alarms::id.lt(before))
            .order(alarms::id.desc())
            .limit(one_more)
            .select((
                alarms::all_columns,
                receipts::seen_at.nullable(),
                receipts::read_at.nullable(),
            ))
            .into_boxed();
        if status.unread_only {
            query = query
                .filter(alarms::id.gt(floors.read))
                .filter(receipts::read_at.is_null());
        }
        if !status.alarm_types.is_empty() {
            let types = status.alarm_types.iter().map(AlarmType::as_str);
            query = query.filter(alarms::alarm_type.eq_any(types));
        }
        for row in query.load::<Shown>(connection)? {
            items.push(alarm_of(row)?);
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
