//! The cookies of sessions and of sign-ins.

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

/// The token of the session cookie, if the request carries one. A cookie of the same name may have been left for a wider domain
/// or another path, by another hub for one, and comes along with each request: then the one that is good counts.
pub(crate) fn token_of(request: &HttpRequest, state: &AppState) -> Option<String> {
    let name = name(is_secure(request, state));
    let tokens = values_of(request, name).filter(|token| !token.is_empty());
    let mut tokens: Vec<String> = tokens.take(MOST_SESSIONS).collect();
    let is_good = |token: &String| {
        let claims = state.tokens.verify(token);
        claims.is_ok_and(|claims| !state.revocations.contain(&claims))
    };
    let good = match tokens.len() {
        0 => return None,
        1 => None,
        _ => tokens.iter().position(is_good),
    };
    Some(tokens.swap_remove(good.unwrap_or_default()))
}

/// A cookie of the sign-in with a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Short {
    /// The sign-in that has begun, until the visitor comes back.
    Login,
    /// The provider and its ID token, for the sign-out alone: other requests need not carry it.
    Provider,
}

impl Short {
    /// The cookie that carries a value.
    pub(crate) fn holding(
        self,
        request: &HttpRequest,
        state: &AppState,
        value: String,
    ) -> Cookie<'static> {
        let secure = is_secure(request, state);
        let life = match self {
            Self::Login => SIGN_IN_WITHIN,
            Self::Provider => {
                Duration::try_from(state.policy.session_ttl).unwrap_or(SIGN_IN_WITHIN)
            }
        };
        self.cookie(secure, value, life)
    }

    /// The cookie that takes its place when it is over.
    pub(crate) fn cleared(self, request: &HttpRequest, state: &AppState) -> Cookie<'static> {
        let secure = is_secure(request, state);
        self.cookie(secure, String::new(), Duration::ZERO)
    }

    /// Its value, if the request carries one.
    pub(crate) fn value(self, request: &HttpRequest, state: &AppState) -> Option<String> {
        let value = value_of(request, self.name(is_secure(request, state)));
        value.filter(|value| !value.is_empty())
    }

    fn cookie(self, secure: bool, value: String, age: Duration) -> Cookie<'static> {
        let mut cookie = named(self.name(secure), secure, value, age);
        if matches!(self, Self::Provider) {
            cookie.set_path("/logout");
        }
        cookie
    }

    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Login, true) => "__Host-campanile_login",
            (Self::Login, false) => "campanile_login",
            // Such a name with `__Host-` would go to every path.
            (Self::Provider, true) => "__Secure-campanile_provider",
            (Self::Provider, false) => "campanile_provider",
        }
    }
}

/// The value of one cookie. The pairs are read as bytes (RFC 6265, section 4.2): those of other applications on the host
/// do not matter, whatever is in them. A value that is no text is a wrong one, not a missing one.
pub(crate) fn value_of(request: &HttpRequest, name: &str) -> Option<String> {
    values_of(request, name).next()
}

fn values_of<'a>(request: &'a HttpRequest, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = request.headers().get_all(header::COOKIE);
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let (found, value) = split_once(pair)?;
        let text = || std::str::from_utf8(value).unwrap_or(NOT_TEXT).to_owned();
        (found == name.as_bytes()).then(text)
    })
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
    named(name(secure), secure, value, age)
}

fn named(name: &'static str, secure: bool, value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(age)
        .finish()
}

/// The cookie's name: browsers keep `__Host-` cookies to one host over TLS.
fn name(secure: bool) -> &'static str {
    if secure { SECURE_SESSION } else { SESSION }
}

/// The session's cookie where the hub is reached by plain http.
pub(super) const SESSION: &str = "campanile_session";

/// The session's cookie where the hub is reached by https.
pub(super) const SECURE_SESSION: &str = "__Host-campanile_session";

/// Each is checked. Browsers send one for each domain and path.
const MOST_SESSIONS: usize = 5;

/// The time within which a visitor comes back from a provider.
const SIGN_IN_WITHIN: Duration = Duration::minutes(15);

/// In the place of a token that is not text. No token looks like this.
pub(crate) const NOT_TEXT: &str = "(not text)";
