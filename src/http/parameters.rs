//! The query parameters of the routes under `/api/`. A parameter that a route does not know is refused, so that a mistyped
//! one never passes in silence, and so is one with a single value that comes twice. A route that is not in the table knows none.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;

use crate::http::body::Params;
use crate::http::identity::{QueryToken, identify};
use crate::http::problem::ApiError;

/// The parameters that the JSON routes and the stream know.
pub(super) const KNOWN: &[(Method, &str, &[&str])] = &[
    (
        Method::GET,
        STREAM,
        &[
            "cursor",
            "lastEventId",
            "lastEventID",
            "Last-Event-ID",
            "last_event_id",
            "room",
            "rooms",
            "topic",
            "wait",
            "token",
        ],
    ),
    (
        Method::GET,
        "/api/alarms",
        &["limit", "before", "status", "alarmType"],
    ),
    (
        Method::DELETE,
        "/api/alarms",
        &["targetId", "alarmType", "user"],
    ),
    (Method::GET, "/api/alarms/senders", &["id"]),
    (Method::GET, "/api/alarms/top", &["limit"]),
    (Method::GET, "/api/rooms", &["after", "limit"]),
    (Method::GET, "/api/rooms/{id}/presence", &["after", "limit"]),
    (
        Method::GET,
        "/api/rooms/{id}/messages",
        &["before", "limit"],
    ),
    (Method::GET, "/api/admin/alarms", &["limit"]),
    (
        Method::GET,
        "/api/admin/alarms/{id}/delivery",
        &["user", "after", "limit"],
    ),
    (Method::GET, "/api/admin/audit", &["limit", "before"]),
];

/// The refusal of a request that names a parameter its route does not know, or one with a single value twice. A caller without
/// a good token hears that first, where the route needs one.
pub(super) async fn refused(request: &ServiceRequest, unknown: ApiError) -> ApiError {
    let path = request.path();
    if !WITHOUT_TOKEN.contains(&path) {
        let in_query = if path == STREAM {
            QueryToken::Accepted
        } else {
            QueryToken::Refused
        };
        match identify(request.request(), in_query).await {
            Ok(Some(_caller)) => {}
            Ok(None) => return ApiError::Unauthorized,
            Err(error) => return error,
        }
    }
    unknown
}

/// Finds a parameter that the route of a request does not know, or that comes twice though it has a single value.
pub(super) fn check(request: &ServiceRequest, pattern: &str) -> Result<(), ApiError> {
    if !pattern.starts_with(JSON) {
        return Ok(());
    }
    // HEAD is GET without the body.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        other => other,
    };
    let known = KNOWN.iter().find(|(m, p, _)| m == method && *p == pattern);
    let known = known.map_or(&[][..], |(_, _, names)| *names);
    let params = Params::of(request.query_string());
    let mut names: Vec<&str> = params
        .names()
        .filter(|name| *name != CACHE_BUSTER)
        .collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(ApiError::UnknownParameter {
            name: name.chars().take(MOST_CHARACTERS).collect(),
            known,
        });
    }
    names.retain(|name| !REPEATABLE.contains(&(method, pattern, name)));
    names.sort_unstable();
    let mut pairs = names.iter().zip(names.iter().skip(1));
    match pairs.find(|(one, next)| one == next) {
        Some((name, _)) => Err(ApiError::RepeatedParameter((*name).to_owned())),
        None => Ok(()),
    }
}

/// The parameters that may come several times.
const REPEATABLE: &[(&Method, &str, &str)] = &[
    (&Method::GET, STREAM, "room"),
    (&Method::GET, STREAM, "topic"),
    (&Method::GET, "/api/alarms", "alarmType"),
    (&Method::GET, "/api/alarms/senders", "id"),
];

pub(super) const STREAM: &str = "/api/stream";

/// The routes that need no token.
pub(super) const WITHOUT_TOKEN: &[&str] = &[
    "/api/auth/signup",
    "/api/auth/login",
    "/.well-known/jwks.json",
    "/api/openapi.json",
    "/api/asyncapi.json",
    "/healthz",
    "/readyz",
];

const JSON: &str = "/api/";

/// Programs add it to get past caches.
const CACHE_BUSTER: &str = "_";

/// The part of a name that is repeated to the client.
const MOST_CHARACTERS: usize = 100;
