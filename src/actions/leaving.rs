//! Signing users out everywhere, and deleting accounts.

use std::collections::HashMap;
use std::time::Duration;

use crate::actions::audit::Actor;
use crate::actions::identity::Identity;
use crate::actions::streams::{self, Bye};
use crate::actions::{AppState, Forbidden, Refusal, Thing, api_keys};
use crate::alarm::{Alarm, Timestamp, Topic, UserId};
use crate::store::{Deletion, Left, Reach};

pub(crate) use crate::store::Leaving;

/// Signs a user out everywhere, or deletes the account: every token issued so far is refused and every stream ends, at every hub.
/// A service or an API key does it to accounts of the role user only.
pub(crate) async fn leave(
    state: &AppState,
    caller: &Identity,
    by: Actor,
    (id, leaving): (&str, Leaving),
) -> Result<(), Refusal> {
    let id = UserId::parse(id).map_err(|_rule| Refusal::NotFound(Thing::User))?;
    if let Some(key) = caller.key() {
        api_keys::require_topic(key, &Topic::user(&id))?;
    }
    if leaving == Leaving::Delete && id == *caller.user_id() {
        return Err(Refusal::Forbidden(Forbidden::OwnDeletion));
    }
    let reach = if caller.is_admin() {
        Reach::Everyone
    } else {
        Reach::Users
    };
    match state.store.leave(&id, leaving, reach, by).await? {
        Left::Done(at) => {
            streams::close_changed(state, id, Bye::Logout).await?;
            wait_for_later(at).await;
            Ok(())
        }
        Left::Unknown => Err(Refusal::NotFound(Thing::User)),
        Left::OutOfReach => Err(Refusal::Forbidden(Forbidden::OtherThanUser)),
        Left::LastAdmin => Err(Refusal::Forbidden(Forbidden::LastAdmin)),
    }
}

/// The deletions of accounts whose users wrote something that is still there.
#[derive(Default)]
pub(crate) struct FormerUsers(HashMap<UserId, Deletion>);

impl FormerUsers {
    /// Those who wrote some of these alarms.
    pub(crate) async fn among(state: &AppState, alarms: &[Alarm]) -> Result<Self, Refusal> {
        let mut authors: Vec<UserId> = alarms
            .iter()
            .filter_map(|alarm| alarm.from_user_id.clone())
            .collect();
        authors.sort_unstable();
        authors.dedup();
        if authors.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(state.store.deletions_among(authors).await?))
    }

    /// True if the account of an alarm's author was deleted since. A later account of the id is somebody else's.
    pub(crate) fn wrote(&self, alarm: &Alarm) -> bool {
        let author = alarm.from_user_id.as_ref();
        let deletion = author.and_then(|author| self.0.get(author));
        deletion.is_some_and(|deletion| alarm.id <= deletion.head)
    }
}

/// Waits until a token that is issued now is later than a time, also where `iat` is rounded down. The clock may go back, so it waits
/// only once.
async fn wait_for_later(at: Timestamp) {
    if Timestamp::now() < at.plus(A_ROUNDING) {
        tokio::time::sleep(A_ROUNDING).await;
    }
}

/// A time in fractions of a second loses less than that on its way through a token.
const A_ROUNDING: Duration = Duration::from_millis(2);
