//! Around every request: its id, the bodies of errors, one line in the log that names no token, and the refusals that come
//! before any route.

use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use uuid::Builder;

use crate::alarm::InvalidValue;
use crate::http::problem::{ApiError, Problem};
use crate::http::{mercure, openapi, parameters};
use crate::server::connections::{Connection, Unreadable};

/// Gives the request an id and finishes its answer.
///
/// Boxed, because a connection keeps room for the future of its request for as long as it lives, and a stream lives long.
pub(crate) fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>> {
    Box::pin(answer(request, next))
}

async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = id_of(&request);
    let preflight = preflight_from(&request);
    // A handler's error is an answer by now; what is still an error here comes from the framework.
    let answered = next.call(request).await?.map_into_boxed_body();
    let answered = match preflight {
        Some(origin) if !answered.status().is_success() => refuse_origin(answered, origin),
        _ => answered,
    };
    let mut response = with_problem_body(answered, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    tell(&response, &id, began.elapsed());
    Ok(response)
}

/// Refuses a parameter that the route does not know. A method that the route does not have is answered as such.
fn check_parameters(request: &ServiceRequest) -> Result<(), ApiError> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    match request.match_pattern() {
        Some(pattern) if openapi::describes(request.method(), &pattern) => {
            parameters::check(request, &pattern)
        }
        _ => Ok(()),
    }
}

/// The id that the caller or a proxy gave the request, if it can do no harm in a log; else a new one.
fn id_of(request: &ServiceRequest) -> String {
    let given = request.headers().get(REQUEST_ID);
    let given = given.and_then(|value| value.to_str().ok());
    if let Some(id) = given.filter(|id| is_plain(id)) {
        return id.to_owned();
    }
    // The thread's own generator: asking the system costs more than the rest of this.
    let id = Builder::from_random_bytes(rand::random()).into_uuid();
    id.simple().to_string()
}

fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain)
}

/// One line for each request. The pattern of its route is told, not the path or the query, which may hold a token or a name.
fn tell(response: &ServiceResponse<BoxBody>, id: &str, took: Duration) {
    if !log::log_enabled!(log::Level::Info) {
        return;
    }
    let request = response.request();
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("no route");
    let method = match request.method() {
        known @ (&Method::GET
        | &Method::POST
        | &Method::PUT
        | &Method::DELETE
        | &Method::HEAD
        | &Method::OPTIONS
        | &Method::PATCH) => known.as_str(),
        _ => "other method",
    };
    let (status, milliseconds) = (response.status().as_u16(), took.as_secs_f64() * 1_000.0);
    log::info!(
        request_id = id, method, route, status, milliseconds;
        "{method} {route} {status} {milliseconds:.1} ms {id}"
    );
}

/// Answers what no handler may see: a request that could not be read, one on a connection too many, and one with a path or a
/// parameter that is refused. This is inside the middleware that writes CORS headers and outside of everything else.
pub(crate) fn admit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>> {
    Box::pin(async move {
        let unreadable = request.extensions().get::<Unreadable>().copied();
        let connection = request.extensions().get::<Rc<Connection>>().cloned();
        if let Some(Unreadable(status)) = unreadable {
            return Ok(refuse(request, ApiError::Unreadable(status)));
        }
        if connection.as_ref().is_some_and(|one| one.is_refused()) {
            return Ok(refuse(request, ApiError::TooManyConnections));
        }
        let busy = connection.as_ref().map(Connection::begin);
        let path = request.uri().path();
        let answered = if is_text(path) || mercure::reads_escaped(path) {
            match check_parameters(&request) {
                Ok(()) => next.call(request).await?.map_into_boxed_body(),
                Err(unknown) => {
                    let refused = Box::pin(parameters::refused(&request, unknown)).await;
                    request.error_response(refused)
                }
            }
        } else {
            request.error_response(ApiError::invalid("path", InvalidValue::NotUtf8))
        };
        if let Some(busy) = busy {
            busy.answered(answered.response().body().size());
        }
        Ok(answered)
    })
}

/// False for a path of which the router would read something else: it puts marks in the place of bytes that are not UTF-8.
fn is_text(path: &str) -> bool {
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .is_ok()
}

/// An error after which the connection ends.
fn refuse(request: ServiceRequest, error: ApiError) -> ServiceResponse<BoxBody> {
    let mut response = request.error_response(error);
    let head = response.response_mut().head_mut();
    head.set_connection_type(ConnectionType::Close);
    response
}

/// The origin of a CORS preflight (Fetch, section 3.2.2).
fn preflight_from(request: &ServiceRequest) -> Option<String> {
    let headers = request.headers();
    let asks = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let origin = headers.get(header::ORIGIN).filter(|_| asks)?;
    Some(String::from_utf8_lossy(origin.as_bytes()).into_owned())
}

fn refuse_origin(answered: ServiceResponse<BoxBody>, origin: String) -> ServiceResponse<BoxBody> {
    let (request, _other) = answered.into_parts();
    let setting = if mercure::is_route(request.uri().path()) {
        "CAMPANILE_MERCURE_CORS_ORIGINS"
    } else {
        "CAMPANILE_CORS_ORIGINS"
    };
    let response = ApiError::UnknownOrigin { origin, setting }.error_response();
    ServiceResponse::new(request, response)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    request_id: &'a str,
}

/// Writes the body of an error of ours, or of one of the framework's that has none.
fn with_problem_body(mut response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let ours = response.response_mut().extensions_mut().remove::<Problem>();
    let status = response.status();
    let has_body = response.headers().contains_key(header::CONTENT_TYPE);
    let problem = match ours {
        Some(problem) => problem,
        None if (status.is_client_error() || status.is_server_error()) && !has_body => {
            Problem::of_status(status)
        }
        None => return response,
    };
    if let Some(cause) = problem.cause() {
        log::error!("request {id} failed: {cause}");
    }
    let body = serde_json::to_string(&Body {
        problem: &problem,
        request_id: id,
    })
    .unwrap_or_default();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response.map_body(|_head, _empty| BoxBody::new(body))
}

/// Longer than the ids of proxies and tracing systems are.
const LONGEST_ID: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
