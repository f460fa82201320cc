//! Who sends a request. A handler that holds one of these extractors is authorised; there is no other way to make one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::alarm::{DisplayName, Role, UserId};
use crate::auth::Claims;
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::state::{AppState, Version};
use crate::store::{Account, Inbox, NewAccount, Remembered};

/// Whoever has a good token.
pub(crate) struct Identity {
    /// What had been taken from whom when the token was checked.
    rights: Version,
    claims: Arc<Claims>,
    account: Option<Arc<Account>>,
    source: Source,
}

/// A user or an admin: somebody with an inbox.
pub(crate) struct Member(Identity);

/// A service or an admin: somebody who may publish to others.
pub(crate) struct Publisher(Identity);

/// An admin.
pub(crate) struct Admin(Identity);

/// Whoever has a good token, which on stream routes may come in the query.
pub(crate) struct Subscriber(Identity);

/// Where the token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Header,
    Cookie,
    Query,
}

impl Identity {
    /// Who it is.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.claims.subject
    }

    /// What he may do.
    pub(crate) fn role(&self) -> Role {
        self.claims.role
    }

    /// What his token says.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The name people see: of the account, else the id.
    pub(crate) fn display_name(&self) -> String {
        let name = self
            .account
            .as_ref()
            .map(|account| account.display_name.as_str());
        name.unwrap_or(self.claims.subject.as_str()).to_owned()
    }

    /// Whether somebody's rights were taken since the token was checked: then it is to be checked again.
    pub(crate) fn is_stale(&self, state: &AppState) -> bool {
        self.rights != state.rights.version()
    }

    /// Whether the browser sent the token by itself, as it does with cookies.
    pub(crate) fn came_by_cookie(&self) -> bool {
        self.source == Source::Cookie
    }

    /// His reading of the log.
    pub(crate) fn inbox(&self) -> Inbox {
        match &self.account {
            Some(account) => Inbox::of(account, self.role()),
            None => Inbox::of_stranger(self.user_id().clone(), self.role()),
        }
    }
}

/// Checks the token a request carries; `None` if it carries none.
pub(crate) async fn identify(
    request: &HttpRequest,
    query_allowed: QueryToken,
) -> Result<Option<Identity>, ApiError> {
    let state = request
        .app_data::<Data<AppState>>()
        .ok_or_else(|| ApiError::Internal("no state".to_owned()))?;
    let Some((token, source)) = presented(request, state, query_allowed) else {
        return Ok(None);
    };
    let rights = state.rights.version();
    let claims = state
        .tokens
        .verify(&token)
        .map_err(|_invalid| ApiError::InvalidToken)?;
    if state.revocations.contains(&claims.token_id) {
        return Err(ApiError::InvalidToken);
    }
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if source == Source::Cookie && !safe && !is_trusted_site(request, state) {
        return Err(ApiError::CrossOrigin);
    }
    let account = account_of(state, &claims).await?;
    Ok(Some(Identity {
        rights,
        claims,
        account,
        source,
    }))
}

/// Whether a route takes `?token=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryToken {
    Refused,
    Accepted,
}

/// The session cookie's name: browsers keep `__Host-` cookies to one host over TLS.
pub(crate) fn cookie_name(tls: bool) -> &'static str {
    if tls {
        "__Host-campanile_session"
    } else {
        "campanile_session"
    }
}

/// Whether the browser says that the request comes from a page of this hub.
pub(crate) fn is_same_origin(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    match site.and_then(|value| value.to_str().ok()) {
        Some(site) => site == "same-origin",
        None => has_same_origin(request),
    }
}

/// Refuses a form or a script of another site that would sign a person in as somebody else. A program that names no
/// origin is no browser.
pub(crate) fn refuse_other_sites(request: &HttpRequest, state: &AppState) -> Result<(), ApiError> {
    let headers = request.headers();
    let is_browser = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if is_browser && !is_trusted_site(request, state) {
        return Err(ApiError::CrossOrigin);
    }
    Ok(())
}

/// Whether the browser says that the request comes from a page of this hub, or of a site the operator named.
fn is_trusted_site(request: &HttpRequest, state: &AppState) -> bool {
    let is_named = |origin: &str| state.policy.origins.iter().any(|known| known == origin);
    is_same_origin(request) || origin(request).is_some_and(is_named)
}

fn origin(request: &HttpRequest) -> Option<&str> {
    let origin = request.headers().get(header::ORIGIN)?;
    origin.to_str().ok()
}

/// Whether `Origin` names this hub.
pub(crate) fn has_same_origin(request: &HttpRequest) -> bool {
    let Some(origin) = origin(request) else {
        return false;
    };
    let host = request.connection_info().host().to_ascii_lowercase();
    let origin = origin.to_ascii_lowercase();
    let named = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    named.is_some_and(|named| named == host)
}

fn presented(
    request: &HttpRequest,
    state: &AppState,
    query_allowed: QueryToken,
) -> Option<(String, Source)> {
    if let Some(token) = bearer(request) {
        return Some((token, Source::Header));
    }
    let query_allowed = query_allowed == QueryToken::Accepted && state.policy.query_token;
    let in_query = || {
        let params = Params::of(request.query_string());
        let token = params.all("token").next().map(str::to_owned);
        token.map(|token| (token, Source::Query))
    };
    let cookie = request
        .cookie(cookie_name(state.policy.tls))
        .map(|cookie| cookie.value().to_owned());
    let cookie = cookie.filter(|value| !value.is_empty());
    // A token in the query was put there for this very request; the cookie comes along with every one.
    let query = query_allowed.then(in_query).flatten();
    query.or_else(|| cookie.map(|token| (token, Source::Cookie)))
}

/// The token of `Authorization: Bearer`, the scheme in any case (RFC 9110, section 11.1). One that is not even text is a
/// token all the same: it is refused, not overlooked.
fn bearer(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?;
    let value = String::from_utf8_lossy(value.as_bytes());
    let (scheme, token) = value.split_once(' ').unwrap_or((&value, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// Whether a token was issued before its account's role changed. Tokens tell their time in whole seconds, so one of that
/// very second counts by the role it names.
fn predates_role(claims: &Claims, account: &Account) -> bool {
    let (issued, changed) = (
        claims.issued_at.seconds(),
        account.tokens_valid_from.seconds(),
    );
    issued < changed || (issued == changed && claims.role != account.role)
}

async fn account_of(state: &AppState, claims: &Claims) -> Result<Option<Arc<Account>>, ApiError> {
    let mut account = match state.store.remembered(&claims.subject) {
        Remembered::Account(account) => Some(account),
        // Whom it would shut out may have got an account from the command line since.
        Remembered::Nobody if claims.role != Role::User => None,
        Remembered::Nobody | Remembered::Nothing => {
            state.store.known_account(&claims.subject).await?
        }
    };
    if account.is_none() && claims.role == Role::User {
        if !state.policy.any_user {
            return Err(ApiError::UnknownSubject);
        }
        state
            .store
            .upsert_accounts(vec![NewAccount::named(claims.subject.clone())])
            .await?;
        account = state.store.known_account(&claims.subject).await?;
    }
    if let Some(account) = &account {
        if account.disabled {
            return Err(ApiError::AccountDisabled);
        }
        if predates_role(claims, account) {
            return Err(ApiError::InvalidToken);
        }
    }
    Ok(account)
}

/// An extractor over an identity that passes a check.
macro_rules! extractor {
    ($name:ident, $query:expr, $check:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let identity = identify(&request, $query)
                        .await?
                        .ok_or(ApiError::Unauthorized)?;
                    let check: fn(Identity) -> Result<Self, ApiError> = $check;
                    check(identity)
                })
            }
        }
    };
}

extractor!(Identity, QueryToken::Refused, Ok);
extractor!(
    Member,
    QueryToken::Refused,
    |identity| match identity.role() {
        Role::User | Role::Admin => Ok(Self(identity)),
        Role::Service => Err(ApiError::Forbidden("a service has no inbox")),
    }
);
extractor!(
    Publisher,
    QueryToken::Refused,
    |identity| match identity.role() {
        Role::Service | Role::Admin => Ok(Self(identity)),
        Role::User => Err(ApiError::Forbidden("this needs the role service or admin")),
    }
);
extractor!(
    Admin,
    QueryToken::Refused,
    |identity| match identity.role() {
        Role::Admin => Ok(Self(identity)),
        Role::User | Role::Service => Err(ApiError::Forbidden("this needs the role admin")),
    }
);

impl FromRequest for Subscriber {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match identify(&request, QueryToken::Accepted).await {
                Ok(Some(identity)) => Ok(Self(identity)),
                Ok(None) => Err(ApiError::Unauthorized),
                // Any other answer and a browser would come back for ever.
                Err(ApiError::AccountDisabled) => Err(ApiError::StopStreaming),
                Err(error) => Err(error),
            }
        })
    }
}

macro_rules! derefs_to_identity {
    ($($name:ident),*) => {
        $(impl std::ops::Deref for $name {
            type Target = Identity;

            fn deref(&self) -> &Identity {
                &self.0
            }
        })*
    };
}

derefs_to_identity!(Member, Publisher, Admin, Subscriber);

/// What the wire shows of a user.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// His id.
    pub id: UserId,
    /// The name people see.
    pub display_name: String,
    /// What he may do.
    pub role: Role,
}

impl UserView {
    /// What is shown of an account.
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            display_name: DisplayName::to_string(&account.display_name),
            role: account.role,
        }
    }
}
