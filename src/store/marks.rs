//! Changes of the marks seen, read and deleted: a receipt for each alarm, and a floor up to which every alarm is
//! marked. Each change has a version of its inbox; on a shared database it is told to all hubs after its commit.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, AlarmId, AlarmType, TargetId, Timestamp};
use crate::store::connection::{DbConnection, native};
use crate::store::inbox::{Floors, Inbox, Mark, visible};
use crate::store::listing::one;
use crate::store::log;
use crate::store::schema::{alarms, receipts, users};
use crate::store::{Read, Store, StoreError, signals};

/// A change of an inbox, as a `state` event carries it. Without ids and without `up_to` it stands for any change.
#[derive(utoipa::ToSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// These alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ids: Option<Vec<AlarmId>>,
    /// All alarms up to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub up_to: Option<AlarmId>,
    /// They were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seen: Option<bool>,
    /// They were read, or are unread again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read: Option<bool>,
    /// They were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deleted: Option<bool>,
    /// Time took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expired: Option<bool>,
}

impl Change {
    /// The change that a mark makes to some alarms.
    pub(crate) fn of(mark: Mark, ids: Vec<AlarmId>) -> Self {
        Self {
            ids: Some(ids),
            ..Self::by(mark)
        }
    }

    /// The change that a mark makes to all alarms up to one.
    pub(crate) fn up_to(mark: Mark, up_to: AlarmId) -> Self {
        Self {
            up_to: Some(up_to),
            ..Self::by(mark)
        }
    }

    fn by(mark: Mark) -> Self {
        let (seen, read, deleted) = match mark {
            Mark::Seen => (Some(true), None, None),
            Mark::Read => (Some(true), Some(true), None),
            Mark::Unread => (None, Some(false), None),
            Mark::Deleted => (None, None, Some(true)),
        };
        Self {
            seen,
            read,
            deleted,
            ..Self::default()
        }
    }
}

impl Store {
    /// Marks one alarm of an inbox; returns `None` if it is not there.
    pub(crate) async fn mark(
        &self,
        inbox: Inbox,
        id: AlarmId,
        mark: Mark,
    ) -> Result<Option<Alarm>, StoreError> {
        self.write(move |connection| {
            change(connection, |connection| {
                lock(connection, &inbox)?;
                let Some(mut alarm) = one(connection, &inbox, id)? else {
                    return Ok(None);
                };
                let now = Timestamp::now();
                apply(connection, &inbox, &[id.0], mark, now)?;
                tell(connection, &inbox, &Change::of(mark, Vec::from([id])))?;
                if mark == Mark::Unread {
                    lower_read_floor(connection, &inbox, id)?;
                }
                if mark != Mark::Deleted {
                    alarm.seen_at = alarm.seen_at.or(Some(now));
                    alarm.read_at = (mark == Mark::Read).then(|| alarm.read_at.unwrap_or(now));
                }
                Ok(Some(alarm))
            })
        })
        .await
    }

    /// Marks all alarms of an inbox up to an id as seen or read. They are found on a reader and changed in batches, so
    /// that publishing goes on in between. If there is nothing to change, no lock is taken.
    pub(crate) async fn mark_up_to(
        &self,
        inbox: Inbox,
        up_to: AlarmId,
        mark: Mark,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let found = inbox.clone();
            let search = move |connection: &mut DbConnection| {
                let up_to = up_to.0.min(log::head(connection)?.last_id);
                let floor = floor(Floors::of(connection, &found)?, mark);
                let after = after.unwrap_or(floor);
                let ids = unmarked(connection, &found, after, up_to, mark)?;
                Ok((ids, up_to, floor))
            };
            let (ids, up_to, floor) = self.read(Read::Inbox, search).await?;
            let last = ids.last().copied();
            let more = ids.len() == MARK_BATCH;
            if !more && ids.is_empty() && floor >= up_to {
                return Ok(());
            }
            let changed = inbox.clone();
            let batch = move |connection: &mut DbConnection| {
                lock(connection, &changed)?;
                apply(connection, &changed, &ids, mark, Timestamp::now())?;
                if more {
                    return tell(connection, &changed, &Change::default());
                }
                raise_floor(connection, &changed, after, up_to, mark)?;
                tell(connection, &changed, &Change::up_to(mark, AlarmId(up_to)))
            };
            let write = move |connection: &mut DbConnection| match more {
                // The next look of any hub sends what this batch leaves, also if no further batch comes.
                true => connection.transact(batch),
                false => change(connection, batch),
            };
            self.write(write).await?;
            if !more {
                return Ok(());
            }
            after = last;
        }
    }

    /// Deletes all alarms of an inbox with one target and one type; returns their ids.
    pub(crate) async fn delete_pair(
        &self,
        inbox: Inbox,
        target: TargetId,
        alarm_type: AlarmType,
    ) -> Result<Vec<AlarmId>, StoreError> {
        self.write(move |connection| {
            change(connection, |connection| {
                lock(connection, &inbox)?;
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
                let ids: Vec<AlarmId> = ids.into_iter().map(AlarmId).collect();
                if !ids.is_empty() {
                    tell(connection, &inbox, &Change::of(Mark::Deleted, ids.clone()))?;
                }
                Ok(ids)
            })
        })
        .await
    }
}

/// Does one change in a transaction, and tells it after its commit.
fn change<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let done = connection.transact(work)?;
    signals::send_soon(connection);
    Ok(done)
}

/// Serialises the changes of one inbox and counts them. On PostgreSQL the update locks the row of the account, and on SQLite
/// it takes the write lock first, because a transaction that begins with a read cannot always be upgraded.
fn lock(connection: &mut DbConnection, inbox: &Inbox) -> Result<(), StoreError> {
    diesel::update(users::table.find(inbox.user_id.as_str()))
        .set(users::marks.eq(users::marks + 1))
        .execute(connection)?;
    Ok(())
}

/// Leaves for all hubs what changed. A file has one hub, which tells its streams itself.
fn tell(connection: &mut DbConnection, inbox: &Inbox, change: &Change) -> Result<(), StoreError> {
    let DbConnection::Postgres(connection) = connection else {
        return Ok(());
    };
    let many = change
        .ids
        .as_ref()
        .is_some_and(|ids| ids.len() > MOST_TOLD_IDS);
    let change = if many { &Change::default() } else { change };
    let text = serde_json::to_string(change)
        .map_err(|cause| StoreError::Broken(format!("a change could not be written: {cause}")))?;
    diesel::sql_query(TELL)
        .bind::<Text, _>(text)
        .bind::<Text, _>(inbox.user_id.as_str())
        .execute(connection)?;
    Ok(())
}

fn floor(floors: Floors, mark: Mark) -> i64 {
    match mark {
        Mark::Seen => floors.seen,
        Mark::Read => floors.read,
        Mark::Unread | Mark::Deleted => 0,
    }
}

/// Returns at most one batch of ids, in order, of the alarms after one id and up to another that the mark would change.
fn unmarked(
    connection: &mut DbConnection,
    inbox: &Inbox,
    after: i64,
    up_to: i64,
    mark: Mark,
) -> Result<Vec<i64>, StoreError> {
    let now = Timestamp::now().millis();
    let mut ids = Vec::new();
    for (topic, start) in &inbox.topics {
        let candidates = visible(
            inbox.user_id.as_str(),
            topic.as_str(),
            after.max(*start),
            now,
        )
        .filter(alarms::id.le(up_to))
        .order(alarms::id.asc())
        .limit(i64::try_from(MARK_BATCH).unwrap_or(i64::MAX))
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
    ids.sort_unstable();
    ids.truncate(MARK_BATCH);
    Ok(ids)
}

/// Raises the floor to `up_to`. If an alarm was marked as unread since the search, the floor stays below it.
fn raise_floor(
    connection: &mut DbConnection,
    inbox: &Inbox,
    after: Option<i64>,
    up_to: i64,
    mark: Mark,
) -> Result<(), StoreError> {
    let floors = Floors::of(connection, inbox)?;
    let from = after.map_or_else(
        || floor(floors, mark),
        |after| after.min(floor(floors, mark)),
    );
    let left = unmarked(connection, inbox, from, up_to, mark)?
        .first()
        .copied();
    let reached = left.map_or(up_to, |left| left - 1);
    let account = users::table.find(inbox.user_id.as_str());
    let seen = floors.seen.max(reached);
    let read = floors.read.max(reached);
    match mark {
        Mark::Seen => diesel::update(account)
            .set(users::seen_up_to.eq(seen))
            .execute(connection)?,
        Mark::Read => diesel::update(account)
            .set((users::seen_up_to.eq(seen), users::read_up_to.eq(read)))
            .execute(connection)?,
        Mark::Unread | Mark::Deleted => 0,
    };
    Ok(())
}

fn lower_read_floor(
    connection: &mut DbConnection,
    inbox: &Inbox,
    id: AlarmId,
) -> Result<(), StoreError> {
    let account = users::table.filter(users::id.eq(inbox.user_id.as_str()));
    diesel::update(account.filter(users::read_up_to.ge(id.0)))
        .set(users::read_up_to.eq(id.0 - 1))
        .execute(connection)?;
    Ok(())
}

/// Updates the receipts that exist and inserts those that do not.
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
        let missing = some.iter().filter(|id| !known.contains(id));
        let rows: Vec<NewReceipt<'_>> = missing
            .map(|id| NewReceipt::of(user_id, *id, mark, now))
            .collect();
        if !rows.is_empty() {
            native!(connection => diesel::insert_into(receipts::table).values(&rows).execute(connection))?;
        }
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

impl<'a> NewReceipt<'a> {
    fn of(user_id: &'a str, alarm_id: i64, mark: Mark, now: i64) -> Self {
        Self {
            user_id,
            alarm_id,
            seen_at: Some(now),
            read_at: (mark == Mark::Read).then_some(now),
            deleted_at: (mark == Mark::Deleted).then_some(now),
        }
    }
}

/// A change of more alarms is told as one that may concern any.
const MOST_TOLD_IDS: usize = 500;

/// With the version of the marks; a token may name a user who has no account, whose changes have none.
const TELL: &str = "INSERT INTO unsent_signals (kind, subject, detail) \
    VALUES ('state', $2, coalesce((SELECT marks + marks_base FROM users, log_head WHERE users.id = $2), 0)::text || ' ' || $1)";

/// The maximum of alarms that one transaction marks: it occupies the writer for a few milliseconds.
const MARK_BATCH: usize = 500;
