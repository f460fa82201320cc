//! The log of alarms: its ends, and reading it back from any cursor.

use std::sync::Arc;
use std::time::Instant;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

use crate::alarm::{
    Alarm, AlarmId, AlarmType, Link, Payload, RoomId, TargetId, Timestamp, Topic, TopicFilter,
    UserId,
};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{alarms, log_head};
use crate::store::{Read, Store, StoreError};

/// Both ends of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The id of the last alarm.
    pub last_id: i64,
    /// The id up to which alarms were pruned.
    pub pruned_up_to: i64,
    /// The number of changes of accounts.
    pub(super) account_changes: i64,
}

/// One page of a replay.
#[derive(Debug, Clone)]
pub(crate) struct ReplayPage {
    /// The alarms, by id.
    pub alarms: Vec<Alarm>,
    /// Everything up to this id was looked at: the next page starts after it.
    pub read_up_to: AlarmId,
}

impl Store {
    /// Both ends of the log.
    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        let accounts = self.accounts.clone();
        self.read(Read::Head, move |connection| {
            let now = Instant::now();
            let head = head(connection)?;
            accounts.changed_so_often(head.account_changes, now);
            Ok(head)
        })
        .await
    }

    /// Both ends of the log once what is being written now is written or given up, on a database with one writer.
    pub(crate) async fn settled_head(&self) -> Result<Head, StoreError> {
        self.metrics.store_read(Read::Head.label());
        self.write(head).await
    }

    /// The next alarms after `after` and up to `up_to` that the filter lets through.
    pub(crate) async fn replay(
        &self,
        filter: Arc<TopicFilter>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<ReplayPage, StoreError> {
        let page = self
            .read(Read::Replay, move |connection| {
                replay(connection, &filter, after, up_to)
            })
            .await?;
        // Rows of another hub come this way only.
        for alarm in &page.alarms {
            self.expiry.note(alarm.expires_at);
        }
        Ok(page)
    }

    /// The messages of a room before an id, newest first.
    pub(crate) async fn messages(
        &self,
        room: &RoomId,
        before: Option<AlarmId>,
        limit: i64,
    ) -> Result<Vec<Alarm>, StoreError> {
        let topic = Topic::room(room);
        self.read(Read::Other, move |connection| {
            let now = Timestamp::now().millis();
            let rows = alarms::table
                .filter(alarms::topic.eq(topic.as_str()))
                .filter(alarms::id.lt(before.map_or(i64::MAX, |id| id.0)))
                .filter(alarms::expires_at.is_null().or(alarms::expires_at.gt(now)))
                .order(alarms::id.desc())
                .limit(limit)
                .load::<Row>(connection)?;
            rows.into_iter().map(Alarm::try_from).collect()
        })
        .await
    }

    /// The last alarms of the whole log, newest first.
    pub(crate) async fn recent(&self, limit: i64) -> Result<Vec<Alarm>, StoreError> {
        self.read(Read::Other, move |connection| {
            let now = Timestamp::now().millis();
            let rows = alarms::table
                .filter(alarms::expires_at.is_null().or(alarms::expires_at.gt(now)))
                .order(alarms::id.desc())
                .limit(limit)
                .load::<Row>(connection)?;
            rows.into_iter().map(Alarm::try_from).collect()
        })
        .await
    }
}

/// Both ends of the log, as of this transaction.
pub(super) fn head(connection: &mut DbConnection) -> Result<Head, StoreError> {
    let (last_id, pruned_up_to, account_changes) = native!(connection => log_head::table
        .select((
            log_head::last_id,
            log_head::pruned_up_to,
            log_head::account_changes,
        ))
        .get_result::<(i64, i64, i64)>(connection))?;
    Ok(Head {
        last_id,
        pruned_up_to,
        account_changes,
    })
}

/// Takes the one lock all appends share, until the commit. The no-op write is what locks: the row on PostgreSQL,
/// the file on SQLite (where a transaction that reads first could not be upgraded).
pub(super) fn lock_head(connection: &mut DbConnection) -> Result<Head, StoreError> {
    native!(connection => diesel::update(log_head::table)
        .set(log_head::last_id.eq(log_head::last_id))
        .execute(connection))?;
    head(connection)
}

/// One page. After a few windows without a row for this reader it is an empty one, so that a long way over other people's
/// alarms is many short reads, between which others have their turn.
fn replay(
    connection: &mut DbConnection,
    filter: &TopicFilter,
    after: AlarmId,
    up_to: AlarmId,
) -> Result<ReplayPage, StoreError> {
    let mut from = after.0;
    for _window in 0..WINDOWS_A_PAGE {
        let to = up_to.0.min(from.saturating_add(REPLAY_WINDOW));
        let (rows, full) = window(connection, filter, from, to)?;
        let alarms = rows.into_iter().map(Alarm::try_from);
        let alarms: Vec<Alarm> = alarms.collect::<Result<_, _>>()?;
        let last = alarms.last().map(|alarm| alarm.id);
        from = last.filter(|_last| full).map_or(to, |last| last.0);
        if last.is_some() || from >= up_to.0 {
            return Ok(ReplayPage {
                alarms,
                read_up_to: AlarmId(from),
            });
        }
    }
    Ok(ReplayPage {
        alarms: Vec::new(),
        read_up_to: AlarmId(from),
    })
}

/// The first rows of a window, as many as a page holds; tells too if the page is full.
fn window(
    connection: &mut DbConnection,
    filter: &TopicFilter,
    after: i64,
    up_to: i64,
) -> Result<(Vec<Row>, bool), StoreError> {
    let now = Timestamp::now().millis();
    let topics: Vec<&str> = filter.topics.iter().map(Topic::as_str).collect();
    let window = alarms::table
        .filter(alarms::id.gt(after).and(alarms::id.le(up_to)))
        .filter(alarms::expires_at.is_null().or(alarms::expires_at.gt(now)))
        .order(alarms::id.asc())
        .limit(REPLAY_PAGE);
    let named = alarms::topic.eq_any(topics.as_slice());
    let rooms = alarms::topic.like("room:%");
    match (filter.everything, filter.all_rooms) {
        (true, _) => {
            native!(connection => page_of(window.load_iter::<Row, DefaultLoadingMode>(connection)?))
        }
        (false, true) => native!(connection => {
            page_of(window.filter(named.or(rooms)).load_iter::<Row, DefaultLoadingMode>(connection)?)
        }),
        (false, false) => {
            native!(connection => page_of(window.filter(named).load_iter::<Row, DefaultLoadingMode>(connection)?))
        }
    }
}

/// Takes rows up to the bytes of a page, and at least one. SQLite reads no row that is not taken; PostgreSQL has sent them all,
/// so the number of rows bounds its memory.
fn page_of(rows: impl Iterator<Item = QueryResult<Row>>) -> Result<(Vec<Row>, bool), StoreError> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        bytes += row.data.len();
        page.push(row);
        if bytes >= REPLAY_BYTES {
            return Ok((page, true));
        }
    }
    let full = i64::try_from(page.len()).is_ok_and(|count| count == REPLAY_PAGE);
    Ok((page, full))
}

/// One row of the log.
#[derive(Queryable)]
pub(super) struct Row {
    id: i64,
    topic: String,
    alarm_type: String,
    from_user_id: Option<String>,
    target_id: Option<String>,
    data: String,
    url: Option<String>,
    _client_id: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl TryFrom<Row> for Alarm {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AlarmId(row.id),
            topic: stored_topic(row.topic)?,
            alarm_type: AlarmType::trusted(row.alarm_type),
            from_user_id: row.from_user_id.map(UserId::trusted),
            target_id: row.target_id.map(TargetId::trusted),
            data: Payload::trusted(row.data),
            url: row.url.map(Link::trusted),
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_millis),
            seen_at: None,
            read_at: None,
        })
    }
}

/// Reads a topic of the database. One that this version does not know is a fault of the database.
pub(super) fn stored_topic(text: String) -> Result<Topic, StoreError> {
    Topic::trusted(text).map_err(|cause| StoreError::Broken(cause.to_string()))
}

/// The rows of one page of a replay: enough to keep the database out of the way, few enough to hold for each connection.
const REPLAY_PAGE: i64 = 250;

/// The data of one page of a replay: small enough to hold for many clients at once.
const REPLAY_BYTES: usize = 256 * 1024;

/// Ids are dense, so a window of them bounds what one query sorts, whatever plan the database picks.
const REPLAY_WINDOW: i64 = 8_192;

/// A few tens of milliseconds of one reader, whatever is in the windows.
const WINDOWS_A_PAGE: usize = 4;
