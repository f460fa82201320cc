//! The origin of the hub and the origin a request comes from (RFC 6454, Fetch metadata).

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::actions::AppState;
use crate::http::peer;
use crate::http::problem::ApiError;
use crate::net::Origin;

/// The origin under which the client sees the hub: the setting, else as TLS, a trusted proxy and `Host` tell.
pub(crate) fn own(request: &HttpRequest, state: &AppState) -> Option<Origin> {
    if let Some(public) = &state.policy.public_url {
        return Some(public.clone());
    }
    let client = peer::client(request, state);
    let scheme = scheme(client.scheme.as_deref(), state);
    let authority = client.host.or_else(|| host(request))?;
    Origin::of(scheme, &authority)
}

/// True if the client reaches the hub by `https`.
pub(crate) fn is_secure(request: &HttpRequest, state: &AppState) -> bool {
    if let Some(public) = &state.policy.public_url {
        return public.is_https();
    }
    let told = peer::client(request, state).scheme;
    scheme(told.as_deref(), state) == "https"
}

/// True if the browser says that the request comes from a page of this hub.
pub(crate) fn is_same_origin(request: &HttpRequest, state: &AppState) -> bool {
    let mut sites = request.headers().get_all("sec-fetch-site").peekable();
    if sites.peek().is_none() {
        return has_same_origin(request, state);
    }
    sites.all(|site| site == "same-origin")
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

/// True if the browser says that the request comes from a page of this hub, or of an origin of the settings.
pub(crate) fn is_trusted_site(request: &HttpRequest, state: &AppState) -> bool {
    let is_named = |origin: Origin| state.policy.origins.contains(&origin);
    is_same_origin(request, state) || origin(request).is_some_and(is_named)
}

/// True if `Origin` names this hub.
pub(crate) fn has_same_origin(request: &HttpRequest, state: &AppState) -> bool {
    match (origin(request), own(request, state)) {
        (Some(named), Some(own)) => named == own,
        _ => false,
    }
}

/// The origin that `Origin` names; `None` for `null`, and for several that differ.
fn origin(request: &HttpRequest) -> Option<Origin> {
    let mut lines = request.headers().get_all(header::ORIGIN);
    let origin = lines.next()?;
    if lines.any(|other| other != origin) {
        return None;
    }
    origin.to_str().ok()?.parse().ok()
}

fn scheme(told: Option<&str>, state: &AppState) -> &'static str {
    match told {
        _ if state.policy.tls => "https",
        Some(told) if told.eq_ignore_ascii_case("https") || told.eq_ignore_ascii_case("wss") => {
            "https"
        }
        _ => "http",
    }
}

/// The authority of the request (RFC 9110, section 7.2): HTTP/2 and an absolute target name it themselves.
fn host(request: &HttpRequest) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_owned());
    }
    let host = request.headers().get(header::HOST)?;
    Some(host.to_str().ok()?.to_owned())
}
