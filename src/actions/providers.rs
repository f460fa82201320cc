//! Signing in with a provider.

use std::sync::Arc;

use crate::actions::identity::{self, UserView};
use crate::actions::refusal::Overload;
use crate::actions::sessions::Session;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::DisplayName;
use crate::auth::{Begun, Issuer, NotSignedIn, openid};

pub(crate) use crate::auth::{Code, Kept};

/// The names of the providers, in order.
pub(crate) fn names(state: &AppState) -> Vec<String> {
    let issuers = state.tokens.issuers().all();
    let sign_ins = issuers
        .values()
        .filter_map(|one| one.settings().sign_in.as_ref());
    let mut names: Vec<String> = sign_ins.map(|sign_in| sign_in.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Begins a sign-in with a provider.
pub(crate) fn begin(state: &AppState, name: &str, callback: &str) -> Result<Begun, Refusal> {
    let issuer = find(state, name)?;
    openid::begin(&issuer, callback).map_err(|cause| refused(&issuer, &cause))
}

/// Ends a sign-in: a session of this hub, and the ID token, which ends the session at the provider later.
pub(crate) async fn finish(
    state: &AppState,
    name: &str,
    callback: &str,
    (answer, kept): (Code, Kept),
) -> Result<(Session, String), Refusal> {
    let issuer = find(state, name)?;
    let turn = state.exchanges.try_acquire();
    let turn = turn.map_err(|_none| Refusal::Overloaded(Overload::Providers))?;
    let token = openid::exchange(&issuer, callback, (answer, &kept), &state.outgoing).await;
    drop(turn);
    let token = token.map_err(|cause| refused(&issuer, &cause))?;
    let (claims, named) = state
        .tokens
        .verify_id_token(&issuer, &token, &kept.nonce)
        .map_err(|fault| refused(&issuer, &NotSignedIn::Failed(fault.to_string())))?;
    let named = named.and_then(|name| DisplayName::parse(name).ok());
    let account = identity::signed_in_as(state, &claims, named).await?;
    let ttl = state.policy.session_ttl;
    let issued = state.tokens.issue(&claims.subject, claims.role, ttl);
    let issued = issued.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    let user = UserView {
        id: claims.subject.clone(),
        display_name: account.unwrap_or_else(|| claims.subject.to_string()),
        role: claims.role,
    };
    let session = Session {
        token: issued.token,
        expires_at: issued.expires_at,
        user,
    };
    Ok((session, token))
}

/// The address that ends the session at a provider, if it has one.
pub(crate) fn end_session(
    state: &AppState,
    name: &str,
    id_token: Option<&str>,
    back: &str,
) -> Option<String> {
    let issuer = find(state, name).ok()?;
    Some(openid::end_session(&issuer, id_token, back)?.into())
}

fn find(state: &AppState, name: &str) -> Result<Arc<Issuer>, Refusal> {
    let issuers = state.tokens.issuers().all();
    let has_name = |issuer: &&Arc<Issuer>| {
        let settings = issuer.settings().sign_in.as_ref();
        settings.is_some_and(|settings| settings.name == name)
    };
    let found = issuers.values().find(has_name).cloned();
    found.ok_or(Refusal::NotFound(Thing::Provider))
}

fn refused(issuer: &Issuer, cause: &NotSignedIn) -> Refusal {
    log::warn!(
        "a sign-in with {} failed: {cause}",
        issuer.settings().issuer
    );
    match cause {
        NotSignedIn::Unknown => Refusal::NoKeys,
        NotSignedIn::Failed(_) => Refusal::ProviderFailed,
    }
}
