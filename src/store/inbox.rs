//! One user's reading of the log: his topics, with what he saw, read and deleted.

use std::collections::HashMap;

use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId, AlarmType, Role, TargetId, Timestamp, Topic, UserId};
use crate::store::connection::{DbConnection, on_either};
use crate::store::log::{self, Row};
use crate::store::schema::{alarms, receipts};
use crate::store::{Account, Store, StoreError};

/// Whose inbox, and which part of the log it is.
#[derive(Debug, Clone)]
pub struct Inbox {
    user_id: UserId,
    /// Each topic with the id after which its alarms belong to the inbox.
    topics: Vec<(Topic, i64)>,
}

/// How many alarms of an inbox are new, as of one position of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Not seen yet: the badge.
    pub unseen: i64,
    /// Not read yet.
    pub unread: i64,
    /// The last id these figures cover.
    pub head: AlarmId,
}

/// One page of an inbox.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest first.
    pub items: Vec<Alarm>,
    /// The `before` of the next page, if there is one.
    pub next: Option<AlarmId>,
}

/// Which alarms a listing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Only those not read yet.
    pub unread_only: bool,
    /// Only those of one type.
    pub alarm_type: Option<AlarmType>,
}

/// A change of what a user did with his alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// He saw it in a list.
    Seen,
    /// He read it, and so saw it.
    Read,
    /// He wants to come back to it.
    Unread,
    /// He does not want it in his inbox.
    Deleted,
}

/// What a user did with one alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// When he saw it.
    pub seen_at: Option<Timestamp>,
    /// When he read it.
    pub read_at: Option<Timestamp>,
    /// Whether he deleted it.
    pub deleted: bool,
}

impl Inbox {
    /// The inbox of an account, read in a role.
    pub fn of(account: &Account, role: Role) -> Self {
        Self::since(account.id.clone(), role, account.inbox_start)
    }

    /// The inbox of somebody without an account: nothing is older than him.
    pub fn of_stranger(user_id: UserId, role: Role) -> Self {
        Self::since(user_id, role, 0)
    }

    fn since(user_id: UserId, role: Role, start: i64) -> Self {
        let mut topics = vec![(Topic::user(&user_id), 0), (Topic::everyone(), start)];
        if role == Role::Admin {
            topics.push((Topic::admins(), start));
        }
        Self { user_id, topics }
    }

    /// Whose it is.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The topics it reads.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter().map(|(topic, _)| topic)
    }

    /// Whether an alarm of one of its topics is old enough to belong to somebody else's time.
    pub fn predates(&self, alarm: &Alarm) -> bool {
        self.topics
            .iter()
            .any(|(topic, start)| *topic == alarm.topic && alarm.id.0 <= *start)
    }

    fn holds(&self, topic: &Topic, id: AlarmId) -> bool {
        self.topics
            .iter()
            .any(|(mine, start)| mine == topic && id.0 > *start)
    }
}

impl Store {
    /// One page of an inbox, newest first, of alarms before an id.
    pub async fn inbox_page(
        &self,
        inbox: Inbox,
        before: Option<AlarmId>,
        limit: usize,
        status: Status,
    ) -> Result<Page, StoreError> {
        self.read(move |connection| page(connection, &inbox, before, limit, &status))
            .await
    }

    /// The figures of an inbox.
    pub async fn counts(&self, inbox: Inbox) -> Result<Counts, StoreError> {
        self.read(move |connection| counts(connection, &inbox))
            .await
    }

    /// One alarm of an inbox; `None` if it is absent, expired, deleted or somebody else's.
    pub async fn inbox_alarm(
        &self,
        inbox: Inbox,
        id: AlarmId,
    ) -> Result<Option<Alarm>, StoreError> {
        self.read(move |connection| one(connection, &inbox, id))
            .await
    }

    /// Marks one alarm of an inbox; `None` if it is not there.
    pub async fn mark(
        &self,
        inbox: Inbox,
        id: AlarmId,
        mark: Mark,
    ) -> Result<Option<Alarm>, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                log::take_write_lock(connection)?;
                let Some(mut alarm) = one(connection, &inbox, id)? else {
                    return Ok(None);
                };
                let now = Timestamp::now();
                apply(connection, &inbox, &[id.0], mark, now)?;
                if mark != Mark::Deleted {
                    alarm.seen_at = alarm.seen_at.or(Some(now));
                    alarm.read_at = (mark == Mark::Read).then(|| alarm.read_at.unwrap_or(now));
                }
                Ok(Some(alarm))
            })
        })
        .await
    }

    /// Marks all alarms of an inbox up to an id, in batches that let publishers in between.
    pub async fn mark_up_to(
        &self,
        inbox: Inbox,
        up_to: AlarmId,
        mark: Mark,
    ) -> Result<(), StoreError> {
        loop {
            let inbox = inbox.clone();
            let work = move |connection: &mut DbConnection| {
                connection.transact(|connection| {
                    log::take_write_lock(connection)?;
                    let ids = unmarked(connection, &inbox, up_to, mark)?;
                    apply(connection, &inbox, &ids, mark, Timestamp::now())?;
                    Ok(ids.len())
                })
            };
            if self.write(work).await? < MARK_BATCH {
                return Ok(());
            }
        }
    }

    /// Deletes all alarms of an inbox about one target and of one type; returns their ids.
    pub async fn delete_pair(
        &self,
        inbox: Inbox,
        target: TargetId,
        alarm_type: AlarmType,
    ) -> Result<Vec<AlarmId>, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                log::take_write_lock(connection)?;
                let now = Timestamp::now();
                let mut ids = Vec::new();
                for (topic, start) in &inbox.topics {
                    let found =
                        visible(inbox.user_id.as_str(), topic.as_str(), *start, now.millis())
                            .filter(alarms::target_id.eq(target.as_str()))
                            .filter(alarms::alarm_type.eq(alarm_type.as_str()))
                            .select(alarms::id)
                            .load::<i64>(connection)?;
                    ids.extend(found);
                }
                apply(connection, &inbox, &ids, Mark::Deleted, now)?;
                Ok(ids.into_iter().map(AlarmId).collect())
            })
        })
        .await
    }

    /// What a user did with the alarms after one id and up to another; those without an entry are new to him.
    pub async fn receipts(
        &self,
        user_id: UserId,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<HashMap<AlarmId, Receipt>, StoreError> {
        self.read(move |connection| {
            let rows = receipts::table
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
                .load::<(i64, Option<i64>, Option<i64>, Option<i64>)>(connection)?;
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

/// The alarms of one topic that a user still has in his inbox.
#[auto_type(no_type_alias)]
fn visible<'a>(user_id: &'a str, topic: &'a str, after: i64, now: i64) -> _ {
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

type Read = (Row, Option<i64>, Option<i64>);

fn alarm_of((row, seen_at, read_at): Read) -> Alarm {
    Alarm {
        seen_at: seen_at.map(Timestamp::from_millis),
        read_at: read_at.map(Timestamp::from_millis),
        ..Alarm::from(row)
    }
}

/// Each topic is read along its index and the few lists merged: no plan sorts a long history for one page.
fn page(
    connection: &mut DbConnection,
    inbox: &Inbox,
    before: Option<AlarmId>,
    limit: usize,
    status: &Status,
) -> Result<Page, StoreError> {
    let now = Timestamp::now().millis();
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
            query = query.filter(receipts::read_at.is_null());
        }
        if let Some(alarm_type) = &status.alarm_type {
            query = query.filter(alarms::alarm_type.eq(alarm_type.as_str()));
        }
        items.extend(query.load::<Read>(connection)?.into_iter().map(alarm_of));
    }
    items.sort_unstable_by_key(|alarm| std::cmp::Reverse(alarm.id));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_last| more).map(|last| last.id);
    Ok(Page { items, next })
}

/// The head is read first and bounds the figures, so they cover exactly the alarms up to it.
fn counts(connection: &mut DbConnection, inbox: &Inbox) -> Result<Counts, StoreError> {
    let head = log::head(connection)?.last_id;
    let now = Timestamp::now().millis();
    let mut counts = Counts {
        unseen: 0,
        unread: 0,
        head: AlarmId(head),
    };
    for (topic, start) in &inbox.topics {
        let covered = || {
            visible(inbox.user_id.as_str(), topic.as_str(), *start, now)
                .filter(alarms::id.le(head))
                .select(alarms::id)
        };
        counts.unseen += covered()
            .filter(receipts::seen_at.is_null())
            .count()
            .get_result::<i64>(connection)?;
        counts.unread += covered()
            .filter(receipts::read_at.is_null())
            .count()
            .get_result::<i64>(connection)?;
    }
    Ok(counts)
}

fn one(
    connection: &mut DbConnection,
    inbox: &Inbox,
    id: AlarmId,
) -> Result<Option<Alarm>, StoreError> {
    let topic = alarms::table
        .find(id.0)
        .select(alarms::topic)
        .first::<String>(connection)
        .optional()?;
    let Some(topic) = topic
        .map(Topic::trusted)
        .filter(|topic| inbox.holds(topic, id))
    else {
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
    .first::<Read>(connection)
    .optional()?;
    Ok(row.map(alarm_of))
}

/// Up to a batch of the alarms a mark would change.
fn unmarked(
    connection: &mut DbConnection,
    inbox: &Inbox,
    up_to: AlarmId,
    mark: Mark,
) -> Result<Vec<i64>, StoreError> {
    let now = Timestamp::now().millis();
    let mut ids = Vec::new();
    for (topic, start) in &inbox.topics {
        let room_left = i64::try_from(MARK_BATCH - ids.len()).unwrap_or(0);
        let candidates = visible(inbox.user_id.as_str(), topic.as_str(), *start, now)
            .filter(alarms::id.le(up_to.0))
            .order(alarms::id.asc())
            .limit(room_left)
            .select(alarms::id);
        let found = match mark {
            Mark::Seen => candidates
                .filter(receipts::seen_at.is_null())
                .load::<i64>(connection)?,
            Mark::Read => candidates
                .filter(receipts::read_at.is_null())
                .load::<i64>(connection)?,
            Mark::Unread => candidates
                .filter(receipts::read_at.is_not_null())
                .load::<i64>(connection)?,
            Mark::Deleted => candidates.load::<i64>(connection)?,
        };
        ids.extend(found);
    }
    Ok(ids)
}

/// Changes the receipts that are there and adds those that are not.
fn apply(
    connection: &mut DbConnection,
    inbox: &Inbox,
    ids: &[i64],
    mark: Mark,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (user_id, now) = (inbox.user_id.as_str(), now.millis());
    for some in ids.chunks(MARK_BATCH) {
        let mine = || {
            receipts::table
                .filter(receipts::user_id.eq(user_id))
                .filter(receipts::alarm_id.eq_any(some))
        };
        let known = mine().select(receipts::alarm_id).load::<i64>(connection)?;
        let unseen = mine().filter(receipts::seen_at.is_null());
        diesel::update(unseen)
            .set(receipts::seen_at.eq(now))
            .execute(connection)?;
        match mark {
            Mark::Seen => 0,
            Mark::Read => {
                let unread = mine().filter(receipts::read_at.is_null());
                diesel::update(unread)
                    .set(receipts::read_at.eq(now))
                    .execute(connection)?
            }
            Mark::Unread => diesel::update(mine())
                .set(receipts::read_at.eq(None::<i64>))
                .execute(connection)?,
            Mark::Deleted => diesel::update(mine())
                .set(receipts::deleted_at.eq(now))
                .execute(connection)?,
        };
        let rows: Vec<NewReceipt<'_>> = some
            .iter()
            .filter(|id| !known.contains(id))
            .map(|id| NewReceipt {
                user_id,
                alarm_id: *id,
                seen_at: Some(now),
                read_at: (mark == Mark::Read).then_some(now),
                deleted_at: (mark == Mark::Deleted).then_some(now),
            })
            .collect();
        on_either!(connection, inner => diesel::insert_into(receipts::table).values(&rows).execute(inner))?;
    }
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = receipts, treat_none_as_default_value = false)]
struct NewReceipt<'a> {
    user_id: &'a str,
    alarm_id: i64,
    seen_at: Option<i64>,
    read_at: Option<i64>,
    deleted_at: Option<i64>,
}

/// How many alarms one transaction marks: a few milliseconds of the writer.
const MARK_BATCH: usize = 500;
