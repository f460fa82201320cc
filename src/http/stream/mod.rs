//! `GET /api/stream`: one subscription, and a transport at its end.

pub(crate) mod figures;
mod frames;
pub(crate) mod head;
mod json;
pub(crate) mod open;
pub(crate) mod poll;
#[cfg(test)]
mod properties;
mod query;
pub(crate) mod sse;
pub(crate) mod transport;
mod websocket;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::identity::Identity;
use crate::actions::{AppState, rooms};
use crate::alarm::schema::WatchedTopic;
use crate::alarm::{RoomId, Timestamp, TopicFilter};
use crate::http::body::Params;
use crate::http::codes::ProblemDocument;
use crate::http::identity::Subscriber;
use crate::http::origin::has_same_origin;
use crate::http::problem::ApiError;
use crate::http::stream::open::Visit;
use crate::http::stream::query::StreamQuery;
use crate::http::stream::transport::Transport;
use crate::server::connections::Late;

pub(crate) use crate::http::stream::figures::watch;

/// The word for every room.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is there for its schema")]
pub(crate) enum AllRooms {
    All,
}

/// The stream of events, on the transport that the request chooses.
#[utoipa::path(get, path = "/api/stream", tag = "stream",
    params(("cursor" = Option<String>, Query), ("lastEventId" = Option<String>, Query), ("lastEventID" = Option<String>, Query), ("Last-Event-ID" = Option<String>, Query), ("last_event_id" = Option<String>, Query), ("room" = Option<Vec<RoomId>>, Query, max_items = 100), ("rooms" = Option<AllRooms>, Query), ("topic" = Option<Vec<WatchedTopic>>, Query, max_items = 100), ("wait" = Option<u32>, Query, minimum = 1, maximum = 60), ("token" = Option<String>, Query)),
    responses((status = 200, description = "The events, by Accept: text/event-stream, application/x-ndjson, or application/json for a poll", content((String = "text/event-stream"), (String = "application/x-ndjson"), (poll::PollAnswer = "application/json"))), (status = 101, description = "A WebSocket"), (status = 204, description = "This account is disabled: do not come back"), (status = 406, description = "No such transport", body = ProblemDocument, content_type = "application/problem+json"), (status = 426, description = "Another version of WebSocket", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn subscribe(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (query, filter) = asked(&state, &subscriber, &params).await?;
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
    let visit = Visit::Stream(query.rooms, transport);
    let events = open::stream(&state, &subscriber, &request, filter, visit).await?;
    let answer = match transport {
        Transport::WebSocket => websocket::respond(events, &request, payload)?,
        Transport::Lines => json::lines(events),
        Transport::EventStream | Transport::Poll => sse::respond(events, &request),
    };
    Ok(with_session(answer, &subscriber))
}

/// The query of a stream with its topics, after all its checks.
async fn asked(
    state: &AppState,
    identity: &Identity,
    params: &Params,
) -> Result<(StreamQuery, TopicFilter), ApiError> {
    let query = StreamQuery::parse(params)?;
    let filter = query.filter(identity)?;
    rooms::require(state, &query.named_rooms()).await?;
    Ok((query, filter))
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
