//! The routes of the system this hub replaces, kept working over the same log.

mod events;

use actix_web::web::{Data, ServiceConfig, delete, get, head, post, resource};
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::{AppState, Forbidden, Refusal, publish};
use crate::alarm::{RoomId, TopicFilter, UserId};
use crate::http::api::alarms;
use crate::http::body::Params;
use crate::http::identity::{Holder, Subscriber};
use crate::http::original::events::{alarm_event, room_event};
use crate::http::problem::ApiError;
use crate::http::reading::read;
use crate::http::stream::head::{EVENT_STREAM, fields};
use crate::http::stream::open::{self, Visit};
use crate::http::stream::sse::{self, Dialect};
use crate::http::stream::transport::Transport;

/// Registers the original routes.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/main/alarm/sub")
                .route(get().to(subscribe_alarms))
                .route(head().to(head_of_alarms)),
        )
        .service(
            resource("/api/main/alarm")
                .route(read().to(alarms::list))
                .route(delete().to(alarms::delete_pair)),
        )
        .service(resource("/api/main/alarm/top").route(read().to(alarms::top)))
        .service(
            resource(["/room/subscribe", "/room/subscribe/"])
                .route(get().to(subscribe_rooms))
                .route(head().to(head_of_rooms)),
        )
        .service(
            resource("/room/publish")
                .route(post().to(ring))
                // It changes something, so there is no HEAD.
                .route(get().to(ring_by_get)),
        );
}

/// `GET /api/main/alarm/sub`.
async fn subscribe_alarms(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    subscriber.refuse_key()?;
    let mut filter = TopicFilter::default();
    subscriber
        .inbox()
        .topics()
        .cloned()
        .for_each(|topic| filter.add(topic));
    respond(&state, &subscriber, &request, filter, alarm_event).await
}

/// `GET /room/subscribe`.
async fn subscribe_rooms(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    check_id(&subscriber, &params)?;
    let filter = TopicFilter {
        all_rooms: true,
        ..TopicFilter::default()
    };
    respond(&state, &subscriber, &request, filter, room_event).await
}

/// `HEAD /api/main/alarm/sub`.
async fn head_of_alarms(subscriber: Subscriber) -> Result<HttpResponse, ApiError> {
    subscriber.refuse_key()?;
    Ok(fields(EVENT_STREAM))
}

/// `HEAD /room/subscribe`.
async fn head_of_rooms(subscriber: Subscriber, params: Params) -> Result<HttpResponse, ApiError> {
    check_id(&subscriber, &params)?;
    Ok(fields(EVENT_STREAM))
}

fn check_id(subscriber: &Subscriber, params: &Params) -> Result<(), ApiError> {
    let id: UserId = params.required("id")?;
    subscriber.refuse_key()?;
    if id != *subscriber.user_id() {
        return Err(Refusal::Forbidden(Forbidden::ForeignId).into());
    }
    Ok(())
}

async fn respond(
    state: &AppState,
    subscriber: &Subscriber,
    request: &HttpRequest,
    filter: TopicFilter,
    dialect: Dialect,
) -> Result<HttpResponse, ApiError> {
    let visit = Visit::Stream(Vec::new(), Transport::EventStream);
    let events = open::stream(state, subscriber, request, filter, visit).await?;
    Ok(sse::respond_as(events, dialect, request))
}

/// `POST /room/publish`.
async fn ring(
    state: Data<AppState>,
    caller: Holder,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let sender: UserId = params.required("sender")?;
    if sender != *caller.user_id() {
        return Err(Refusal::Forbidden(Forbidden::ForeignSender).into());
    }
    let room: RoomId = params.required("roomId")?;
    publish::ring(&state, &sender, caller.role(), &room).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// `GET /room/publish`: for programs that send a token themselves. With a cookie a mere link would make a browser ring.
async fn ring_by_get(
    state: Data<AppState>,
    caller: Holder,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if caller.came_by_cookie() {
        return Err(ApiError::MethodNotAllowed("POST"));
    }
    ring(state, caller, params).await
}
