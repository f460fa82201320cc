//! Around every request: its id, the bodies of errors, and one line in the log that names no token.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use uuid::Builder;

use crate::http::problem::{ApiError, Problem};
use crate::server::connections::Connection;

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
    // The thread's own generator: asking the system costs more than the rest of this.
    let id = Builder::from_random_bytes(rand::random())
        .into_uuid()
        .simple()
        .to_string();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let connection = connection_of(&request);
    let answered = if connection.as_ref().is_some_and(|one| one.is_refused()) {
        refuse(request)
    } else {
        let busy = connection.as_ref().map(Connection::begin);
        // A handler's error is an answer by now; what is still an error here comes from the framework.
        let answered = next.call(request).await?.map_into_boxed_body();
        if let Some(busy) = busy {
            busy.answered(answered.response().body().size());
        }
        answered
    };
    let mut response = with_problem_body(answered, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    // The path without the query: a query may hold a token.
    log::debug!("{method} {path} {} {id}", response.status().as_u16());
    Ok(response)
}

/// HTTP/1.1 keeps it with the connection, HTTP/2 gives it to each request.
fn connection_of(request: &ServiceRequest) -> Option<Rc<Connection>> {
    let kept = request.conn_data::<Rc<Connection>>().cloned();
    kept.or_else(|| request.extensions().get().cloned())
}

/// Tells a client that there is no room for its connection, and ends it.
fn refuse(request: ServiceRequest) -> ServiceResponse<BoxBody> {
    let mut response = request.error_response(ApiError::TooManyConnections);
    let head = response.response_mut().head_mut();
    head.set_connection_type(ConnectionType::Close);
    response
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

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
