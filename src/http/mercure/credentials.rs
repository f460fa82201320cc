//! The token of a request of the protocol: from the header, the query (version 0 only) or a cookie.

use actix_web::HttpRequest;
use actix_web::http::header;
use url::Url;

use crate::actions::mercure::Mercure;
use crate::actions::{AppState, Refusal, mercure_tokens};
use crate::auth::mercure::{MercureGrants, MercureRole, NO_KEYS, Version, version_of};
use crate::http::cookies;
use crate::http::mercure::answer::MercureError;
use crate::http::mercure::form::{Form, Value};
use crate::http::mercure::paths;
use crate::http::origin;
use crate::http::peer;

/// The rights of a request; `None` without a token. A token that is presented and not valid is an error, also where everybody
/// may subscribe.
pub(super) async fn grants(
    request: &HttpRequest,
    state: &AppState,
    mercure: &Mercure,
    role: MercureRole,
) -> Result<Option<MercureGrants>, MercureError> {
    let Some(token) = presented(request, mercure, role)? else {
        return Ok(None);
    };
    let audience = audience(request, state);
    let grants = mercure_tokens::grants(state, mercure, (&token, role), audience.as_deref());
    match grants.await? {
        Ok(grants) => Ok(Some(grants)),
        Err(NO_KEYS) => Err(Refusal::NoKeys.into()),
        Err(fault) => {
            log::info!("a Mercure token was refused: {fault}");
            Err(MercureError::InvalidToken)
        }
    }
}

/// The dialect of the token of a request, for the form of an error.
pub(super) fn version(request: &HttpRequest, mercure: &Mercure, role: MercureRole) -> Version {
    let token = presented(request, mercure, role).ok().flatten();
    match token.as_deref().and_then(version_of) {
        Some(Version::Zero) if mercure.keys.version_0 => Version::Zero,
        _ => Version::One,
    }
}

fn presented(
    request: &HttpRequest,
    mercure: &Mercure,
    role: MercureRole,
) -> Result<Option<String>, MercureError> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    if let Some(value) = headers.next() {
        let value = value.to_str().ok().filter(|_one| headers.next().is_none());
        let token = value.and_then(bearer).ok_or(MercureError::InvalidRequest)?;
        return Ok(Some(token.to_owned()));
    }
    if let Some(token) = in_query(request, mercure)? {
        return Ok(Some(token));
    }
    let Some(token) = cookie(request, mercure) else {
        return Ok(None);
    };
    if role == MercureRole::Publisher {
        check_site(request, mercure)?;
    }
    Ok(Some(token))
}

/// The token in the address, where version 0 is taken. Version 1.0 ignores one there.
fn in_query(request: &HttpRequest, mercure: &Mercure) -> Result<Option<String>, MercureError> {
    if !mercure.keys.version_0 {
        return Ok(None);
    }
    let form = Form::parse(request.query_string().as_bytes());
    let is_old =
        |token: &&Value| !matches!(token, Ok(token) if version_of(token) == Some(Version::One));
    let mut tokens = form.all("authorization").filter(is_old);
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some(Ok(token)), None) => Ok(Some(token.clone())),
        (Some(_), _) => Err(MercureError::InvalidToken),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    (scheme.eq_ignore_ascii_case(BEARER) && token.len() >= LEAST_TOKEN).then_some(token)
}

fn cookie(request: &HttpRequest, mercure: &Mercure) -> Option<String> {
    let own = cookies::value_of(request, "__Secure-mercure_access_token");
    own.or_else(|| {
        let earlier = || cookies::value_of(request, "mercureAuthorization");
        mercure.keys.version_0.then(earlier).flatten()
    })
}

/// Refuses a request that changes something with a cookie, unless it comes from a page of the settings: the browser sends the
/// cookie whoever made the request.
fn check_site(request: &HttpRequest, mercure: &Mercure) -> Result<(), MercureError> {
    let text = |name| request.headers().get(name)?.to_str().ok();
    let from_referer = || {
        let referer = Url::parse(text(header::REFERER)?).ok()?;
        Some(referer.origin().ascii_serialization())
    };
    let origin = text(header::ORIGIN)
        .map(str::to_owned)
        .or_else(from_referer);
    let is_named = |origin: String| {
        let mut allowed = mercure.publish_origins.iter();
        allowed.any(|pattern| pattern.contains(&origin))
    };
    if origin.is_some_and(is_named) {
        return Ok(());
    }
    Err(MercureError::InvalidRequest)
}

/// The identifier of this hub: by the setting, or by the request on a machine that only serves itself.
fn audience(request: &HttpRequest, state: &AppState) -> Option<String> {
    let is_known = state.policy.public_url.is_some() || peer::is_local(request);
    let own = origin::own(request, state).filter(|_own| is_known)?;
    Some(format!("{own}{}", paths::HUB))
}

const BEARER: &str = "Bearer ";

/// No token of any kind is shorter.
const LEAST_TOKEN: usize = 41;
