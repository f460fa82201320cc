//! A user's inbox: listing it, and marking alarms as seen, read or deleted. Each change is delivered to the user's open
//! streams.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actions::identity::Identity;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{Alarm, AlarmId, AlarmType, Badge, Role, TargetId};
use crate::hub::{Frame, Notify};

pub(crate) use crate::store::{Counts, Inbox, Mark, Page, Status};

/// The counts of an inbox, as the API shows them.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Meta {
    /// The numbers of unseen and unread alarms.
    #[serde(flatten)]
    pub badge: Badge,
    /// The last id that the counts cover. It is the cursor for a stream that follows.
    pub cursor: AlarmId,
}

impl From<Counts> for Meta {
    fn from(counts: Counts) -> Self {
        Self {
            badge: counts.badge,
            cursor: counts.head,
        }
    }
}

/// One page of an inbox.
pub(crate) async fn page(
    state: &AppState,
    inbox: Inbox,
    before: Option<AlarmId>,
    limit: usize,
    status: Status,
) -> Result<Page, Refusal> {
    Ok(state.store.inbox_page(inbox, before, limit, status).await?)
}

/// Returns the counts of an inbox.
pub(crate) async fn counts(state: &AppState, inbox: Inbox) -> Result<Counts, Refusal> {
    Ok(state.store.counts(inbox).await?)
}

/// The counts of an inbox for each type of alarm, as the API shows them.
#[derive(Debug, Serialize)]
pub(crate) struct TypeMeta {
    /// The last id that the counts cover.
    cursor: AlarmId,
    /// The types of which there are unseen or unread alarms.
    types: BTreeMap<AlarmType, Numbers>,
    /// True if there are older alarms that are not counted.
    more: bool,
}

#[derive(Debug, Serialize)]
struct Numbers {
    unseen: i64,
    unread: i64,
}

/// Returns the counts of an inbox for each type of alarm.
pub(crate) async fn type_counts(state: &AppState, inbox: Inbox) -> Result<TypeMeta, Refusal> {
    let counts = state.store.type_counts(inbox).await?;
    let numbers = |(unseen, unread)| Numbers { unseen, unread };
    let types = counts.types.into_iter();
    Ok(TypeMeta {
        cursor: counts.head,
        types: types.map(|(name, pair)| (name, numbers(pair))).collect(),
        more: counts.more,
    })
}

/// Returns the display names of the users whom these alarms are from, by their ids. An alarm that the caller may not read
/// tells nothing.
pub(crate) async fn senders(
    state: &AppState,
    inbox: Inbox,
    ids: Vec<i64>,
) -> Result<BTreeMap<String, String>, Refusal> {
    Ok(state.store.senders(inbox, ids).await?)
}

/// Returns the counts at the start of a stream. A service has no inbox, so both are zero and the head is that of the
/// log.
pub(crate) async fn counts_of(state: &AppState, identity: &Identity) -> Result<Counts, Refusal> {
    if identity.role() == Role::Service {
        return Ok(Counts {
            badge: Badge::default(),
            head: *state.delivered.borrow(),
        });
    }
    counts(state, identity.inbox()).await
}

/// Returns the newest alarms of the whole log, for all recipients.
pub(crate) async fn recent(state: &AppState, limit: i64) -> Result<Vec<Alarm>, Refusal> {
    Ok(state.store.recent(limit).await?)
}

/// Marks every alarm up to an id as seen or read.
pub(crate) async fn mark_up_to(
    state: &AppState,
    inbox: Inbox,
    up_to: AlarmId,
    mark: Mark,
) -> Result<Meta, Refusal> {
    state.store.mark_up_to(inbox.clone(), up_to, mark).await?;
    let change = Change {
        up_to: Some(up_to),
        ..Change::of(mark)
    };
    tell(state, inbox, change).await
}

/// Marks one alarm; 404 if it is not in the inbox.
pub(crate) async fn mark(
    state: &AppState,
    inbox: Inbox,
    id: AlarmId,
    mark: Mark,
) -> Result<Alarm, Refusal> {
    let marked = state.store.mark(inbox.clone(), id, mark).await?;
    let alarm = marked.ok_or(Refusal::NotFound(Thing::Alarm))?;
    tell(
        state,
        inbox,
        Change {
            ids: Some(vec![id]),
            ..Change::of(mark)
        },
    )
    .await?;
    Ok(alarm)
}

/// Deletes all alarms with one target and one type; returns their number.
pub(crate) async fn delete_pair(
    state: &AppState,
    inbox: Inbox,
    target: TargetId,
    alarm_type: AlarmType,
) -> Result<usize, Refusal> {
    let ids = state
        .store
        .delete_pair(inbox.clone(), target, alarm_type)
        .await?;
    let count = ids.len();
    if count > 0 {
        tell(
            state,
            inbox,
            Change {
                ids: Some(ids),
                ..Change::of(Mark::Deleted)
            },
        )
        .await?;
    }
    Ok(count)
}

/// The data of a `state` event: the change, and the counts after it.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<AlarmId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    up_to: Option<AlarmId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<bool>,
    #[serde(flatten)]
    badge: Badge,
    head: AlarmId,
}

impl Change {
    fn of(mark: Mark) -> Self {
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

/// Tells a user's open streams that time took these alarms from their inbox.
pub(super) async fn tell_expired(
    state: &AppState,
    inbox: Inbox,
    ids: Vec<AlarmId>,
) -> Result<(), Refusal> {
    let change = Change {
        ids: Some(ids),
        expired: Some(true),
        ..Change::default()
    };
    tell(state, inbox, change).await.map(|_meta| ())
}

async fn tell(state: &AppState, inbox: Inbox, change: Change) -> Result<Meta, Refusal> {
    let user_id = inbox.user_id().clone();
    // Counts must be delivered in the order in which they were read.
    let _turn = state.turns.of(&user_id).await?;
    let counts = state.store.counts(inbox).await?;
    let change = Change {
        badge: counts.badge,
        head: counts.head,
        // Nothing above the head is marked.
        up_to: change.up_to.map(|up_to| up_to.min(counts.head)),
        ..change
    };
    state
        .broadcaster
        .send(Notify {
            user_id,
            frame: Frame::state(&change),
        })
        .await?;
    Ok(Meta::from(counts))
}
