//! The life of one alarm as the database knows it: the alarm, the accounts it is for, and the marks of users on it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::alarm::{Alarm, AlarmId, Timestamp, Topic, TopicKind, UserId};
use crate::store::audit::{Actor, Change, record};
use crate::store::connection::{DbConnection, native};
use crate::store::log::{self, Row};
use crate::store::schema::{alarms, receipts, users};
use crate::store::{Read, Store, StoreError};

/// An alarm by its id.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is in the log; it may have expired.
    Stored(Box<Alarm>),
    /// It was in the log.
    Pruned,
    /// It was never stored.
    Unknown,
}

/// The users of one page, in the order of the bytes of their ids.
#[derive(Debug, Clone)]
pub(crate) struct Among {
    /// The one user that is asked for; `None` for all.
    pub user: Option<UserId>,
    /// The user before the page.
    pub after: Option<UserId>,
    /// The most users.
    pub limit: i64,
}

/// The accounts an alarm is for, and the marks on it, each by user.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    /// The accounts; true for one that is disabled.
    pub accounts: Vec<(UserId, bool)>,
    /// The marks, also those of users without an account.
    pub marks: Vec<(UserId, Marks)>,
}

/// The marks of one user on one alarm.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks {
    /// The time at which the user first saw it.
    pub seen_at: Option<Timestamp>,
    /// The time at which the user read it.
    pub read_at: Option<Timestamp>,
    /// The time at which the user deleted it.
    pub deleted_at: Option<Timestamp>,
}

impl Store {
    /// An alarm by its id, whomever it is for.
    pub(crate) async fn find_alarm(&self, id: AlarmId) -> Result<Found, StoreError> {
        self.read(Read::Other, move |connection| {
            let row = native!(connection => alarms::table
                .find(id.0)
                .get_result::<Row>(connection))
            .optional()?;
            match row {
                Some(row) => Ok(Found::Stored(Box::new(Alarm::try_from(row)?))),
                None if id.0 >= 1 && id.0 <= log::head(connection)?.last_id => Ok(Found::Pruned),
                None => Ok(Found::Unknown),
            }
        })
        .await
    }

    /// Those whom an alarm concerns: the first of a page.
    pub(crate) async fn concerned(
        &self,
        id: AlarmId,
        topic: Option<Topic>,
        among: Among,
    ) -> Result<Concerned, StoreError> {
        self.read(Read::Other, move |connection| {
            let accounts = match &topic {
                Some(topic) => accounts(connection, id, topic, &among)?,
                None => Vec::new(),
            };
            Ok(Concerned {
                accounts,
                marks: marks(connection, id, &among)?,
            })
        })
        .await
    }

    /// Writes to the audit log that somebody looked at the life of an alarm.
    pub(crate) async fn note_look(
        &self,
        id: AlarmId,
        user: Option<UserId>,
        by: Actor,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let change = Change {
                action: "alarm.delivery",
                target: &id.to_string(),
                detail: serde_json::json!({ "user": user }),
            };
            record(connection, &by, &change)
        })
        .await
    }
}

fn accounts(
    connection: &mut DbConnection,
    id: AlarmId,
    topic: &Topic,
    among: &Among,
) -> Result<Vec<(UserId, bool)>, StoreError> {
    let order = by_bytes(connection, "users.id");
    let is_admin = is_admin(connection);
    let after = among.after.as_ref().map_or("", UserId::as_str);
    let mut query = users::table
        .filter(sql::<Bool>(&order).sql(" > ").bind::<Text, _>(after))
        .order(sql::<Text>(&order))
        .limit(among.limit)
        .select((users::id, users::disabled_at.is_not_null()))
        .into_boxed();
    if let Some(user) = &among.user {
        query = query.filter(users::id.eq(user.as_str()));
    }
    query = match topic.kind() {
        TopicKind::User(user) => query.filter(users::id.eq(user)),
        TopicKind::Everyone => query.filter(users::inbox_start.lt(id.0)),
        TopicKind::Admins => query
            .filter(users::inbox_start.lt(id.0))
            .filter(sql::<Bool>(is_admin)),
        // A room is in nobody's inbox.
        TopicKind::Room(_) => return Ok(Vec::new()),
    };
    let found = query.load::<(String, bool)>(connection)?;
    let account = |(id, is_disabled)| (UserId::trusted(id), is_disabled);
    Ok(found.into_iter().map(account).collect())
}

fn marks(
    connection: &mut DbConnection,
    id: AlarmId,
    among: &Among,
) -> Result<Vec<(UserId, Marks)>, StoreError> {
    let order = by_bytes(connection, "receipts.user_id");
    let after = among.after.as_ref().map_or("", UserId::as_str);
    let mut query = receipts::table
        .filter(receipts::alarm_id.eq(id.0))
        .filter(sql::<Bool>(&order).sql(" > ").bind::<Text, _>(after))
        .order(sql::<Text>(&order))
        .limit(among.limit)
        .select((
            receipts::user_id,
            receipts::seen_at,
            receipts::read_at,
            receipts::deleted_at,
        ))
        .into_boxed();
    if let Some(user) = &among.user {
        query = query.filter(receipts::user_id.eq(user.as_str()));
    }
    let found = query.load::<(String, Option<i64>, Option<i64>, Option<i64>)>(connection)?;
    let marked = |(user, seen, read, deleted): (String, Option<i64>, Option<i64>, Option<i64>)| {
        let marks = Marks {
            seen_at: seen.map(Timestamp::from_millis),
            read_at: read.map(Timestamp::from_millis),
            deleted_at: deleted.map(Timestamp::from_millis),
        };
        (UserId::trusted(user), marks)
    };
    Ok(found.into_iter().map(marked).collect())
}

/// A column in the order in which this program compares ids: the language of a server may have another one.
fn by_bytes(connection: &DbConnection, column: &str) -> String {
    match connection {
        DbConnection::Postgres(_) => format!("{column} COLLATE \"C\""),
        DbConnection::Sqlite(_) => format!("{column} COLLATE BINARY"),
    }
}

/// The condition of the index of administrators, in its words: with a value in place of the word, no database takes the index. SQLite
/// would rather find them by their role and sort them.
fn is_admin(connection: &DbConnection) -> &'static str {
    match connection {
        DbConnection::Postgres(_) => "users.role = 'admin'",
        DbConnection::Sqlite(_) => "likely(users.role = 'admin')",
    }
}
