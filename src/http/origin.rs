//! The origin a request comes from, as the browser tells it (RFC 6454, Fetch metadata).

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::actions::AppState;
use crate::http::problem::ApiError;

/// True if the browser says that the request comes from a page of this hub.
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

/// True if the browser says that the request comes from a page of this hub, or of an origin of the settings.
pub(crate) fn is_trusted_site(request: &HttpRequest, state: &AppState) -> bool {
    let is_named = |origin: &str| state.policy.origins.iter().any(|known| known == origin);
    is_same_origin(request) || origin(request).is_some_and(is_named)
}

fn origin(request: &HttpRequest) -> Option<&str> {
    let origin = request.headers().get(header::ORIGIN)?;
    origin.to_str().ok()
}

/// True if `Origin` names this hub.
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
