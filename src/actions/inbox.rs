//! A user's inbox: listing it, and marking alarms as seen, read or deleted. Each change is delivered to the user's open
//! streams.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actions::identity::Identity;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{Alarm, AlarmId, AlarmType, Badge, Role, TargetId, UserId};
use crate::hub::{Frame, Notify};

use crate::store::Change;
pub(crate) use crate::store::{Counts, Inbox, Mark, Page, Senders, Status};

/// The counts of an inbox, as the API shows them.
#[derive(utoipa::ToSchema, Debug, Clone, Copy, Serialize)]
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

/// Returns the inbox that a user has with the role of a stream.
pub(super) async fn of_user(state: &AppState, user: UserId, role: Role) -> Result<Inbox, Refusal> {
    let known = state.store.account_or_deletion(&user).await?;
    Ok(match known.account {
        Some(account) => Inbox::of(&account, role),
        None => Inbox::of_stranger(user, role, known.deletion),
    })
}

/// Returns the counts of an inbox.
pub(crate) async fn counts(state: &AppState, inbox: Inbox) -> Result<Counts, Refusal> {
    Ok(state.store.counts(inbox).await?)
}

/// The counts of an inbox for each type of alarm, as the API shows them.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct TypeMeta {
    /// The last id that the counts cover.
    cursor: AlarmId,
    /// The types of which there are unseen or unread alarms.
    types: BTreeMap<AlarmType, Numbers>,
    /// True if there are older alarms that are not counted.
    more: bool,
}

#[derive(utoipa::ToSchema, Debug, Serialize)]
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
) -> Result<Senders, Refusal> {
    Ok(state.store.senders(inbox, ids).await?)
}

/// True unless the caller is a service.
pub(crate) fn has_inbox(identity: &Identity) -> bool {
    identity.role() != Role::Service
}

/// Returns the counts at the start of a stream. A service has no inbox, so both are zero and the head is that of the
/// log.
pub(crate) async fn counts_of(state: &AppState, identity: &Identity) -> Result<Counts, Refusal> {
    if !has_inbox(identity) {
        return Ok(Counts {
            badge: Badge::default(),
            version: 0,
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
    tell(state, inbox, Change::up_to(mark, up_to)).await
}

/// Returns one alarm; 404 if it is not in the inbox.
pub(crate) async fn one(state: &AppState, inbox: Inbox, id: AlarmId) -> Result<Alarm, Refusal> {
    let found = state.store.inbox_alarm(inbox, id).await?;
    found.ok_or(Refusal::NotFound(Thing::Alarm))
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
    tell(state, inbox, Change::of(mark, Vec::from([id]))).await?;
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
        tell(state, inbox, Change::of(Mark::Deleted, ids)).await?;
    }
    Ok(count)
}

/// The data of a `state` event: the change, and the counts after it.
#[derive(utoipa::ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateEvent {
    #[serde(flatten)]
    change: Change,
    #[serde(flatten)]
    badge: Badge,
    /// The last id that the counts cover.
    head: AlarmId,
    /// The version of the user's marks; not there for alarms that time took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<i64>,
}

/// A change that open streams have to hear.
pub(super) enum News {
    /// It was made at this hub, the only one.
    Own(Change),
    /// A signal told it, with its version.
    Signalled(Change, i64),
    /// Time took these alarms. The marks have the version they had.
    Expired(Vec<AlarmId>),
    /// These alarms were retracted. The marks have the version they had.
    Retracted(Vec<AlarmId>),
    /// Changes may be missing.
    Anything,
}

/// Tells news to the user's open streams at this hub, in order, with the counts as they are now.
pub(super) async fn tell_streams(
    state: &AppState,
    inbox: Inbox,
    news: Vec<News>,
) -> Result<Counts, Refusal> {
    let user_id = inbox.user_id().clone();
    // Counts must be delivered in the order in which they were read.
    let _turn = state.turns.of(&user_id).await?;
    let counts = state.store.counts(inbox).await?;
    for one in news {
        let (version, change) = one.parts(counts.version);
        let event = StateEvent {
            badge: counts.badge,
            head: counts.head,
            version,
            change: Change {
                // Nothing above the head is marked.
                up_to: change.up_to.map(|up_to| up_to.min(counts.head)),
                ..change
            },
        };
        let frame = Frame::state(&event, version);
        let user_id = user_id.clone();
        state.broadcaster.send(Notify { user_id, frame }).await?;
    }
    Ok(counts)
}

impl News {
    fn parts(self, now: i64) -> (Option<i64>, Change) {
        match self {
            Self::Own(change) => (Some(now), change),
            Self::Signalled(change, version) => (Some(version), change),
            Self::Anything => (Some(now), Change::default()),
            Self::Expired(ids) => {
                let change = Change {
                    ids: Some(ids),
                    expired: Some(true),
                    ..Change::default()
                };
                (None, change)
            }
            Self::Retracted(ids) => (None, Change::of(Mark::Deleted, ids)),
        }
    }
}

/// Tells a change to the user's open streams. Where hubs share the database its commit has told all of them, this one
/// included: all tell it in the order of the commits.
async fn tell(state: &AppState, inbox: Inbox, change: Change) -> Result<Meta, Refusal> {
    let counts = match &state.cluster {
        Some(cluster) => {
            cluster.look_now();
            state.store.counts(inbox).await?
        }
        None => tell_streams(state, inbox, Vec::from([News::Own(change)])).await?,
    };
    Ok(Meta::from(counts))
}
