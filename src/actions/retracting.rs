//! Retracting alarms that a back end published: they leave every inbox, and open streams are told.

use std::time::Duration;

use crate::actions::expiry::{self, Reason};
use crate::actions::identity::Identity;
use crate::actions::{AppState, Forbidden, Refusal, api_keys};
use crate::alarm::{AlarmId, ApiKey, Scope, Topic, TopicPattern, UserId};
use crate::hub::Retract;
use crate::store::{Gone, Within};

pub(crate) use crate::store::Subject;

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The number of alarms that were retracted.
    pub deleted: usize,
    /// True if there are others: the call has to be repeated.
    pub more: bool,
}

/// Retracts the alarms about a thing: those to one user, or those on every topic that the caller may publish to. Messages of rooms
/// are never retracted.
pub(crate) async fn retract(
    state: &AppState,
    caller: &Identity,
    subject: Subject,
    user: Option<UserId>,
) -> Result<Outcome, Refusal> {
    let within = match (caller.key(), user) {
        (None, None) => every_topic(),
        (None, Some(user)) => Vec::from([Within::Topic(Topic::user(&user))]),
        (Some(key), None) => topics_of(key)?,
        (Some(key), Some(user)) => {
            api_keys::require(key, Scope::PublishUser)?;
            api_keys::require_topic(key, &Topic::user(&user))?;
            Vec::from([Within::Topic(Topic::user(&user))])
        }
    };
    let retracted = state.store.retract(subject, within).await?;
    let outcome = Outcome {
        deleted: retracted.alarms.len(),
        more: retracted.more,
    };
    match &state.cluster {
        // Its commit has told all hubs, this one included.
        Some(cluster) => cluster.look_now(),
        None => tell(state, retracted.alarms).await?,
    }
    Ok(outcome)
}

fn every_topic() -> Vec<Within> {
    Vec::from([
        Within::Prefix(Topic::USERS.to_owned()),
        Within::Topic(Topic::everyone()),
        Within::Topic(Topic::admins()),
    ])
}

/// The topics that a key may publish to, but for rooms.
fn topics_of(key: &ApiKey) -> Result<Vec<Within>, Refusal> {
    let to_users = key.grant.has(Scope::PublishUser);
    let to_everyone = key.grant.has(Scope::PublishEveryone);
    if !(to_users || to_everyone) {
        return Err(Refusal::MissingScope(Scope::PublishUser));
    }
    let is_in_scope = |part: &Within| match part {
        Within::Topic(topic) => !topic.is_room() && key.grant.has(Scope::to_publish(topic)),
        Within::Prefix(prefix) => to_users && prefix.starts_with(Topic::USERS),
    };
    let parts = match key.grant.patterns() {
        [] => every_topic(),
        patterns => patterns.iter().map(part_of).collect(),
    };
    let parts: Vec<Within> = parts.into_iter().filter(is_in_scope).collect();
    if parts.is_empty() {
        return Err(Refusal::Forbidden(Forbidden::KeyTopic));
    }
    Ok(parts)
}

fn part_of(pattern: &TopicPattern) -> Within {
    match pattern {
        TopicPattern::Exact(topic) => Within::Topic(topic.clone()),
        TopicPattern::Prefix(prefix) => Within::Prefix(prefix.clone()),
    }
}

/// Tells the streams of this hub which alarms another hub, or this one, retracted.
pub(super) async fn tell_signalled(state: &AppState, ids: Vec<AlarmId>) -> Result<(), Refusal> {
    let retracted = state.store.topics_of(ids).await?;
    tell(state, retracted).await
}

async fn tell(state: &AppState, mut retracted: Vec<Gone>) -> Result<(), Refusal> {
    retracted.sort_unstable_by_key(|alarm| alarm.id);
    let Some(last) = retracted.last().map(|alarm| alarm.id) else {
        return Ok(());
    };
    // A stream must not be told of an alarm's end before the alarm.
    let mut delivered = state.delivered.clone();
    let reached = delivered.wait_for(|delivered| *delivered >= last);
    if tokio::time::timeout(DELIVERED_WITHIN, reached)
        .await
        .is_err()
    {
        log::debug!("retracted alarms are told before alarm {last} was delivered");
    }
    let ids = retracted.iter().map(|alarm| alarm.id).collect();
    state.broadcaster.send(Retract(ids)).await?;
    expiry::tell(state, &retracted, Reason::Retracted).await
}

/// Far longer than a delivery takes after its commit.
const DELIVERED_WITHIN: Duration = Duration::from_secs(5);
