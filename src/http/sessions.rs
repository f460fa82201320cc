//! Signing in, up and out: shared by the JSON routes and the pages.

use std::net::IpAddr;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieAge};
use serde::{Deserialize, Serialize};

use crate::alarm::{DisplayName, Timestamp, UserId};
use crate::http::error::ApiError;
use crate::http::identity::{Identity, UserView, cookie_name};
use crate::http::state::AppState;
use crate::hub::{Bye, Close, Which};
use crate::store::{Account, NewAccount, StoreError};

/// `POST /api/auth/login`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    /// Who signs in.
    pub user_id: UserId,
    /// His password.
    pub password: String,
}

/// `POST /api/auth/signup`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Registration {
    /// The id he wants.
    pub user_id: UserId,
    /// The password he wants.
    pub password: String,
    /// The name people are to see.
    #[serde(default)]
    pub display_name: Option<DisplayName>,
}

/// A session that begins.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    /// The token.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whose it is.
    pub user: UserView,
}

/// Checks a password and begins a session.
pub(crate) async fn sign_in(
    state: &AppState,
    credentials: Credentials,
    from: IpAddr,
) -> Result<Session, ApiError> {
    let Credentials { user_id, password } = credentials;
    let attempt = state
        .limiter
        .charge(from, &user_id, Instant::now())
        .map_err(ApiError::TooManyAttempts)?;
    let account = state.store.account(&user_id).await?;
    let hash = account
        .as_ref()
        .and_then(|account| account.password_hash.clone());
    let matches = state.passwords.verify(password, hash).await?;
    let Some(account) = account.filter(|_account| matches) else {
        return Err(ApiError::BadCredentials);
    };
    state.limiter.succeed(&attempt, Instant::now());
    if account.disabled {
        return Err(ApiError::AccountDisabled);
    }
    begin(state, &account)
}

/// Makes an account and begins its first session. Hashing is dear, so each costs its address an attempt.
pub(crate) async fn sign_up(
    state: &AppState,
    registration: Registration,
    from: IpAddr,
) -> Result<Session, ApiError> {
    if !state.policy.signup_open {
        return Err(ApiError::SignupClosed);
    }
    // Whoever is on this machine already has its processor.
    if !from.is_loopback() {
        let charged = state.limiter.charge_address(from, Instant::now());
        charged.map_err(ApiError::TooManyAttempts)?;
    }
    let hash = state.passwords.hash(registration.password).await?;
    let account = NewAccount {
        display_name: registration.display_name,
        password_hash: Some(hash),
        ..NewAccount::named(registration.user_id)
    };
    let created = state.store.create_account(account).await;
    let created = created.map_err(|error| match error {
        StoreError::Conflict => ApiError::Exists("user"),
        other => ApiError::from(other),
    })?;
    begin(state, &created)
}

/// Ends the session a request came with: its token is good no more and its streams close.
pub(crate) async fn sign_out(state: &AppState, identity: &Identity) -> Result<(), ApiError> {
    let claims = identity.claims();
    state
        .store
        .revoke_token(claims.token_id.clone(), claims.expires_at)
        .await?;
    state
        .revocations
        .add(claims.token_id.clone(), claims.expires_at);
    state.rights.taken();
    let close = Close {
        which: Which::Token(claims.token_id.clone()),
        bye: Bye::Logout,
    };
    state.broadcaster.send(close).await?;
    Ok(())
}

/// The cookie that carries a session.
pub(crate) fn session_cookie(state: &AppState, session: &Session) -> Cookie<'static> {
    let age = session.expires_at.seconds() - Timestamp::now().seconds();
    cookie(state, session.token.clone(), CookieAge::seconds(age))
}

/// The cookie that takes the session's place when it ends.
pub(crate) fn cleared_cookie(state: &AppState) -> Cookie<'static> {
    cookie(state, String::new(), CookieAge::ZERO)
}

/// Where a request comes from, for the limit on guessing. A peer on a private network that says for whom it speaks is
/// taken for a proxy; of what it says only the last address is its own word.
pub(crate) fn peer_address(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
    // A proxy may add a line of its own below the client's.
    let forwarded = request.headers().get_all("x-forwarded-for").last();
    let last = forwarded
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse().ok());
    if is_private(peer) {
        last.unwrap_or(peer)
    } else {
        peer
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

fn begin(state: &AppState, account: &Account) -> Result<Session, ApiError> {
    let issued = state
        .tokens
        .issue(&account.id, account.role, state.policy.session_ttl);
    let issued = issued.map_err(|cause| ApiError::Internal(cause.to_string()))?;
    Ok(Session {
        token: issued.token,
        expires_at: issued.expires_at,
        user: UserView::of(account),
    })
}

fn cookie(state: &AppState, value: String, age: CookieAge) -> Cookie<'static> {
    Cookie::build(cookie_name(state.policy.tls), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.policy.tls)
        .max_age(age)
        .finish()
}
