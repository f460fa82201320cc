//! The inbox of one user: the alarms of their topics, with the marks seen, read and deleted.

use std::collections::HashMap;

use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId, Role, Timestamp, Topic, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{alarms, receipts, users};
use crate::store::{Account, Deletion, Read, Store, StoreError};

/// An inbox: its user, and the part of the log that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pub(super) user_id: UserId,
    /// Each topic with the id after which its alarms belong to the inbox.
    pub(super) topics: Vec<(Topic, i64)>,
    starts: Starts,
}

/// The ids after which alarms belong to an inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Starts {
    /// Those to the user alone.
    pub own: AlarmId,
    /// Those for everybody, or for a role.
    pub shared: AlarmId,
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
        let starts = Starts {
            own: AlarmId(account.own_start),
            shared: AlarmId(account.inbox_start),
        };
        Self::since(account.id.clone(), role, starts)
    }

    /// Returns the inbox of a user without an account. It starts at the beginning of the log, or where the last account of the
    /// id was deleted.
    pub(crate) fn of_stranger(user_id: UserId, role: Role, deletion: Option<Deletion>) -> Self {
        let start = deletion.map_or(AlarmId(0), |deletion| deletion.head);
        let starts = Starts {
            own: start,
            shared: start,
        };
        Self::since(user_id, role, starts)
    }

    /// The inbox of a user in a role.
    pub(crate) fn since(user_id: UserId, role: Role, starts: Starts) -> Self {
        let Starts { own, shared } = starts;
        let mut topics = vec![
            (Topic::user(&user_id), own.0),
            (Topic::everyone(), shared.0),
        ];
        if role == Role::Admin {
            topics.push((Topic::admins(), shared.0));
        }
        Self {
            user_id,
            topics,
            starts,
        }
    }

    /// The reading of a subscriber who has no inbox: an alarm up to the id beside its topic does not belong to it.
    pub(crate) fn of_subscriber(user_id: UserId, topics: Vec<(Topic, AlarmId)>) -> Self {
        let topics = topics.into_iter().map(|(topic, start)| (topic, start.0));
        Self {
            user_id,
            topics: topics.collect(),
            starts: Starts::default(),
        }
    }

    /// The ids after which alarms belong to it.
    pub(crate) fn starts(&self) -> Starts {
        self.starts
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
            receipts_between(connection, &user_id, after.0, up_to.0)
        })
        .await
    }
}

impl Receipt {
    /// The receipt of a row with these times.
    pub(super) fn of(seen_at: Option<i64>, read_at: Option<i64>, deleted_at: Option<i64>) -> Self {
        Self {
            seen_at: seen_at.map(Timestamp::from_millis),
            read_at: read_at.map(Timestamp::from_millis),
            deleted: deleted_at.is_some(),
        }
    }
}

/// The receipts of a user for the alarms above an id and up to another.
pub(super) fn receipts_between(
    connection: &mut DbConnection,
    user_id: &UserId,
    after: i64,
    up_to: i64,
) -> Result<HashMap<AlarmId, Receipt>, StoreError> {
    let rows = native!(connection => receipts::table
        .filter(receipts::user_id.eq(user_id.as_str()))
        .filter(receipts::alarm_id.gt(after).and(receipts::alarm_id.le(up_to)))
        .select((
            receipts::alarm_id,
            receipts::seen_at,
            receipts::read_at,
            receipts::deleted_at,
        ))
        .load::<(i64, Option<i64>, Option<i64>, Option<i64>)>(connection))?;
    let receipt = |(id, seen, read, deleted)| (AlarmId(id), Receipt::of(seen, read, deleted));
    Ok(rows.into_iter().map(receipt).collect())
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
