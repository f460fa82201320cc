//! The checks that need one request and one answer each.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, COOKIE, DATE, HeaderMap, ORIGIN,
};
use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::app::doctor::mends;
use crate::app::doctor::report::Check;
use crate::app::doctor::wire::{ANSWERS_WITHIN, Site, Told};

/// The one whom the hub takes the caller for.
pub(super) enum Who {
    /// A person or a service.
    Holder {
        /// The user id.
        id: String,
        /// The role.
        role: String,
    },
    /// No token, or one that is not good: what needs one is not checked.
    Nobody,
}

/// The hub answers. A certificate that is not trusted is a fault of TLS.
pub(super) async fn reach(site: &Site) -> Result<(Check, Told), Check> {
    let began = Instant::now();
    match site.ask(site.bare(Method::GET, "/healthz")).await {
        Ok(told) if told.status == StatusCode::OK => {
            let found = format!("the hub answers after {} ms", began.elapsed().as_millis());
            Ok((Check::good("reach", found), told))
        }
        Ok(told) => Err(Check::fault(
            mends::REACH,
            format!("GET /healthz is answered {}", told.status),
        )),
        Err(cause) if site.refuses_tls().await => Err(Check::fault(mends::TLS, cause)),
        Err(cause) => Err(Check::fault(mends::REACH, cause)),
    }
}

/// Everything is encrypted that leaves this machine.
pub(super) fn tls(site: &Site) -> Check {
    if site.origin.is_https() {
        Check::good("tls", "https, with a certificate that is trusted")
    } else if site.origin.is_localhost() {
        Check::good("tls", "plain http, which stays on this machine")
    } else {
        Check::fault(
            mends::TLS,
            "plain http: tokens and alarms can be read on the way",
        )
    }
}

/// A browser gets HTTP/2.
pub(super) async fn http_version(site: &Site) -> Check {
    match site.protocol().await {
        Ok(None) => Check::good("http_version", "HTTP/1.1, as browsers speak it without TLS"),
        Ok(Some(protocol)) if protocol == "h2" => Check::good("http_version", "HTTP/2"),
        Ok(Some(protocol)) => Check::fault(
            mends::HTTP_VERSION,
            format!("{protocol}: a browser opens at most six streams, for all tabs together"),
        ),
        Err(cause) => Check::fault(mends::HTTP_VERSION, cause),
    }
}

/// The clocks agree.
pub(super) fn clock(told: &Told) -> Check {
    let date = told.headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return Check::fault(mends::RESPONSE_HEADERS, "the answer tells no Date").named("clock");
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let apart = now - date.timestamp().as_second();
    if apart.abs() <= MOST_SKEW_SECONDS {
        return Check::good("clock", format!("{apart} s apart"));
    }
    let found = format!(
        "this machine and the other end are {apart} s apart: tokens end too early or too late"
    );
    Check::fault(mends::CLOCK, found)
}

/// The token is good, and what it allows.
pub(super) async fn token(site: &Site) -> (Check, Who) {
    if site.token.is_none() {
        let found = "none in CAMPANILE_TOKEN: what needs one is not checked";
        return (Check::good("token", found), Who::Nobody);
    }
    let told = match site.ask(site.request(Method::GET, "/api/auth/me")).await {
        Ok(told) => told,
        Err(cause) => return (Check::fault(mends::TOKEN, cause), Who::Nobody),
    };
    let text = |name: &str| {
        told.json
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if let (StatusCode::OK, Some(id), Some(role)) = (told.status, text("id"), text("role")) {
        let may = match role.as_str() {
            "admin" => "may publish: a test alarm is sent to it alone",
            "service" => "a service: only heartbeats are timed",
            _ => "a user: only heartbeats are timed",
        };
        return (
            Check::good("token", format!("{id}, {may}")),
            Who::Holder { id, role },
        );
    }
    match (told.code(), text("detail")) {
        (Some("unauthorized"), _) => {
            let found = "the Authorization header does not arrive: the hub sees no token";
            (Check::fault(mends::REQUEST_HEADERS, found), Who::Nobody)
        }
        (Some("forbidden"), _) => {
            let found = "an API key: streams and cookies are not checked, use the token of a user";
            (Check::good("token", found), Who::Nobody)
        }
        (Some(code), detail) => {
            let found = format!("the hub refuses it: {code}: {}", detail.unwrap_or_default());
            (Check::fault(mends::TOKEN, found), Who::Nobody)
        }
        (None, _) => {
            let found = format!(
                "GET /api/auth/me is answered {}, and not by the hub",
                told.status
            );
            (
                Check::fault(mends::REACH, found).named("token"),
                Who::Nobody,
            )
        }
    }
}

/// The headers of a request arrive, and none of an answer is lost or doubled on the way.
pub(super) async fn headers(site: &Site) -> [Check; 2] {
    let request = site
        .request(Method::GET, "/api/auth/me")
        .header(ACCEPT, "application/json")
        .header("X-Request-Id", REQUEST_ID);
    let told = match site.ask(request).await {
        Ok(told) => told,
        Err(cause) => {
            return [
                Check::fault(mends::REQUEST_HEADERS, cause.clone()),
                Check::fault(mends::RESPONSE_HEADERS, cause),
            ];
        }
    };
    let ids: Vec<_> = told.headers.get_all("x-request-id").iter().collect();
    let request = match ids.as_slice() {
        [id] if *id == REQUEST_ID => Check::good("request_headers", "they arrive as they are sent"),
        [_other] => Check::good(
            "request_headers",
            "they arrive; the proxy gives X-Request-Id itself",
        ),
        _ => Check::good("request_headers", "they arrive"),
    };
    let faults = lost_or_doubled(&told.headers, &["content-type", "x-request-id"]);
    let response = match faults {
        None => Check::good("response_headers", "each comes once"),
        Some(found) => Check::fault(mends::RESPONSE_HEADERS, found),
    };
    [request, response]
}

/// The lines that are not there, or are there several times.
pub(super) fn lost_or_doubled(headers: &HeaderMap, needed: &[&str]) -> Option<String> {
    let lost = needed.iter().filter(|name| !headers.contains_key(**name));
    let doubled = ONCE
        .iter()
        .filter(|name| headers.get_all(**name).iter().count() > 1);
    let lost = lost.map(|name| format!("{name} is lost"));
    let faults: Vec<String> = lost
        .chain(doubled.map(|name| format!("{name} comes twice")))
        .collect();
    (!faults.is_empty()).then(|| faults.join(", "))
}

/// The session cookie arrives.
pub(super) async fn cookies(site: &Site, who: &Who) -> Check {
    let (Who::Holder { .. }, Some(cookie)) = (who, cookie(site)) else {
        return Check::good("cookies", NOT_CHECKED);
    };
    let request = site
        .bare(Method::GET, "/api/auth/me")
        .header(COOKIE, cookie);
    match site.ask(request).await {
        Ok(told) if told.status == StatusCode::OK => Check::good("cookies", "they arrive"),
        Ok(told) => Check::fault(
            mends::COOKIES,
            format!(
                "with the session cookie GET /api/auth/me is answered {}",
                told.status
            ),
        ),
        Err(cause) => Check::fault(mends::COOKIES, cause),
    }
}

/// The hub knows by which address browsers see it: else their changes are refused as those of another site.
pub(super) async fn forwarded(site: &Site, who: &Who) -> Check {
    let (Who::Holder { .. }, Some(cookie)) = (who, cookie(site)) else {
        return Check::good("forwarded", NOT_CHECKED);
    };
    let request = site
        .bare(Method::POST, "/api/alarms/seen")
        .header(COOKIE, cookie)
        .header(CONTENT_TYPE, "application/json")
        .header(ORIGIN, site.origin.as_str());
    // It marks nothing.
    let body = Bytes::from_static(b"{\"upTo\":0}");
    match site.ask_with(request, body, ANSWERS_WITHIN).await {
        Ok(told) if told.code() == Some("cross_origin") => Check::fault(
            mends::FORWARDED,
            format!(
                "the hub does not see that it is {}: Host or X-Forwarded-Proto is lost",
                site.origin
            ),
        ),
        // The cookie's name depends on the scheme that the hub sees.
        Ok(told) if told.status == StatusCode::UNAUTHORIZED => {
            Check::good("forwarded", NOT_CHECKED)
        }
        Ok(_told) => Check::good("forwarded", "the hub sees the address that browsers use"),
        Err(cause) => Check::fault(mends::FORWARDED, cause),
    }
}

fn cookie(site: &Site) -> Option<String> {
    let token = site.token.as_ref()?;
    Some(format!(
        "campanile_session={token}; __Host-campanile_session={token}"
    ))
}

/// Nobody but the hub lets pages of other sites in.
pub(super) async fn cors(site: &Site) -> Check {
    let request = site
        .bare(Method::GET, "/healthz")
        .header(ORIGIN, "https://doctor.invalid");
    match site.ask(request).await {
        Ok(told) => match told.headers.get(ACCESS_CONTROL_ALLOW_ORIGIN) {
            None => Check::good("cors", "pages of unknown sites are not let in"),
            Some(origin) => {
                let origin = String::from_utf8_lossy(origin.as_bytes());
                let found =
                    format!("Access-Control-Allow-Origin: {origin} for a site that nobody named");
                Check::fault(mends::CORS, found)
            }
        },
        Err(cause) => Check::fault(mends::CORS, cause),
    }
}

/// Large bodies reach the hub. They have a field that no route knows, so they do nothing. The first is read whoever sends it; the
/// second is the largest that the hub takes, and is read only if the caller may publish.
pub(super) async fn body_limit(site: &Site) -> Check {
    let anybody = site.bare(Method::POST, "/api/auth/login");
    let publisher = site.request(Method::POST, "/api/alarms");
    let mut reached = "not known: no answer was given to a body".to_owned();
    for (request, bytes, size) in [
        (anybody, BODY_BYTES, "60 KiB"),
        (publisher, LARGE_BODY_BYTES, "1 MiB"),
    ] {
        let body = format!("{{\"doctor\":\"{}\"}}", "x".repeat(bytes));
        let request = request.header(CONTENT_TYPE, "application/json");
        // The hub may refuse the caller and close before the body is sent.
        let Ok(told) = site.ask_with(request, body.into(), ANSWERS_WITHIN).await else {
            continue;
        };
        let status = told.status;
        if told.code().is_none_or(|code| code == "body_too_large") {
            let found = match status {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("a body of {size} is refused on the way: 413")
                }
                _ => format!("a body of {size} is answered {status}, and not by the hub"),
            };
            return Check::fault(mends::BODY_LIMIT, found);
        }
        if !is_early(status) {
            reached = format!("a body of {size} reaches the hub");
        }
    }
    Check::good("body_limit", reached)
}

/// True for an answer that the hub may give before it reads the body.
fn is_early(status: StatusCode) -> bool {
    [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ]
    .contains(&status)
}

/// The check that lacks a token it could use.
pub(super) const NOT_CHECKED: &str = "not checked without the token of a user, service or admin";

const REQUEST_ID: &str = "campanile-doctor";

/// The lines that stand once in an answer.
const ONCE: &[&str] = &[
    "access-control-allow-origin",
    "cache-control",
    "content-encoding",
    "content-type",
    "date",
    "x-request-id",
];

/// An answer and a request take part of a second; tokens are refused for less than a minute seldom.
const MOST_SKEW_SECONDS: i64 = 10;

/// Less than the hub takes on any route.
const BODY_BYTES: usize = 60 * 1024;

/// As much as fits into 1 MiB with what is around it.
const LARGE_BODY_BYTES: usize = 1024 * 1024 - 64;
