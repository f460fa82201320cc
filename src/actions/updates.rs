//! Updates of the Mercure protocol, without HTTP: publishing one, and finding the position that a subscriber asks for.

use std::sync::Arc;

use crate::actions::{AppState, Refusal};
use crate::alarm::update::{Content, NewUpdate, is_protocol_text};
use crate::alarm::{AlarmId, Timestamp, Topic, TopicKind, UserId};
use crate::journal;
use crate::store::{Inbox, Submission};

pub(crate) use crate::store::Idempotency;

/// The position that a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// After an id of the log.
    After(AlarmId),
    /// After everything that is not kept.
    Earliest,
    /// An id that is not known, or not any more.
    Unknown,
}

/// Publishes updates, all or none.
pub(crate) async fn publish(
    state: &AppState,
    contents: Vec<Arc<Content>>,
    idempotency: Option<Idempotency>,
) -> Result<(), Refusal> {
    let created_at = Timestamp::now();
    let update = |content| NewUpdate {
        content,
        created_at,
    };
    let submission = Submission {
        alarms: Vec::new(),
        updates: contents.into_iter().map(update).collect(),
        idempotency,
        create_recipients: false,
        only_repeated: false,
    };
    state.may_publish()?;
    journal::append(&state.journal, submission).await?;
    Ok(())
}

/// Finds the position of an id that a client saw last.
pub(crate) async fn resumption(state: &AppState, id: &str) -> Result<Resumption, Refusal> {
    if id == EARLIEST {
        return Ok(Resumption::Earliest);
    }
    // No update has an id that is no text of the protocol, and a database may not take it.
    if !is_protocol_text(id) {
        return Ok(Resumption::Unknown);
    }
    let found = state.store.position_of_update(id.to_owned()).await?;
    if let Some(position) = found {
        return Ok(Resumption::After(position));
    }
    let position = id.strip_prefix(POSITION).and_then(|rest| rest.parse().ok());
    match position.map(AlarmId) {
        Some(position) if is_kept(state, position).await? => Ok(Resumption::After(position)),
        Some(_) | None => Ok(Resumption::Unknown),
    }
}

async fn is_kept(state: &AppState, position: AlarmId) -> Result<bool, Refusal> {
    let head = state.store.head().await?;
    Ok((head.pruned_up_to..=head.last_id).contains(&position.0))
}

/// The id by which a client resumes after a position of the log. It tells no id of an update that the client may not read.
pub(crate) fn id_of(position: AlarmId) -> String {
    format!("{POSITION}{position}")
}

/// True for an id that the hub gives a meaning of its own. An update with such an id would move the place of those who resume.
pub(crate) fn is_reserved_id(id: &str) -> bool {
    id == EARLIEST || id.starts_with(POSITION)
}

/// The id of the position at which a stream starts now.
pub(crate) async fn id_of_now(state: &AppState, position: AlarmId) -> Result<String, Refusal> {
    Ok(if state.store.has_updates().await? {
        id_of(position)
    } else {
        EARLIEST.to_owned()
    })
}

/// The inbox of a subscriber, who has none: nothing is marked. What was for a deleted account is not for a later one of the id.
pub(crate) async fn inbox_of(
    state: &AppState,
    subscriber: UserId,
    topics: &[Topic],
) -> Result<Inbox, Refusal> {
    let users = topics.iter().filter_map(|topic| match topic.kind() {
        TopicKind::User(id) => Some(UserId::trusted(id.to_owned())),
        TopicKind::Everyone | TopicKind::Admins | TopicKind::Room(_) => None,
    });
    let users: Vec<UserId> = users.collect();
    if users.is_empty() {
        return Ok(Inbox::of_subscriber(subscriber, Vec::new()));
    }
    let deletions = state.store.deletions_among(users).await?;
    let starts = deletions
        .into_iter()
        .map(|(id, deletion)| (Topic::user(&id), deletion.head));
    Ok(Inbox::of_subscriber(subscriber, starts.collect()))
}

/// The word for the beginning of what is kept.
pub(crate) const EARLIEST: &str = "earliest";

const POSITION: &str = "urn:campanile:position:";
