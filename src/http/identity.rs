//! Extractors of the caller of a request. A handler that holds one is authorised; there is no other way to make one.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use percent_encoding::percent_decode;
use tokio::sync::OwnedSemaphorePermit;

use crate::actions::audit::Actor;
use crate::actions::identity::{self, Identity, Verified};
use crate::actions::{AppState, Forbidden, Refusal, api_keys};
use crate::alarm::{Role, Scope, UserId};
use crate::auth::{KeyRing, TokenFault};
use crate::http::body::Params;
use crate::http::cookies;
use crate::http::origin::is_trusted_site;
use crate::http::peer;
use crate::http::problem::ApiError;

/// A caller with a good token.
pub(crate) struct Caller {
    identity: Identity,
    source: Source,
}

/// A user or an administrator: a caller with an inbox.
pub(crate) struct Member(Caller);

/// A caller of any kind.
pub(crate) struct Anyone(Caller);

/// A person or a service with a token: no API key.
pub(crate) struct Holder(Caller);

/// A service, an administrator or an API key: a caller who may publish to others, a key within its scopes and topics.
pub(crate) struct Publisher(Caller);

/// A service, an administrator or an API key of the scope `users`: a caller who may make and change accounts.
pub(crate) struct UserKeeper(Caller);

/// An API key.
pub(crate) struct KeyHolder(Caller);

/// An administrator, or an API key of the scope `types` or `admin`: a caller who may declare types of alarms.
pub(crate) struct TypeKeeper(Caller);

/// An administrator.
pub(crate) struct Admin(Caller);

/// A caller with a good token, which on stream routes may come in the query; and their turn to open a stream.
pub(crate) struct Subscriber {
    caller: Caller,
    _turn: Option<OwnedSemaphorePermit>,
}

/// The part of the request that carried the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Header,
    Cookie,
    Query,
}

/// Tells whether a route accepts `?token=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryToken {
    Refused,
    Accepted,
}

impl Caller {
    /// True if the browser sent the token by itself, as it does with cookies.
    pub(crate) fn came_by_cookie(&self) -> bool {
        self.source == Source::Cookie
    }

    /// The caller as the audit log names them.
    pub(crate) fn actor(&self, request: &HttpRequest, state: &AppState) -> Actor {
        Actor {
            name: self.actor_name().to_string(),
            address: peer::address(request, state).to_string(),
        }
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

/// Checks the token a request carries; `None` if it carries none.
pub(crate) async fn identify(
    request: &HttpRequest,
    query_allowed: QueryToken,
) -> Result<Option<Caller>, ApiError> {
    let state = state_of(request)?;
    let Some((token, source)) = presented(request, state, query_allowed)? else {
        return Ok(None);
    };
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    // An invalid token is told first: signing in again is what helps.
    let verified = verify(state, &token, source).await?;
    if source == Source::Cookie && !safe && !is_trusted_site(request, state) {
        return Err(ApiError::CrossOrigin);
    }
    refuse_other_user(request, verified.user_id())?;
    let identity = verified.identity(state).await?;
    if let Some(key) = identity.key() {
        state.key_uses.count(key, peer::address(request, state));
    }
    Ok(Some(Caller { identity, source }))
}

/// Checks a token or an API key. A key that is not known may have been made at another hub a moment ago, so all keys are read
/// again for it, once a second at most.
async fn verify(state: &AppState, token: &str, source: Source) -> Result<Verified, Refusal> {
    if !KeyRing::is_key(token) {
        return identity::verify(state, token);
    }
    if source != Source::Header {
        return Err(Refusal::InvalidToken(TokenFault::KeyElsewhere));
    }
    let found = identity::verify(state, token);
    if matches!(found, Err(Refusal::InvalidToken(TokenFault::UnknownApiKey))) {
        state.metrics.unknown_api_keys.inc();
        if state.keys.may_ask() {
            api_keys::refresh(state).await?;
            return identity::verify(state, token);
        }
    }
    found
}

fn state_of(request: &HttpRequest) -> Result<&Data<AppState>, Refusal> {
    let state = request.app_data::<Data<AppState>>();
    state.ok_or_else(|| Refusal::Internal("no state".to_owned()))
}

/// The token a request presents. One in the query of a stream route was put there for this very request, so it is taken
/// or refused, never passed over for the cookie that comes along with every one.
fn presented(
    request: &HttpRequest,
    state: &AppState,
    query_allowed: QueryToken,
) -> Result<Option<(String, Source)>, ApiError> {
    if let Some(token) = bearer(request) {
        return Ok(Some((token, Source::Header)));
    }
    if query_allowed == QueryToken::Accepted {
        let params = Params::of(request.query_string());
        if let Some(token) = only(params.all("token")) {
            if !state.policy.query_token {
                return Err(ApiError::QueryTokenRefused);
            }
            return Ok(Some((token, Source::Query)));
        }
    }
    Ok(cookies::token_of(request, state).map(|token| (token, Source::Cookie)))
}

/// Refuses a request whose page was made for another user: between two requests of a page another user may have signed
/// in, and the browser sends that user's cookie. The header is percent-encoded, as an id may hold any letter.
fn refuse_other_user(request: &HttpRequest, user_id: &UserId) -> Result<(), ApiError> {
    for expected in request.headers().get_all("campanile-user") {
        let expected = percent_decode(expected.as_bytes())
            .decode_utf8()
            .map_err(|_cause| ApiError::OtherUser("whose id cannot be read".to_owned()))?;
        if expected != user_id.as_str() {
            return Err(ApiError::OtherUser(expected.into_owned()));
        }
    }
    Ok(())
}

/// The token of `Authorization: Bearer`, the scheme in any case (RFC 9110, section 11.1), among other schemes on other lines. One
/// that is not text is a token all the same: it is refused, not overlooked.
fn bearer(request: &HttpRequest) -> Option<String> {
    let lines = request.headers().get_all(header::AUTHORIZATION);
    only(lines.filter_map(|line| token_of_line(line.as_bytes())))
}

fn token_of_line(line: &[u8]) -> Option<&str> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let (scheme, token) = (parts.next()?, parts.next().unwrap_or_default());
    let token = std::str::from_utf8(token).unwrap_or(cookies::NOT_TEXT);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim())
}

/// The token that is given. Several that differ are one list (RFC 9110, section 5.3), which is no token: none of them is overlooked.
fn only<'a>(tokens: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut tokens: Vec<&str> = tokens.collect();
    tokens.dedup();
    (!tokens.is_empty()).then(|| tokens.join(", "))
}

/// Implements an extractor of a caller who passes a check.
macro_rules! extractor {
    ($name:ident, $query:expr, $check:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let caller = identify(&request, $query)
                        .await?
                        .ok_or(ApiError::Unauthorized)?;
                    let check: fn(Caller) -> Result<Self, ApiError> = $check;
                    check(caller)
                })
            }
        }
    };
}

extractor!(Anyone, QueryToken::Refused, |caller| Ok(Self(caller)));
extractor!(Holder, QueryToken::Refused, |caller| match caller.key() {
    None => Ok(Self(caller)),
    Some(_key) => Err(Refusal::Forbidden(Forbidden::ApiKey).into()),
});
extractor!(Member, QueryToken::Refused, |caller| match caller.role() {
    Role::User | Role::Admin => Ok(Self(caller)),
    Role::Service => Err(Refusal::Forbidden(Forbidden::ServiceInbox).into()),
});
extractor!(
    Publisher,
    QueryToken::Refused,
    |caller| match caller.role() {
        Role::Service | Role::Admin => Ok(Self(caller)),
        Role::User => Err(Refusal::Forbidden(Forbidden::NeedsPublisher).into()),
    }
);
extractor!(UserKeeper, QueryToken::Refused, |caller| {
    match (caller.key(), caller.role()) {
        (Some(key), _) => api_keys::require(key, Scope::Users)?,
        (None, Role::Service | Role::Admin) => {}
        (None, Role::User) => return Err(Refusal::Forbidden(Forbidden::NeedsPublisher).into()),
    }
    Ok(Self(caller))
});
extractor!(KeyHolder, QueryToken::Refused, |caller| {
    match caller.key() {
        Some(_key) => Ok(Self(caller)),
        None => Err(Refusal::Forbidden(Forbidden::NeedsKey).into()),
    }
});
extractor!(Admin, QueryToken::Refused, |caller| {
    if let Some(key) = caller.key() {
        api_keys::require(key, Scope::Admin)?;
    } else if caller.role() != Role::Admin {
        return Err(Refusal::Forbidden(Forbidden::NeedsAdmin).into());
    }
    Ok(Self(caller))
});

extractor!(TypeKeeper, QueryToken::Refused, |caller| {
    if let Some(key) = caller.key() {
        if !key.grant.keeps_types() {
            return Err(Refusal::MissingScope(Scope::Types).into());
        }
    } else if caller.role() != Role::Admin {
        return Err(Refusal::Forbidden(Forbidden::NeedsAdmin).into());
    }
    Ok(Self(caller))
});

impl FromRequest for Subscriber {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let turn = state_of(&request)?.opening().await?;
            match identify(&request, QueryToken::Accepted).await {
                Ok(Some(caller)) => {
                    if let Some(key) = caller.key() {
                        api_keys::require(key, Scope::Watch)?;
                    }
                    Ok(Self {
                        caller,
                        _turn: turn,
                    })
                }
                Ok(None) => Err(ApiError::Unauthorized),
                // Any other answer and a browser would come back for ever.
                Err(ApiError::Refused(Refusal::AccountDisabled)) => Err(ApiError::StopStreaming),
                Err(error) => Err(error),
            }
        })
    }
}

macro_rules! derefs_to_caller {
    ($($name:ident),*) => {
        $(impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        })*
    };
}

derefs_to_caller!(
    Anyone, Holder, Member, Publisher, UserKeeper, KeyHolder, Admin, TypeKeeper
);

impl Subscriber {
    /// Refuses an API key, which has no inbox and is nobody in a room.
    pub(crate) fn refuse_key(&self) -> Result<(), Refusal> {
        match self.caller.key() {
            None => Ok(()),
            Some(_key) => Err(Refusal::Forbidden(Forbidden::ApiKey)),
        }
    }

    /// Gives the turn back: the stream is open.
    pub(crate) fn opened(self) -> Caller {
        self.caller
    }
}

impl Deref for Subscriber {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}
