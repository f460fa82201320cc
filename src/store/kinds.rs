//! The counts of an inbox for each type of alarm, and the display names of senders.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;

use crate::alarm::{AlarmId, AlarmType, Timestamp};
use crate::store::connection::{DbConnection, native};
use crate::store::inbox::{Floors, Inbox, visible};
use crate::store::log;
use crate::store::schema::{alarms, receipts, users};
use crate::store::{Read, Store, StoreError, leaving};

/// The unseen and unread alarms of an inbox by their type, as of one position of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeCounts {
    /// The numbers of unseen and of unread alarms of each type that has any.
    pub types: BTreeMap<AlarmType, (i64, i64)>,
    /// True if only the newest were counted.
    pub more: bool,
    /// The last id that the counts cover.
    pub head: AlarmId,
}

impl Store {
    /// Returns the counts of an inbox for each type of alarm.
    pub(crate) async fn type_counts(&self, inbox: Inbox) -> Result<TypeCounts, StoreError> {
        self.read(Read::Inbox, move |connection| {
            type_counts(connection, &inbox)
        })
        .await
    }
}

/// The users whom some alarms are from, by their ids.
#[derive(utoipa::ToSchema, Debug, Default, Serialize)]
pub(crate) struct Senders {
    /// The display names of those who have an account.
    pub names: BTreeMap<String, String>,
    /// By the ids of deleted accounts, the last id that may be from them. Left out if there is none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub deleted: BTreeMap<String, AlarmId>,
}

impl Store {
    /// Returns the display names of the users whom these alarms are from, by their ids: alarms of an inbox, and of rooms.
    pub(crate) async fn senders(&self, inbox: Inbox, ids: Vec<i64>) -> Result<Senders, StoreError> {
        self.read(Read::Inbox, move |connection| {
            senders(connection, &inbox, &ids)
        })
        .await
    }
}

fn senders(
    connection: &mut DbConnection,
    inbox: &Inbox,
    ids: &[i64],
) -> Result<Senders, StoreError> {
    let accounts = users::table.on(users::id.nullable().eq(alarms::from_user_id));
    let found = alarms::table
        .left_join(accounts)
        .filter(alarms::id.eq_any(ids))
        .filter(alarms::from_user_id.is_not_null())
        .select((
            alarms::id,
            alarms::topic,
            alarms::from_user_id.assume_not_null(),
            users::display_name.nullable(),
        ))
        .load::<(i64, String, String, Option<String>)>(connection)?;
    let mut readable = Vec::with_capacity(found.len());
    for (id, topic, user, name) in found {
        let topic = log::stored_topic(topic)?;
        if inbox.holds(&topic, AlarmId(id)) || topic.is_room() {
            readable.push((AlarmId(id), user, name));
        }
    }
    let authors = readable.iter().map(|(_id, user, _name)| user.as_str());
    let deletions = leaving::deletions_of(connection, authors.collect())?;
    let mut senders = Senders::default();
    for (user, deletion) in &deletions {
        senders.deleted.insert(user.to_string(), deletion.head);
    }
    for (id, user, name) in readable {
        let former = senders.deleted.get(&user).is_some_and(|head| id <= *head);
        if let Some(name) = name.filter(|_name| !former) {
            senders.names.insert(user, name);
        }
    }
    Ok(senders)
}

/// Reads the newest unread alarms of each topic along its index. An alarm that is unseen is unread as well: reading marks
/// it as seen.
fn type_counts(connection: &mut DbConnection, inbox: &Inbox) -> Result<TypeCounts, StoreError> {
    let head = log::head(connection)?.last_id;
    let floors = Floors::of(connection, inbox)?;
    let now = Timestamp::now().millis();
    let user_id = inbox.user_id.as_str();
    let mut types: BTreeMap<AlarmType, (i64, i64)> = BTreeMap::new();
    let mut more = false;
    for (topic, start) in &inbox.topics {
        let after = floors.read.max(*start);
        let unread = native!(connection => visible(user_id, topic.as_str(), after, now)
            .filter(alarms::id.le(head))
            .filter(receipts::read_at.nullable().is_null())
            .order(alarms::id.desc())
            .limit(MOST_COUNTED + 1)
            .select((alarms::id, alarms::alarm_type, receipts::seen_at.nullable()))
            .load::<(i64, String, Option<i64>)>(connection))?;
        let most = usize::try_from(MOST_COUNTED).unwrap_or(usize::MAX);
        more |= unread.len() > most;
        for (id, name, seen_at) in unread.into_iter().take(most) {
            let counts = types.entry(AlarmType::trusted(name)).or_default();
            counts.0 += i64::from(id > floors.seen && seen_at.is_none());
            counts.1 += 1;
        }
    }
    Ok(TypeCounts {
        types,
        more,
        head: AlarmId(head),
    })
}

/// The alarms of one topic that are looked at: a badge shows no greater number, and a user who never reads anything must
/// not cost a scan of the whole log.
const MOST_COUNTED: i64 = 1_000;
