//! The inbox of one user: the alarms of their topics, with the marks seen, read and deleted.

use std::collections::HashMap;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId, AlarmType, Badge, Count, Role, Timestamp, Topic, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::log::{Row, stored_topic};
use crate::store::schema::{alarms, log_head, receipts, users};
use crate::store::{Account, Read, Store, StoreError};

/// An inbox: its user, and the part of the log that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pub(super) user_id: UserId,
    /// Each topic with the id after which its alarms belong to the inbox.
    pub(super) topics: Vec<(Topic, i64)>,
}

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

/// A change of the receipt of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The user saw it in a list.
    Seen,
    /// The user read it, and so saw it.
    Read,
    /// The user marked it as unread, to come back to it.
    Unread,
    /// The user deleted it from their inbox.
    Deleted,
}

/// The marks of one user on one alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The time at which the user first saw it.
    pub seen_at: Option<Timestamp>,
    /// The time at which the user read it.
    pub read_at: Option<Timestamp>,
    /// True if the user deleted it.
    pub deleted: bool,
}

impl Inbox {
    /// Returns the inbox of an account, read with a role.
    pub(crate) fn of(account: &Account, role: Role) -> Self {
        Self::since(account.id.clone(), role, account.inbox_start)
    }

    /// Returns the inbox of a user without an account. It starts at the beginning of the log.
    pub(crate) fn of_stranger(user_id: UserId, role: Role) -> Self {
        Self::since(user_id, role, 0)
    }

    /// The inbox of a user in a role; what is for everybody belongs to it after an id.
    pub(crate) fn since(user_id: UserId, role: Role, start: i64) -> Self {
        let mut topics = vec![(Topic::user(&user_id), 0), (Topic::everyone(), start)];
        if role == Role::Admin {
            topics.push((Topic::admins(), start));
        }
        Self { user_id, topics }
    }

    /// The id after which alarms for everybody belong to it.
    pub(crate) fn start(&self) -> AlarmId {
        let starts = self.topics.iter().map(|(_topic, start)| *start);
        AlarmId(starts.max().unwrap_or_default())
    }

    /// The user that the inbox belongs to.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The topics of the inbox.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter().map(|(topic, _)| topic)
    }

    /// True if the alarm is on one of its topics but older than the account.
    pub(crate) fn predates(&self, alarm: &Alarm) -> bool {
        self.topics
            .iter()
            .any(|(topic, start)| *topic == alarm.topic && alarm.id.0 <= *start)
    }

    /// True if an alarm of a topic belongs to it.
    pub(crate) fn holds(&self, topic: &Topic, id: AlarmId) -> bool {
        self.topics
            .iter()
            .any(|(mine, start)| mine == topic && id.0 > *start)
    }
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

    /// Returns the counts of an inbox.
    pub(crate) async fn counts(&self, inbox: Inbox) -> Result<Counts, StoreError> {
        self.read(Read::Counts, move |connection| {
            counts(connection, &inbox, Timestamp::now())
        })
        .await
    }

    /// Returns the receipts of a user for the alarms after one id and up to another. An alarm without a receipt is
    /// unread.
    pub(crate) async fn receipts(
        &self,
        user_id: UserId,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<HashMap<AlarmId, Receipt>, StoreError> {
        self.read(Read::Receipts, move |connection| {
            let rows = native!(connection => receipts::table
                .filter(receipts::user_id.eq(user_id.as_str()))
                .filter(
                    receipts::alarm_id
                        .gt(after.0)
                        .and(receipts::alarm_id.le(up_to.0)),
                )
                .select((
                    receipts::alarm_id,
                    receipts::seen_at,
                    receipts::read_at,
                    receipts::deleted_at,
                ))
                .load::<(i64, Option<i64>, Option<i64>, Option<i64>)>(connection))?;
            let receipt =
                |(id, seen, read, deleted): (i64, Option<i64>, Option<i64>, Option<i64>)| {
                    let receipt = Receipt {
                        seen_at: seen.map(Timestamp::from_millis),
                        read_at: read.map(Timestamp::from_millis),
                        deleted: deleted.is_some(),
                    };
                    (AlarmId(id), receipt)
                };
            Ok(rows.into_iter().map(receipt).collect())
        })
        .await
    }
}

/// The alarms of one topic that are in the inbox of a user: not deleted and not expired.
#[auto_type(no_type_alias)]
pub(super) fn visible<'a>(user_id: &'a str, topic: &'a str, after: i64, now: i64) -> _ {
    let mine = receipts::table.on(receipts::alarm_id
        .eq(alarms::id)
        .and(receipts::user_id.eq(user_id)));
    alarms::table
        .left_join(mine)
        .filter(alarms::topic.eq(topic))
        .filter(alarms::id.gt(after))
        .filter(alarms::expires_at.is_null().or(alarms::expires_at.gt(now)))
        .filter(receipts::deleted_at.is_null())
}

/// The ids up to which every alarm of an inbox is seen, and read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Floors {
    pub(super) seen: i64,
    pub(super) read: i64,
}

impl Floors {
    /// Reads the floors of an inbox. A user without an account has none.
    pub(super) fn of(connection: &mut DbConnection, inbox: &Inbox) -> Result<Self, StoreError> {
        let floors = users::table
            .find(inbox.user_id.as_str())
            .select((users::seen_up_to, users::read_up_to))
            .get_result::<(i64, i64)>(connection)
            .optional()?;
        Ok(floors.map_or_else(Self::default, |(seen, read)| Self { seen, read }))
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

/// Counts the alarms of an inbox. The head is read first and limits the counts, so they cover exactly the alarms up to
/// it.
fn counts(
    connection: &mut DbConnection,
    inbox: &Inbox,
    now: Timestamp,
) -> Result<Counts, StoreError> {
    let user_id = inbox.user_id.as_str();
    let (head, seen, read, version) = native!(connection => log_head::table
        .left_join(users::table.on(users::id.eq(user_id)))
        .select((
            log_head::last_id,
            users::seen_up_to.nullable(),
            users::read_up_to.nullable(),
            users::marks.nullable(),
        ))
        .get_result::<(i64, Option<i64>, Option<i64>, Option<i64>)>(connection))?;
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
        version: version.unwrap_or(0),
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
