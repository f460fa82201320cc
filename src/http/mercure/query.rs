//! The parameters of a subscription: matchers, and the id that the client saw last.

use actix_web::HttpRequest;

use crate::actions::mercure::Mercure;
use crate::alarm::update::{InvalidMatcher, MatchType, Matcher};
use crate::auth::mercure::Version;
use crate::http::mercure::answer::MercureError;
use crate::http::mercure::form::{Form, NotText, Value};

/// The id that a client saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LastSeen {
    /// It names none.
    NotAsked,
    /// It asks to be told where the stream starts.
    Empty,
    /// This one.
    Id(String),
}

/// The dialect of a subscription.
pub(super) fn version(form: &Form, mercure: &Mercure) -> Version {
    let is_old = ["topic", "lastEventID", "Last-Event-ID"]
        .iter()
        .any(|name| form.has(name));
    if mercure.keys.version_0 && is_old {
        Version::Zero
    } else {
        Version::One
    }
}

/// The matchers of a subscription, in the order in which they are written.
pub(super) fn matchers(
    form: &Form,
    mercure: &Mercure,
) -> Result<Vec<(MatchType, Matcher)>, MercureError> {
    let mut matchers = Vec::new();
    for (name, value) in form.pairs() {
        let kind = match name {
            "match" | "match_exact" => MatchType::Exact,
            "match_urlpattern" => MatchType::UrlPattern,
            "topic" if mercure.keys.version_0 => MatchType::Template,
            "topic" => {
                return Err(MercureError::BadRequest(
                    "the \"topic\" parameter is of version 0: use \"match\"",
                ));
            }
            other if is_in_namespace(other) => {
                return Err(MercureError::BadRequest("unknown \"match\" parameter"));
            }
            _other => continue,
        };
        let Ok(text) = value else {
            return Err(MercureError::BadRequest(INVALID));
        };
        let matcher = mercure.matchers.compile(kind, text);
        let matcher = matcher.map_err(|fault| {
            MercureError::BadRequest(match fault {
                InvalidMatcher::Text => INVALID,
                InvalidMatcher::Pattern => "invalid topic matcher pattern",
            })
        })?;
        matchers.push((kind, matcher));
        if matchers.len() > MOST_MATCHERS {
            return Err(MercureError::BadRequest("too many topic matchers"));
        }
    }
    if matchers.is_empty() {
        return Err(MercureError::BadRequest(match version(form, mercure) {
            Version::Zero => "Missing \"topic\" parameter.",
            Version::One => "missing \"match\" subscription parameter",
        }));
    }
    Ok(matchers)
}

/// Every name that begins with `match` is kept for the protocol.
fn is_in_namespace(name: &str) -> bool {
    let start = name.get(..MATCH.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(MATCH))
}

/// The id that the client saw last, in the spellings of all versions. The header, which a browser sends by itself, comes first; an
/// empty value gives way to the next.
pub(super) fn last_seen(request: &HttpRequest, form: &Form, mercure: &Mercure) -> LastSeen {
    let header = request.headers().get("last-event-id");
    let header = header.map(|value| {
        let text = std::str::from_utf8(value.as_bytes());
        text.map(str::to_owned).map_err(|_bytes| NotText)
    });
    let mut names = vec!["last_event_id"];
    if mercure.keys.version_0 {
        names.extend(["lastEventID", "Last-Event-ID"]);
    }
    let named = names.iter().filter_map(|name| form.first(name)).cloned();
    let asked: Vec<Value> = header.into_iter().chain(named).collect();
    let is_empty = |value: &Value| matches!(value, Ok(text) if text.is_empty());
    match asked.iter().find(|value| !is_empty(value)) {
        Some(Ok(id)) => LastSeen::Id(id.clone()),
        // No id that was given is like it.
        Some(Err(NotText)) => LastSeen::Id(String::from('\u{fffd}')),
        None if asked.is_empty() => LastSeen::NotAsked,
        None => LastSeen::Empty,
    }
}

const MATCH: &str = "match";

const INVALID: &str = "invalid topic matcher";

/// The matchers of one subscription. The reference hub has the same limit.
const MOST_MATCHERS: usize = 100;
