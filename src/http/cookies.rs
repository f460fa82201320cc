//! The session cookie.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};

use crate::actions::AppState;
use crate::actions::sessions::Session;
use crate::alarm::Timestamp;

/// The cookie that carries a session.
pub(crate) fn of_session(state: &AppState, session: &Session) -> Cookie<'static> {
    let age = session.expires_at.seconds() - Timestamp::now().seconds();
    cookie(state, session.token.clone(), Duration::seconds(age))
}

/// The cookie that takes the session's place when it ends.
pub(crate) fn cleared(state: &AppState) -> Cookie<'static> {
    cookie(state, String::new(), Duration::ZERO)
}

/// The token of the session cookie, if the request carries one.
pub(crate) fn token_of(request: &HttpRequest, state: &AppState) -> Option<String> {
    let cookie = request.cookie(name(state.policy.tls))?;
    Some(cookie.value().to_owned()).filter(|token| !token.is_empty())
}

fn cookie(state: &AppState, value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(name(state.policy.tls), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.policy.tls)
        .max_age(age)
        .finish()
}

/// The cookie's name: browsers keep `__Host-` cookies to one host over TLS.
fn name(tls: bool) -> &'static str {
    if tls {
        "__Host-campanile_session"
    } else {
        "campanile_session"
    }
}
