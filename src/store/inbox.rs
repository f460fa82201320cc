//! The inbox of one user: the alarms of their topics, with the marks seen, read and deleted.

use std::collections::HashMap;

use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId, Role, Timestamp, Topic, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{alarms, receipts, users};
use crate::store::{Account, Read, Store, StoreError};

/// An inbox: its user, and the part of the log that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pub(super) user_id: UserId,
    /// Each topic with the id after which its alarms belong to the inbox.
    pub(super) topics: Vec<(Topic, i64)>,
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
