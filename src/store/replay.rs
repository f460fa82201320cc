//! Reading the log back from a cursor: the alarms of a client's topics, each topic along its index, so that a page costs
//! the same however many alarms of others lie between.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::connection::DefaultLoadingMode;
use diesel::deserialize::{self, QueryableByName};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use crate::alarm::{Alarm, AlarmId, Timestamp, Topic, TopicFilter, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::inbox::receipts_between;
use crate::store::log::{self, Row, columns};
use crate::store::postgres::PostgresConnection;
use crate::store::schema::alarms;
use crate::store::{Read, Receipt, Store, StoreError};

/// One page of a replay.
#[derive(Debug, Clone)]
pub(crate) struct ReplayPage {
    /// The alarms, by id.
    pub alarms: Vec<Alarm>,
    /// The marks of the user on them.
    pub receipts: HashMap<AlarmId, Receipt>,
    /// Everything up to this id was read: the next page starts after it.
    pub read_up_to: AlarmId,
    /// The end of the log when the page was read; only where the page reads to the end of what was asked.
    pub head: Option<AlarmId>,
}

/// Ids of the log: those above the first, up to the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) after: i64,
    pub(super) up_to: i64,
}

impl Span {
    fn until(self, up_to: i64) -> Self {
        Self { up_to, ..self }
    }
}

/// The rows of a page, and the id up to which nothing else is left in the span.
pub(super) struct Found {
    rows: Vec<Row>,
    read_up_to: i64,
}

impl Store {
    /// The next alarms after `after` and up to `up_to` that the filter lets through, with the marks of a user if one is named.
    pub(crate) async fn replay(
        &self,
        filter: Arc<TopicFilter>,
        user_id: Option<UserId>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<ReplayPage, StoreError> {
        let span = Span {
            after: after.0,
            up_to: up_to.0,
        };
        let page = self
            .read(Read::Replay, move |connection| {
                let user_id = user_id.as_ref();
                connection.together(|connection| replay(connection, &filter, user_id, span))
            })
            .await?;
        self.note_expiry(&page);
        Ok(page)
    }

    /// Notes when the alarms of a page expire. Rows of another hub come this way only.
    pub(super) fn note_expiry(&self, page: &ReplayPage) {
        for alarm in &page.alarms {
            self.expiry.note(alarm.expires_at);
        }
    }
}

fn replay(
    connection: &mut DbConnection,
    filter: &TopicFilter,
    user_id: Option<&UserId>,
    span: Span,
) -> Result<ReplayPage, StoreError> {
    if let DbConnection::Postgres(connection) = connection
        && !filter.everything
    {
        return in_one_trip(connection, filter, user_id, span);
    }
    let (found, receipts) = find(connection, filter, user_id, span)?;
    let is_last = found.read_up_to == span.up_to;
    let head = is_last.then(|| log::head(connection)).transpose()?;
    found.into_page(receipts, head.map(|head| head.last_id))
}

/// The rows of a page and their marks, by several statements.
pub(super) fn find(
    connection: &mut DbConnection,
    filter: &TopicFilter,
    user_id: Option<&UserId>,
    span: Span,
) -> Result<(Found, HashMap<AlarmId, Receipt>), StoreError> {
    let found = match connection {
        DbConnection::Sqlite(connection) if !filter.everything => {
            topics_one_by_one(connection, filter, span)?
        }
        _ => whole_log(connection, span)?,
    };
    let receipts = match user_id {
        Some(user_id) if !found.rows.is_empty() => {
            receipts_between(connection, user_id, span.after, found.read_up_to)?
        }
        _ => HashMap::new(),
    };
    Ok((found, receipts))
}

impl Found {
    /// Adds the rows of a topic up to its end, and keeps the lowest of all, as many as a page holds.
    fn add(&mut self, rows: impl Iterator<Item = QueryResult<Row>>) -> Result<(), StoreError> {
        let more = page_of(rows, self.read_up_to)?;
        self.rows.extend(more.rows);
        self.rows.sort_unstable_by_key(|row| row.id);
        self.rows.dedup_by_key(|row| row.id);
        let rows = std::mem::take(&mut self.rows);
        *self = page_of(rows.into_iter().map(Ok), more.read_up_to)?;
        Ok(())
    }

    /// Rows that have expired take part in the bound of a page and are dropped here, so that a page reads few rows even where
    /// many have expired.
    pub(super) fn into_page(
        self,
        receipts: HashMap<AlarmId, Receipt>,
        head: Option<i64>,
    ) -> Result<ReplayPage, StoreError> {
        let now = Timestamp::now();
        let alarms = self.rows.into_iter().map(Alarm::try_from);
        let alive = |alarm: &Alarm| alarm.expires_at.is_none_or(|at| at > now);
        let alarms = alarms.filter(|alarm| alarm.as_ref().map_or(true, alive));
        Ok(ReplayPage {
            alarms: alarms.collect::<Result<_, _>>()?,
            receipts,
            read_up_to: AlarmId(self.read_up_to),
            head: head.map(AlarmId),
        })
    }
}

fn whole_log(connection: &mut DbConnection, span: Span) -> Result<Found, StoreError> {
    let page = alarms::table
        .filter(alarms::id.gt(span.after).and(alarms::id.le(span.up_to)))
        .order(alarms::id.asc())
        .limit(REPLAY_PAGE);
    native!(connection => page_of(page.load_iter::<Row, DefaultLoadingMode>(connection)?, span.up_to))
}

/// A topic after the other: a statement costs little within the process. The ids are found first, along the indexes, so that no
/// row is read which is not in the page.
fn topics_one_by_one(
    connection: &mut SqliteConnection,
    filter: &TopicFilter,
    span: Span,
) -> Result<Found, StoreError> {
    let mut lowest = Lowest {
        ids: Vec::new(),
        span,
    };
    let mut held = Vec::new();
    for topic in &filter.topics {
        let ids = in_order(lowest.span).filter(alarms::topic.eq(topic.as_str()));
        let ids = ids
            .select(alarms::id)
            .load_iter::<i64, DefaultLoadingMode>(connection)?;
        if lowest.add(ids)? {
            held.push(topic);
        }
    }
    let mut in_rooms = false;
    if filter.all_rooms {
        let ids = in_order(lowest.span).filter(sql::<Bool>(IS_ROOM));
        in_rooms = lowest.add(
            ids.select(alarms::id)
                .load_iter::<i64, DefaultLoadingMode>(connection)?,
        )?;
    }
    let mut found = Found {
        rows: Vec::new(),
        read_up_to: lowest.span.up_to,
    };
    for topic in held {
        let rows = in_order(span.until(found.read_up_to));
        let rows = rows.filter(alarms::topic.eq(topic.as_str()));
        found.add(rows.load_iter::<Row, DefaultLoadingMode>(connection)?)?;
    }
    if in_rooms {
        let rows = in_order(span.until(found.read_up_to)).filter(sql::<Bool>(IS_ROOM));
        found.add(rows.load_iter::<Row, DefaultLoadingMode>(connection)?)?;
    }
    Ok(found)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn in_order(span: Span) -> _ {
    let after: i64 = span.after;
    let up_to: i64 = span.up_to;
    alarms::table
        .filter(alarms::id.gt(after))
        .filter(alarms::id.le(up_to))
        .order(alarms::id.asc())
}

/// The lowest ids of several topics, as many as a page holds.
struct Lowest {
    ids: Vec<i64>,
    /// The ids that may still belong to the page.
    span: Span,
}

impl Lowest {
    /// Adds those of a topic; returns false if there were none.
    fn add(&mut self, found: impl Iterator<Item = QueryResult<i64>>) -> QueryResult<bool> {
        let page = usize::try_from(REPLAY_PAGE).unwrap_or(usize::MAX);
        let before = self.ids.len();
        for id in found.take(page) {
            self.ids.push(id?);
        }
        let some = self.ids.len() > before;
        self.ids.sort_unstable();
        self.ids.dedup();
        if self.ids.len() >= page {
            self.ids.truncate(page);
            self.span.up_to = self.ids.last().copied().unwrap_or(self.span.up_to);
        }
        Ok(some)
    }
}

/// All topics, the marks and the end of the log in one statement: each trip to a server costs more than the rows that it reads.
fn in_one_trip(
    connection: &mut PostgresConnection,
    filter: &TopicFilter,
    user_id: Option<&UserId>,
    span: Span,
) -> Result<ReplayPage, StoreError> {
    let places = Places {
        topics: "$1",
        after: "$2",
        up_to: "$3",
        limit: "$4",
        beside: "true",
        user_id: "$5",
    };
    let page = places.page(filter.all_rooms);
    let page = diesel::sql_query(format!(
        "SELECT log_head.last_id, {PAGE_COLUMNS} FROM log_head {page} WHERE log_head.id = 1 ORDER BY alarms.id"
    ));
    let page = page
        .bind::<Array<Text>, _>(names(filter))
        .bind::<BigInt, _>(span.after)
        .bind::<BigInt, _>(span.up_to)
        .bind::<BigInt, _>(REPLAY_PAGE)
        .bind::<Nullable<Text>, _>(user_id.map(UserId::as_str));
    let rows = page.load_iter::<Joined, DefaultLoadingMode>(connection)?;
    joined_page(rows, span)
}

pub(super) fn names(filter: &TopicFilter) -> Vec<&str> {
    filter.topics.iter().map(Topic::as_str).collect()
}

/// A page from its rows, which are joined with more than it needs.
pub(super) fn joined_page(
    rows: impl Iterator<Item = QueryResult<Joined>>,
    span: Span,
) -> Result<ReplayPage, StoreError> {
    let (mut receipts, mut head) = (HashMap::new(), None);
    let mut row_of = |one: Joined| {
        head = Some(one.last_id);
        let (row, receipt) = one.row?;
        receipts.extend(receipt.map(|receipt| (AlarmId(row.id), receipt)));
        Some(row)
    };
    let rows = rows.filter_map(|one| one.map(&mut row_of).transpose());
    page_of(rows, span.up_to)?.into_page(receipts, head)
}

/// One row of a page beside the end of the log; an empty page has one without an alarm.
pub(super) struct Joined {
    last_id: i64,
    row: Option<(Row, Option<Receipt>)>,
}

impl QueryableByName<Pg> for Joined {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let of = |column| NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, column);
        let receipt = |_marked| -> deserialize::Result<Receipt> {
            let (seen, read, deleted) = (of("seen_at")?, of("read_at")?, of("deleted_at")?);
            Ok(Receipt::of(seen, read, deleted))
        };
        let receipt = of("marked")?.map(receipt).transpose()?;
        let alarm = of("id")?.map(|_there| QueryableByName::build(row));
        Ok(Self {
            last_id: NamedRow::get::<BigInt, _>(row, "last_id")?,
            row: alarm.transpose()?.map(|row| (row, receipt)),
        })
    }
}

/// Takes rows up to the bytes of a page, and at least one. SQLite reads no row that is not taken; PostgreSQL has sent them all,
/// so the number of rows bounds its memory.
fn page_of(rows: impl Iterator<Item = QueryResult<Row>>, up_to: i64) -> Result<Found, StoreError> {
    let mut bytes = 0;
    let mut page = Vec::new();
    let mut read_up_to = up_to;
    for row in rows {
        let row = row?;
        let id = row.id;
        bytes += row.data.len();
        page.push(row);
        let full = i64::try_from(page.len()).is_ok_and(|count| count == REPLAY_PAGE);
        if full || bytes >= REPLAY_BYTES {
            read_up_to = id;
            break;
        }
    }
    Ok(Found {
        rows: page,
        read_up_to,
    })
}

/// The condition of the index of all rooms, in its words: both databases compare the text.
const IS_ROOM: &str = "substr(topic, 1, 5) = 'room:'";

/// The places of the values in the text of a page.
pub(super) struct Places {
    pub(super) topics: &'static str,
    pub(super) after: &'static str,
    pub(super) up_to: &'static str,
    pub(super) limit: &'static str,
    /// The condition under which a row has the page beside it.
    pub(super) beside: &'static str,
    pub(super) user_id: &'static str,
}

impl Places {
    /// The join of a page, beside a row that is there if the page is empty. The limit inside of each `LATERAL` makes the planner read
    /// each topic along its index, and each row by its key.
    pub(super) fn page(&self, all_rooms: bool) -> String {
        let Self {
            topics,
            after,
            up_to,
            limit,
            beside,
            user_id,
        } = self;
        let between = format!("id > {after} AND id <= {up_to} ORDER BY id LIMIT {limit}");
        let rooms = match all_rooms {
            true => format!(" UNION ALL (SELECT id FROM alarms WHERE {IS_ROOM} AND {between})"),
            false => String::new(),
        };
        format!(
            "LEFT JOIN LATERAL (SELECT DISTINCT id FROM (\
             SELECT mine.id FROM unnest((SELECT {topics})) AS wanted (topic) CROSS JOIN LATERAL (\
             SELECT id FROM alarms WHERE alarms.topic = wanted.topic AND {between}) AS mine{rooms}\
             ) AS every WHERE {beside} ORDER BY id LIMIT {limit}) AS page ON true LEFT JOIN LATERAL (SELECT {columns} \
             FROM alarms WHERE alarms.id = page.id LIMIT 1) AS alarms ON true LEFT JOIN LATERAL (\
             SELECT alarm_id, seen_at, read_at, deleted_at FROM receipts WHERE user_id = {user_id} AND alarm_id = page.id LIMIT 1\
             ) AS marks ON true",
            columns = columns!(),
        )
    }
}

/// The columns of a page beside those of the row it is joined to.
pub(super) const PAGE_COLUMNS: &str =
    "marks.alarm_id AS marked, marks.seen_at, marks.read_at, marks.deleted_at, alarms.*";

/// The rows of one page of a replay: enough to keep the database out of the way, few enough to hold for each connection.
pub(super) const REPLAY_PAGE: i64 = 250;

/// The data of one page of a replay: small enough to hold for many clients at once.
const REPLAY_BYTES: usize = 256 * 1024;
