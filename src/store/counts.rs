//! The numbers of unseen and unread alarms of an inbox. They are exact up to a bound, so that counting costs the same however
//! many there are.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

use crate::alarm::{AlarmId, Badge, Count, Timestamp};
use crate::store::connection::{DbConnection, native};
use crate::store::inbox::{Inbox, visible};
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
        self.read(Read::Counts, move |connection| {
            counts(connection, &inbox, Timestamp::now())
        })
        .await
    }
}

/// Counts the alarms of an inbox. The head is read first and limits the counts, so they cover exactly the alarms up to
/// it.
pub(super) fn counts(
    connection: &mut DbConnection,
    inbox: &Inbox,
    now: Timestamp,
) -> Result<Counts, StoreError> {
    let user_id = inbox.user_id.as_str();
    let (head, base, seen, read, marks) = native!(connection => log_head::table
        .left_join(users::table.on(users::id.eq(user_id)))
        .select((
            log_head::last_id,
            log_head::marks_base,
            users::seen_up_to.nullable(),
            users::read_up_to.nullable(),
            users::marks.nullable(),
        ))
        .get_result::<(i64, i64, Option<i64>, Option<i64>, Option<i64>)>(connection))?;
    let (mut unseen, mut unread) = (0, 0);
    for (topic, start) in &inbox.topics {
        let mut part = Part {
            user_id,
            topic: topic.as_str(),
            seen: seen.unwrap_or(0).max(*start),
            read: read.unwrap_or(0).max(*start),
            head,
            now: now.millis(),
        };
        let left = part.left(connection)?;
        unread += part.unread(&left);
        if is_full(&left) {
            // Older ones may be unseen, too.
            part.read = i64::MAX;
            unseen += part.unseen(&part.left(connection)?);
        } else {
            unseen += part.unseen(&left);
        }
    }
    Ok(Counts {
        badge: Badge {
            unseen: Count::of(unseen),
            unread: Count::of(unread),
        },
        head: AlarmId(head),
        version: marks.map_or(0, |marks| base + marks),
    })
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
    /// The newest alarms that are unseen or unread, one more than are counted: what is counted costs the same however many
    /// there are.
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
        let most = Count::MOST + 1;
        let rows = match connection {
            DbConnection::Postgres(connection) => left.limit(most).load(connection)?,
            // SQLite prepares a statement with a bound LIMIT anew for each use, and reads a row only when it is taken.
            DbConnection::Sqlite(connection) => left
                .load_iter::<Left, DefaultLoadingMode>(connection)?
                .take(usize::try_from(most).unwrap_or(usize::MAX))
                .collect::<Result<_, _>>()?,
        };
        Ok(rows)
    }

    fn unseen(&self, left: &[Left]) -> i64 {
        count_of(left, |(id, seen, _)| *id > self.seen && seen.is_none())
    }

    fn unread(&self, left: &[Left]) -> i64 {
        count_of(left, |(id, _, read)| *id > self.read && read.is_none())
    }
}

fn is_full(left: &[Left]) -> bool {
    count_of(left, |_| true) > Count::MOST
}

fn count_of(left: &[Left], belongs: impl Fn(&Left) -> bool) -> i64 {
    let count = left.iter().filter(|row| belongs(row)).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}
