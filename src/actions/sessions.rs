//! Signing in, up and out.

use std::net::IpAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::actions::audit::Actor;
use crate::actions::identity::{Identity, UserView};
use crate::actions::{AppState, Refusal, Thing, streams};
use crate::alarm::schema::NewPassword;
use crate::alarm::{DisplayName, Timestamp, UserId};
use crate::auth::Home;
use crate::hub::{Frame, Notify};
use crate::net::Network;
use crate::store::{Account, NewAccount, StoreError};

/// The credentials of a sign-in.
#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The user's id.
    pub user_id: UserId,
    /// The user's password.
    pub password: String,
}

/// The account a sign-up asks for.
#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Registration {
    /// The user's id.
    pub user_id: UserId,
    /// The user's password.
    #[schema(value_type = NewPassword)]
    pub password: String,
    /// The name people see; by default the id.
    #[serde(default)]
    pub display_name: Option<DisplayName>,
}

/// A new session.
#[derive(utoipa::ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    /// The session's token.
    pub token: String,
    /// The end of the token.
    pub expires_at: Timestamp,
    /// The user the token speaks for.
    pub user: UserView,
}

/// Checks a password and begins a session.
pub(crate) async fn sign_in(
    state: &AppState,
    credentials: Credentials,
    from: IpAddr,
) -> Result<Session, Refusal> {
    if !state.policy.passwords {
        return Err(Refusal::PasswordsOff);
    }
    let Credentials { user_id, password } = credentials;
    let network = Network::of(from);
    if state.limiter.doubts(network, &user_id) {
        let known = state
            .store
            .has_signed_in_from(&user_id, network.to_string());
        if known.await? {
            state.limiter.remember(network, &user_id);
        }
    }
    let attempt = state.limiter.reserve(network, &user_id).await;
    let attempt = attempt.inspect_err(|_held| state.metrics.sign_in_failed("limited"))?;
    let account = state.store.account(&user_id).await?;
    let hash = account
        .as_ref()
        .and_then(|account| account.password_hash.clone());
    let matches = state.passwords.verify(password, hash).await?;
    let Some(account) = account.filter(|_account| matches) else {
        attempt.fail();
        state.metrics.sign_in_failed("credentials");
        return Err(Refusal::BadCredentials);
    };
    if attempt.succeed() == Home::New {
        state.networks.keep(&user_id, network);
    }
    if account.disabled {
        state.metrics.sign_in_failed("disabled");
        return Err(Refusal::AccountDisabled);
    }
    begin(state, &account)
}

/// Makes an account and begins its first session. Hashing costs processor time, so the sign-ups of a network are limited.
pub(crate) async fn sign_up(
    state: &AppState,
    registration: Registration,
    from: IpAddr,
) -> Result<Session, Refusal> {
    if !state.policy.passwords {
        return Err(Refusal::PasswordsOff);
    }
    if !state.policy.signup_open {
        return Err(Refusal::SignupClosed);
    }
    // A program on this machine has its processor already.
    if !from.is_loopback() {
        let charged = state.limiter.sign_up(Network::of(from), Instant::now());
        charged.map_err(Refusal::TooManyAttempts)?;
    }
    let hash = state.passwords.hash(registration.password).await?;
    let account = NewAccount {
        display_name: registration.display_name,
        password_hash: Some(hash),
        ..NewAccount::named(registration.user_id)
    };
    let by = Actor {
        name: account.id.to_string(),
        address: from.to_string(),
    };
    let created = state.store.create_account(account, by).await;
    let created = created.map_err(|error| match error {
        StoreError::Conflict => Refusal::Exists(Thing::User),
        other => Refusal::from(other),
    })?;
    let network = Network::of(from);
    state.limiter.remember(network, &created.id);
    state.networks.keep(&created.id, network);
    begin(state, &created)
}

/// Ends the session of a request: its token is revoked and its streams are closed. That comes first and cannot fail: if the
/// database cannot store it, the user hears so and is out all the same, and it is stored later.
pub(crate) async fn sign_out(state: &AppState, identity: &Identity) -> Result<(), Refusal> {
    let claims = identity.claims();
    let (token_id, expires_at) = (claims.token_id.clone(), claims.expires_at);
    state.revocations.add(token_id.clone(), expires_at);
    let closed = streams::close_revoked(state, token_id.clone()).await;
    let stored = state.store.revoke_token(token_id.clone(), expires_at).await;
    if stored.is_err() {
        state.unstored.keep(token_id.clone(), expires_at);
    }
    let told = tell_tabs(state, &claims.subject, token_id).await;
    stored?;
    closed?;
    told
}

/// Tells the streams of a user that a session ended: a tab may hold this session and hear by the stream of another, at any hub.
async fn tell_tabs(state: &AppState, user_id: &UserId, session: String) -> Result<(), Refusal> {
    if let Some(cluster) = &state.cluster {
        let told = cluster.tell_session_end(user_id, session.clone()).await;
        if told.is_ok() {
            return Ok(());
        }
    }
    let told = Notify {
        user_id: user_id.clone(),
        frame: Frame::session_ended(&session),
    };
    Ok(state.broadcaster.send(told).await?)
}

fn begin(state: &AppState, account: &Account) -> Result<Session, Refusal> {
    let issued = state
        .tokens
        .issue(&account.id, account.role, state.policy.session_ttl);
    let issued = issued.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(Session {
        token: issued.token,
        expires_at: issued.expires_at,
        user: UserView::of(account),
    })
}
