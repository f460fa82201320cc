//! The routes of the system this hub replaces, kept working over the same log.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::alarm::{RoomId, TopicFilter, UserId};
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::identity::{Identity, Subscriber};
use crate::http::publish;
use crate::http::state::AppState;
use crate::http::stream::{self, Dialect};

/// `GET /api/main/alarm/sub`.
pub(crate) async fn subscribe_alarms(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut filter = TopicFilter::default();
    subscriber
        .inbox()
        .topics()
        .cloned()
        .for_each(|topic| filter.add(topic));
    stream::open(
        &state,
        &subscriber,
        &request,
        filter,
        Dialect::OriginalAlarms,
    )
    .await
}

/// `GET /room/subscribe`.
pub(crate) async fn subscribe_rooms(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = params.required("id")?;
    if id != *subscriber.user_id() {
        return Err(ApiError::Forbidden("id must be your own user id"));
    }
    let filter = TopicFilter {
        all_rooms: true,
        ..TopicFilter::default()
    };
    stream::open(
        &state,
        &subscriber,
        &request,
        filter,
        Dialect::OriginalRooms,
    )
    .await
}

/// `POST /room/publish`.
pub(crate) async fn ring(
    state: Data<AppState>,
    identity: Identity,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let sender: UserId = params.required("sender")?;
    if sender != *identity.user_id() {
        return Err(ApiError::Forbidden("sender must be your own user id"));
    }
    let room: RoomId = params.required("roomId")?;
    publish::ring(&state, &sender, identity.role(), &room).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// `GET /room/publish`: for programs that carry a token themselves; a link must not make a browser ring.
pub(crate) async fn ring_by_get(
    state: Data<AppState>,
    identity: Identity,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if identity.came_by_cookie() {
        return Err(ApiError::MethodNotAllowed("POST"));
    }
    ring(state, identity, params).await
}
