//! `GET /api/stream`: one subscription, and a transport at its end.

mod figures;
pub(crate) mod head;
mod json;
pub(crate) mod open;
mod poll;
#[cfg(test)]
mod properties;
mod query;
pub(crate) mod sse;
mod transport;
mod websocket;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::AppState;
use crate::actions::identity::Identity;
use crate::alarm::Timestamp;
use crate::http::body::Params;
use crate::http::identity::Subscriber;
use crate::http::origin::has_same_origin;
use crate::http::problem::ApiError;
use crate::http::stream::open::Visit;
use crate::http::stream::query::StreamQuery;
use crate::http::stream::transport::Transport;
use crate::server::connections::Late;

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
        let caller = subscriber.opened();
        let answer = poll::respond(opened, query.wait, caller.user_id(), &request).await?;
        return Ok(with_session(answer, &caller));
    }
    let is_web_socket = transport == Transport::WebSocket;
    if is_web_socket {
        websocket::check(&request)?;
    }
    if is_web_socket && subscriber.came_by_cookie() && !has_same_origin(&request, &state) {
        return Err(ApiError::CrossOrigin);
    }
    let events = open::stream(&state, &subscriber, &request, filter, query.rooms).await?;
    let answer = match transport {
        Transport::WebSocket => websocket::respond(events, &request, payload)?,
        Transport::Lines => json::lines(events),
        Transport::EventStream | Transport::Poll => sse::respond(events, &request),
    };
    Ok(with_session(answer, &subscriber))
}

/// Names the session an answer is for and the seconds it has left, so that a page can renew its token in time without
/// reading it.
pub(super) fn with_session(mut answer: HttpResponse, identity: &Identity) -> HttpResponse {
    let claims = identity.claims();
    let end = claims.expires_at.seconds();
    let is_late = answer.extensions().contains::<Late>();
    if is_late {
        let countdown = Some((EXPIRES_IN, end));
        answer.extensions_mut().insert(Late { countdown });
    }
    let headers = answer.headers_mut();
    if !is_late {
        headers.insert(EXPIRES_IN, (end - Timestamp::now().seconds()).into());
    }
    // A `jti` may hold what no header can: such a session has no name here.
    if let Ok(session) = HeaderValue::from_str(&claims.token_id) {
        headers.insert(SESSION, session);
    }
    answer
}

/// The name of the session, as an event `session` may tell its end.
const SESSION: HeaderName = HeaderName::from_static("campanile-session");

/// The number of seconds the session has left.
const EXPIRES_IN: HeaderName = HeaderName::from_static("campanile-expires-in");
