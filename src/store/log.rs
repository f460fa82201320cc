//! The log of alarms: its ends, its rows, the messages of a room and the newest alarms.

use std::time::Instant;

use diesel::prelude::*;

use crate::alarm::{
    Alarm, AlarmId, AlarmType, Link, Payload, RoomId, TargetId, Timestamp, Topic, UserId,
};
use crate::store::connection::{DbConnection, native};
use crate::store::prepared::LockLog;
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

impl Store {
    /// Both ends of the log.
    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        let follow = self.follow_accounts();
        self.read(Read::Head, move |connection| {
            let began = Instant::now();
            let head = head(connection)?;
            follow(head.account_changes, began);
            Ok(head)
        })
        .await
    }

    /// Takes the number of account changes that a reading found, and when it began.
    pub(super) fn follow_accounts(&self) -> impl Fn(i64, Instant) + Send + 'static {
        let (accounts, is_shared) = (self.accounts.clone(), self.is_shared());
        move |changes, began| {
            if is_shared {
                // The next look is told what changed.
                accounts.still_counted(changes, began);
            } else {
                accounts.changed_so_often(changes, began);
            }
        }
    }

    /// Both ends of the log once what is being written now is written or given up, on a database with one writer.
    pub(crate) async fn settled_head(&self) -> Result<Head, StoreError> {
        self.metrics.store_read(Read::Head.label());
        self.write(head).await
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
    let row = native!(connection => log_head::table
        .select((
            log_head::last_id,
            log_head::pruned_up_to,
            log_head::account_changes,
        ))
        .get_result::<(i64, i64, i64)>(connection))?;
    Ok(Head::from(row))
}

/// Takes the one lock all appends share, until the commit. The no-op write is what locks: the row on PostgreSQL,
/// the file on SQLite (where a transaction that reads first could not be upgraded).
pub(super) fn lock_head(connection: &mut DbConnection) -> Result<Head, StoreError> {
    match connection {
        DbConnection::Postgres(connection) => {
            let lock = diesel::update(log_head::table).set(log_head::last_id.eq(log_head::last_id));
            let locked = lock.returning((
                log_head::last_id,
                log_head::pruned_up_to,
                log_head::account_changes,
            ));
            Ok(Head::from(
                locked.get_result::<(i64, i64, i64)>(connection)?,
            ))
        }
        // For `RETURNING` SQLite opens a table in memory, which takes longer than a read.
        DbConnection::Sqlite(file) => {
            LockLog.execute(file)?;
            head(connection)
        }
    }
}

impl From<(i64, i64, i64)> for Head {
    fn from((last_id, pruned_up_to, account_changes): (i64, i64, i64)) -> Self {
        Self {
            last_id,
            pruned_up_to,
            account_changes,
        }
    }
}

/// The columns of a row, for queries that are written as text: one that a newer hub adds does not belong to the result.
macro_rules! columns {
    () => {
        "id, topic, alarm_type, from_user_id, target_id, data, url, client_id, created_at, expires_at"
    };
}
pub(super) use columns;

/// One row of the log.
#[derive(Queryable, QueryableByName)]
#[diesel(table_name = alarms)]
pub(super) struct Row {
    pub(super) id: i64,
    topic: String,
    alarm_type: String,
    from_user_id: Option<String>,
    target_id: Option<String>,
    pub(super) data: String,
    url: Option<String>,
    #[diesel(column_name = client_id)]
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
