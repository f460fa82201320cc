//! Tokens that a back end gives to its users with an API key, so that it needs no secret and no JWT library.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actions::audit::Actor;
use crate::actions::{AppState, Forbidden, Refusal, Rule, api_keys};
use crate::alarm::{ApiKey, Role, Scope, Timestamp, Topic, UserId, whole};
use crate::store::NewAccount;

/// The token that is wanted: the body of `POST /api/tokens`.
#[derive(utoipa::ToSchema)]
#[schema(as = WantedToken)]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The user that it speaks for.
    pub user_id: UserId,
    /// Its life.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schema(minimum = 60, maximum = 86_400)]
    pub ttl_seconds: Option<u64>,
}

/// A token of a user.
#[derive(utoipa::ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Issued {
    /// The token.
    pub token: String,
    /// Its end.
    pub expires_at: Timestamp,
}

/// Gives a token of the role `user`, which ends with the key.
pub(crate) async fn issue(
    state: &AppState,
    key: &ApiKey,
    by: Actor,
    wanted: Wanted,
) -> Result<Issued, Refusal> {
    api_keys::require(key, Scope::Tokens)?;
    let seconds = wanted.ttl_seconds.unwrap_or(DEFAULT_SECONDS);
    if !(LEAST_SECONDS..=MOST_SECONDS).contains(&seconds) {
        let rule = Rule::Between(LEAST_SECONDS, MOST_SECONDS);
        return Err(Refusal::invalid("ttlSeconds", rule));
    }
    // With a token of the user everything under the topic of the user can be read.
    api_keys::require_topic(key, &Topic::user(&wanted.user_id))?;
    check_account(state, &wanted.user_id, by).await?;
    let life = Duration::from_secs(seconds);
    let left = key
        .expires_at
        .map(|end| end.millis() - Timestamp::now().millis());
    let left = left.map(|millis| Duration::from_millis(millis.try_into().unwrap_or(0)));
    let life = left.map_or(life, |left| life.min(left));
    let issued = state.tokens.issue_by_key(&wanted.user_id, life, &key.id);
    let issued = issued.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(Issued {
        token: issued.token,
        expires_at: issued.expires_at,
    })
}

/// The account of a token: of the role `user` and enabled. Made where the settings let a token make one.
async fn check_account(state: &AppState, user_id: &UserId, by: Actor) -> Result<(), Refusal> {
    let Some(account) = state.store.account(user_id).await? else {
        if !state.policy.any_user {
            return Err(Refusal::UnknownUsers(vec![user_id.clone()]));
        }
        let account = NewAccount::named(user_id.clone());
        state.store.upsert_accounts(vec![account], by).await?;
        return Ok(());
    };
    if account.role != Role::User {
        return Err(Refusal::Forbidden(Forbidden::TokenOfOtherRole));
    }
    if account.disabled {
        return Err(Refusal::AccountDisabled);
    }
    Ok(())
}

const DEFAULT_SECONDS: u64 = 3_600;

const LEAST_SECONDS: u64 = 60;

/// A day: a back end asks again, and a token that leaks is not good for long.
const MOST_SECONDS: u64 = 86_400;
