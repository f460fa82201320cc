//! `HEAD` of the routes that answer with a stream (RFC 9110, section 9.3.2): the fields that `GET` would send, after the same
//! checks. Nothing is subscribed.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, Responder};
use futures::stream;

use crate::actions::AppState;
use crate::http::body::Params;
use crate::http::identity::{Admin, Subscriber};
use crate::http::problem::ApiError;
use crate::http::stream::transport::Transport;
use crate::http::stream::{asked, with_session};

/// `HEAD /api/stream`.
pub(crate) async fn of_stream(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    asked(&state, &subscriber, &params).await?;
    let answer = match Transport::of(&request)? {
        // A WebSocket is opened with GET only (RFC 6455, section 4.1).
        Transport::EventStream | Transport::WebSocket => fields(EVENT_STREAM),
        Transport::Lines => fields("application/x-ndjson"),
        Transport::Poll => HttpResponse::Ok()
            .content_type("application/json")
            .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
            .finish(),
    };
    Ok(with_session(answer, &subscriber))
}

/// `HEAD /api/admin/figures`.
pub(crate) async fn of_figures(_admin: Admin) -> impl Responder {
    fields(EVENT_STREAM)
}

/// The fields of a streaming answer of that type.
pub(crate) fn fields(media_type: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream::empty::<Result<Bytes, ApiError>>())
}

/// The type of Server-Sent Events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

const CACHE_CONTROL: &str = "no-cache, no-store, no-transform";
