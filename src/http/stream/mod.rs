//! `GET /api/stream`: one subscription, and a transport at its end.

mod figures;
mod json;
pub(crate) mod open;
mod poll;
#[cfg(test)]
mod properties;
mod query;
pub(crate) mod sse;
mod transport;
mod websocket;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::AppState;
use crate::http::body::Params;
use crate::http::identity::Subscriber;
use crate::http::origin::has_same_origin;
use crate::http::problem::ApiError;
use crate::http::stream::open::Visit;
use crate::http::stream::query::StreamQuery;
use crate::http::stream::transport::Transport;

pub(crate) use crate::http::stream::figures::watch;

/// `GET /api/stream`: the request chooses the transport, the events are the same.
pub(crate) async fn subscribe(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let query = StreamQuery::parse(&params)?;
    let filter = query.filter(&subscriber)?;
    let transport = Transport::of(&request)?;
    if transport == Transport::Poll {
        let visit = Visit::Poll;
        let opened = open::subscription(&state, &subscriber, &request, filter, visit).await?;
        return Ok(poll::respond(opened, query.wait).await);
    }
    let is_web_socket = transport == Transport::WebSocket;
    if is_web_socket && subscriber.came_by_cookie() && !has_same_origin(&request) {
        return Err(ApiError::CrossOrigin);
    }
    let events = open::stream(&state, &subscriber, &request, filter, query.rooms).await?;
    match transport {
        Transport::WebSocket => websocket::respond(events, &request, payload),
        Transport::Lines => Ok(json::lines(events)),
        Transport::EventStream | Transport::Poll => Ok(sse::respond(events, &request)),
    }
}
