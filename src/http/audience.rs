//! Whom an alarm would reach, asked before it is published: shared by the JSON route and the admin page.

use std::collections::HashSet;

use serde::Serialize;

use crate::alarm::{Role, RoomId, TopicKind, UserId};
use crate::http::error::ApiError;
use crate::http::publish::To;
use crate::http::state::AppState;
use crate::hub::Reached;

/// Who would be reached now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Audience {
    /// How many accounts would have it in their inbox; null for a room, whose messages wait for whoever enters.
    pub accounts: Option<i64>,
    /// How many open streams would be sent it at once.
    pub streams: usize,
    /// The named users who have no account.
    pub unknown_users: Vec<UserId>,
    /// Whether publishing makes accounts for them instead of being refused.
    pub unknown_are_made: bool,
}

/// Counts the audience of a recipient; an unknown room is refused as publishing would refuse it.
pub(crate) async fn of(state: &AppState, to: To) -> Result<Audience, ApiError> {
    let topics = to.topics()?;
    let mut audience = Audience {
        accounts: None,
        streams: 0,
        unknown_users: Vec::new(),
        unknown_are_made: state.policy.any_user,
    };
    match topics.first().map(|topic| topic.kind()) {
        Some(TopicKind::Everyone) => {
            audience.accounts = Some(state.store.account_count().await?);
        }
        Some(TopicKind::Role(_)) => {
            audience.accounts = Some(state.store.account_count_of(Role::Admin).await?);
        }
        Some(TopicKind::Room(id)) => {
            let id = RoomId::parse(id)?;
            if state.store.room(&id).await?.is_none() {
                return Err(ApiError::Unprocessable {
                    code: "unknown_room",
                    detail: format!("there is no room {id}"),
                });
            }
        }
        Some(TopicKind::User(_)) | None => {
            let named: Vec<UserId> = topics
                .iter()
                .filter_map(|topic| match topic.kind() {
                    TopicKind::User(id) => UserId::parse(id).ok(),
                    _ => None,
                })
                .collect();
            audience.unknown_users = unknown(state, &named).await?;
            let known = named.len() - audience.unknown_users.len();
            audience.accounts = Some(i64::try_from(known).unwrap_or(i64::MAX));
        }
    }
    audience.streams = state.broadcaster.send(Reached(topics)).await?;
    Ok(audience)
}

async fn unknown(state: &AppState, named: &[UserId]) -> Result<Vec<UserId>, ApiError> {
    let known = state.store.display_names(named.to_vec()).await?;
    let known: HashSet<UserId> = known.into_iter().map(|(id, _name)| id).collect();
    Ok(named
        .iter()
        .filter(|id| !known.contains(*id))
        .cloned()
        .collect())
}
