//! Cross-origin requests (Fetch, section 3.2) to the routes of the protocol, by the protocol's own setting.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use futures::future::LocalBoxFuture;

use crate::actions::AppState;
use crate::http::mercure::answer::builder;
use crate::net::OriginPattern;

/// Answers preflights for the routes of the protocol, and lets pages of the named origins read the other answers. Every other
/// route is passed on.
pub(crate) fn cors<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>> {
    let allowed = allowed(&request);
    Box::pin(async move {
        let Some(allowed) = allowed else {
            return Ok(next.call(request).await?.map_into_boxed_body());
        };
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if is_preflight {
            let mut answer = builder(StatusCode::NO_CONTENT).finish();
            allow(answer.headers_mut(), &allowed);
            for (name, value) in PREFLIGHT {
                let value = HeaderValue::from_static(value);
                answer.headers_mut().insert(name.clone(), value);
            }
            return Ok(request.into_response(answer));
        }
        let mut answer = next.call(request).await?.map_into_boxed_body();
        allow(answer.headers_mut(), &allowed);
        Ok(answer)
    })
}

/// True for the path of a route of the protocol.
pub(crate) fn is_route(path: &str) -> bool {
    ROOTS.iter().any(|root| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The value of `Access-Control-Allow-Origin`; `None` for another route, or an origin that is not named.
fn allowed(request: &ServiceRequest) -> Option<HeaderValue> {
    if !is_route(request.path()) {
        return None;
    }
    let state = request.app_data::<Data<AppState>>()?;
    let origins = &state.mercure.as_ref()?.cors_origins;
    let origin = request.headers().get(header::ORIGIN)?;
    if origins.contains(&OriginPattern::Any) {
        return Some(HeaderValue::from_static("*"));
    }
    let text = origin.to_str().ok()?;
    let is_named = origins.iter().any(|pattern| pattern.contains(text));
    is_named.then(|| origin.clone())
}

fn allow(headers: &mut HeaderMap, allowed: &HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Link, Mercure-Last-Event-ID, Last-Event-ID, WWW-Authenticate"),
    );
    // A wildcard and credentials exclude each other.
    if allowed != "*" {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

const ROOTS: &[&str] = &[
    "/.well-known/mercure",
    "/.well-known/oauth-protected-resource/.well-known/mercure",
];

const PREFLIGHT: &[(header::HeaderName, &str)] = &[
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, HEAD, POST, QUERY",
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, cache-control, last-event-id, content-type, idempotency-key",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "3600"),
];
