//! The numbers of unseen and unread alarms of an inbox. They are exact up to a bound, so that counting costs the same however
//! many there are.

use std::time::Instant;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::alarm::{AlarmId, Badge, Count, Timestamp};
use crate::store::connection::{DbConnection, native};
use crate::store::inbox::{Inbox, visible};
use crate::store::log::Head;
use crate::store::postgres::PostgresConnection;
use crate::store::schema::{alarms, log_head, receipts, users};
use crate::store::{Read, Store, StoreError};

/// The numbers of unseen and unread alarms of an inbox, as of one position of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The numbers of unseen and unread alarms.
    pub badge: Badge,
    /// The last id that the counts cover.
    pub head: AlarmId,
    /// The number of changes of the user's marks that they cover.
    pub version: i64,
}

impl Store {
    /// Returns the counts of an inbox.
    pub(crate) async fn counts(&self, inbox: Inbox) -> Result<Counts, StoreError> {
        let (counts, _head) = self.counts_and_head(inbox).await?;
        Ok(counts)
    }

    /// Returns the counts of an inbox, and both ends of the log that they were read with.
    pub(crate) async fn counts_and_head(&self, inbox: Inbox) -> Result<(Counts, Head), StoreError> {
        let follow = self.follow_accounts();
        self.read(Read::Counts, move |connection| {
            let began = Instant::now();
            let (counts, head) =
                connection.together(|connection| counts(connection, &inbox, Timestamp::now()))?;
            follow(head.account_changes, began);
            Ok((counts, head))
        })
        .await
    }
}

/// Counts the alarms of an inbox. The head is read first, or in the same statement, and limits the counts, so they cover exactly
/// the alarms up to it.
pub(super) fn counts(
    connection: &mut DbConnection,
    inbox: &Inbox,
    now: Timestamp,
) -> Result<(Counts, Head), StoreError> {
    let counted = match connection {
        DbConnection::Postgres(connection) => in_one_trip(connection, inbox, now)?,
        DbConnection::Sqlite(_) => topic_by_topic(connection, inbox, now)?,
    };
    sum(connection, inbox, &counted, now)
}

/// The counts of an inbox from those of its topics.
pub(super) fn sum(
    connection: &mut DbConnection,
    inbox: &Inbox,
    counted: &[Counted],
    now: Timestamp,
) -> Result<(Counts, Head), StoreError> {
    let (mut unseen, mut unread) = (0, 0);
    for ((topic, _start), one) in inbox.topics.iter().zip(counted) {
        unread += one.unread;
        unseen += if one.left_over < MOST_ROWS {
            one.unseen
        } else {
            // Older ones may be unseen, too.
            let part = Part {
                user_id: inbox.user_id.as_str(),
                topic: topic.as_str(),
                seen: one.seen_up_to,
                read: i64::MAX,
                head: one.last_id,
                now: now.millis(),
            };
            count_of(&part.left(connection)?, |_| true)
        };
    }
    let first = counted.first().ok_or(DieselError::NotFound)?;
    let counts = Counts {
        badge: Badge {
            unseen: Count::of(unseen),
            unread: Count::of(unread),
        },
        head: AlarmId(first.last_id),
        version: first.version.unwrap_or(0),
    };
    let head = Head {
        last_id: first.last_id,
        pruned_up_to: first.pruned_up_to,
        account_changes: first.account_changes,
    };
    Ok((counts, head))
}

/// The counts of one topic, and what all topics share.
#[derive(QueryableByName)]
pub(super) struct Counted {
    /// The end of the log.
    #[diesel(sql_type = BigInt)]
    pub(super) last_id: i64,
    #[diesel(sql_type = BigInt)]
    pruned_up_to: i64,
    #[diesel(sql_type = BigInt)]
    account_changes: i64,
    /// The number of changes of the user's marks, if there is an account.
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    /// The alarms up to this id are seen.
    #[diesel(sql_type = BigInt)]
    seen_up_to: i64,
    /// The alarms that are unseen or unread, at most [`MOST_ROWS`].
    #[diesel(sql_type = BigInt)]
    left_over: i64,
    #[diesel(sql_type = BigInt)]
    unseen: i64,
    #[diesel(sql_type = BigInt)]
    unread: i64,
}

/// All topics in one statement: each trip to a server costs more than the rows that it reads.
fn in_one_trip(
    connection: &mut PostgresConnection,
    inbox: &Inbox,
    now: Timestamp,
) -> Result<Vec<Counted>, StoreError> {
    let (topics, starts) = topics_of(inbox);
    Ok(diesel::sql_query(format!("{COUNT} ORDER BY asked.place"))
        .bind::<Text, _>(inbox.user_id.as_str())
        .bind::<Array<Text>, _>(topics)
        .bind::<Array<BigInt>, _>(starts)
        .bind::<BigInt, _>(now.millis())
        .bind::<BigInt, _>(MOST_ROWS)
        .load(connection)?)
}

/// The topics of an inbox, and the ids after which its part of them begins.
pub(super) fn topics_of(inbox: &Inbox) -> (Vec<&str>, Vec<i64>) {
    let topics = inbox.topics.iter();
    topics
        .map(|(topic, start)| (topic.as_str(), *start))
        .unzip()
}

/// A statement for each topic: one costs little within the process.
fn topic_by_topic(
    connection: &mut DbConnection,
    inbox: &Inbox,
    now: Timestamp,
) -> Result<Vec<Counted>, StoreError> {
    let user_id = inbox.user_id.as_str();
    let ((head, pruned, changes, base), mine) = native!(connection => log_head::table
        .left_join(users::table.on(users::id.eq(user_id)))
        .select((
            (
                log_head::last_id,
                log_head::pruned_up_to,
                log_head::account_changes,
                log_head::marks_base,
            ),
            (users::seen_up_to, users::read_up_to, users::marks).nullable(),
        ))
        .get_result::<((i64, i64, i64, i64), Option<(i64, i64, i64)>)>(connection))?;
    let (seen, read, marks) = mine.map_or((0, 0, None), |(seen, read, marks)| {
        (seen, read, Some(marks))
    });
    let mut counted = Vec::with_capacity(inbox.topics.len());
    for (topic, start) in &inbox.topics {
        let part = Part {
            user_id,
            topic: topic.as_str(),
            seen: seen.max(*start),
            read: read.max(*start),
            head,
            now: now.millis(),
        };
        let left = part.left(connection)?;
        counted.push(Counted {
            last_id: head,
            pruned_up_to: pruned,
            account_changes: changes,
            version: marks.map(|marks| base + marks),
            seen_up_to: part.seen,
            left_over: count_of(&left, |_| true),
            unseen: count_of(&left, |(id, seen, _)| *id > part.seen && seen.is_none()),
            unread: count_of(&left, |(id, _, read)| *id > part.read && read.is_none()),
        });
    }
    Ok(counted)
}

/// The part of an inbox that has one topic, and its floors.
struct Part<'a> {
    user_id: &'a str,
    topic: &'a str,
    seen: i64,
    read: i64,
    head: i64,
    now: i64,
}

/// An id, and its times of being seen and read.
type Left = (i64, Option<i64>, Option<i64>);

impl Part<'_> {
    /// The newest alarms that are unseen or unread, at most [`MOST_ROWS`].
    fn left(&self, connection: &mut DbConnection) -> Result<Vec<Left>, StoreError> {
        let floor = self.seen.min(self.read);
        let unseen = alarms::id.gt(self.seen).and(receipts::seen_at.is_null());
        let unread = alarms::id.gt(self.read).and(receipts::read_at.is_null());
        let left = visible(self.user_id, self.topic, floor, self.now)
            .filter(alarms::id.le(self.head))
            .filter(unseen.or(unread))
            .order(alarms::id.desc())
            .select((
                alarms::id,
                receipts::seen_at.nullable(),
                receipts::read_at.nullable(),
            ));
        let rows = match connection {
            DbConnection::Postgres(connection) => left.limit(MOST_ROWS).load(connection)?,
            // SQLite prepares a statement with a bound LIMIT anew for each use, and reads a row only when it is taken.
            DbConnection::Sqlite(connection) => left
                .load_iter::<Left, DefaultLoadingMode>(connection)?
                .take(usize::try_from(MOST_ROWS).unwrap_or(usize::MAX))
                .collect::<Result<_, _>>()?,
        };
        Ok(rows)
    }
}

fn count_of(left: &[Left], belongs: impl Fn(&Left) -> bool) -> i64 {
    let count = left.iter().filter(|row| belongs(row)).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One more than are counted: what is counted costs the same however many there are.
pub(super) const MOST_ROWS: i64 = Count::MOST + 1;

/// The limit inside of each `LATERAL` makes the planner read along the index of topics, and each receipt by its key.
pub(super) const COUNT: &str = "SELECT asked.place, head.last_id, head.pruned_up_to, head.account_changes, \
     head.marks_base + mine.marks AS version, floors.seen AS seen_up_to, counted.* \
     FROM log_head AS head LEFT JOIN users AS mine ON mine.id = $1 \
     CROSS JOIN unnest((SELECT $2), (SELECT $3)) WITH ORDINALITY AS asked (topic, start, place) \
     CROSS JOIN LATERAL (SELECT greatest(mine.seen_up_to, asked.start) AS seen, \
     greatest(mine.read_up_to, asked.start) AS read) AS floors \
     CROSS JOIN LATERAL (SELECT count(*) AS left_over, \
     count(*) FILTER (WHERE id > floors.seen AND seen_at IS NULL) AS unseen, \
     count(*) FILTER (WHERE id > floors.read AND read_at IS NULL) AS unread \
     FROM (SELECT alarms.id, receipt.seen_at, receipt.read_at FROM alarms LEFT JOIN LATERAL (\
     SELECT seen_at, read_at, deleted_at FROM receipts WHERE user_id = $1 AND alarm_id = alarms.id LIMIT 1) AS receipt ON true \
     WHERE alarms.topic = asked.topic AND alarms.id > least(floors.seen, floors.read) AND alarms.id <= head.last_id \
     AND (alarms.expires_at IS NULL OR alarms.expires_at > $4) AND receipt.deleted_at IS NULL \
     AND (alarms.id > floors.seen AND receipt.seen_at IS NULL OR alarms.id > floors.read AND receipt.read_at IS NULL) \
     ORDER BY alarms.id DESC LIMIT $5) AS rest) AS counted WHERE head.id = 1";
