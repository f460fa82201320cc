//! The session cookie.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;

use crate::actions::AppState;
use crate::actions::sessions::Session;
use crate::alarm::Timestamp;
use crate::http::origin::is_secure;

/// The cookie that carries a session.
pub(crate) fn of_session(
    request: &HttpRequest,
    state: &AppState,
    session: &Session,
) -> Cookie<'static> {
    let age = session.expires_at.seconds() - Timestamp::now().seconds();
    cookie(
        is_secure(request, state),
        session.token.clone(),
        Duration::seconds(age),
    )
}

/// The cookie that takes the session's place when it ends.
pub(crate) fn cleared(request: &HttpRequest, state: &AppState) -> Cookie<'static> {
    cookie(is_secure(request, state), String::new(), Duration::ZERO)
}

/// The token of the session cookie, if the request carries one.
pub(crate) fn token_of(request: &HttpRequest, state: &AppState) -> Option<String> {
    let name = name(is_secure(request, state));
    value_of(request, name).filter(|token| !token.is_empty())
}

/// The value of one cookie. The pairs are read as bytes (RFC 6265, section 4.2): those of other applications on the host
/// do not matter, whatever is in them. A value that is no text is a wrong one, not a missing one.
pub(crate) fn value_of(request: &HttpRequest, name: &str) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE);
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let (found, value) = split_once(pair)?;
        (found == name.as_bytes()).then_some(value)
    })?;
    Some(std::str::from_utf8(value).unwrap_or(NOT_TEXT).to_owned())
}

fn split_once(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = pair.split_at(at);
    let value = value.trim_ascii();
    let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii();
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    Some((name.trim_ascii(), quoted.unwrap_or(value)))
}

fn cookie(secure: bool, value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(name(secure), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(age)
        .finish()
}

/// The cookie's name: browsers keep `__Host-` cookies to one host over TLS.
fn name(secure: bool) -> &'static str {
    if secure {
        "__Host-campanile_session"
    } else {
        "campanile_session"
    }
}

/// In the place of a token that is not text. No token looks like this.
pub(crate) const NOT_TEXT: &str = "(not text)";
