//! The audience of an alarm, counted before it is published.

use std::collections::HashSet;

use serde::Serialize;

use crate::actions::{AppState, Refusal, rooms};
use crate::alarm::{Recipients, Role, UserId};
use crate::hub::CountReach;

/// The users and streams an alarm would reach now.
#[derive(utoipa::ToSchema, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Audience {
    /// The number of accounts whose inbox would get it; null for a room, which has no inbox.
    pub accounts: Option<i64>,
    /// The open streams it would be sent to at once.
    pub streams: usize,
    /// The named users who have no account.
    pub unknown_users: Vec<UserId>,
    /// True if publishing makes accounts for them; else it is refused.
    pub unknown_are_made: bool,
}

/// Counts the audience of some recipients; an unknown room is refused as publishing would refuse it.
pub(crate) async fn of(state: &AppState, to: Recipients) -> Result<Audience, Refusal> {
    let mut unknown_users = Vec::new();
    let accounts = match &to {
        Recipients::Everyone => Some(state.store.account_count().await?),
        Recipients::Admins => Some(state.store.account_count_of(Role::Admin).await?),
        Recipients::Room(room) => {
            rooms::require(state, [room]).await?;
            None
        }
        Recipients::User(user) => {
            let named = std::slice::from_ref(user);
            Some(known(state, named, &mut unknown_users).await?)
        }
        Recipients::Users(users) => Some(known(state, users, &mut unknown_users).await?),
    };
    Ok(Audience {
        accounts,
        streams: state.broadcaster.send(CountReach(to.topics())).await?,
        unknown_users,
        unknown_are_made: state.policy.any_user,
    })
}

/// Counts those who have an account and collects the others.
async fn known(
    state: &AppState,
    named: &[UserId],
    unknown: &mut Vec<UserId>,
) -> Result<i64, Refusal> {
    let known = state.store.display_names(named.to_vec()).await?;
    let known: HashSet<UserId> = known.into_iter().map(|(id, _name)| id).collect();
    unknown.extend(named.iter().filter(|id| !known.contains(*id)).cloned());
    Ok(i64::try_from(named.len() - unknown.len()).unwrap_or(i64::MAX))
}
