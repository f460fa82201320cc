//! `/api/rooms`.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use crate::actions::publish::{self, ChatMessage};
use crate::actions::rooms::{self, ROOMS_A_PAGE, RoomView};
use crate::actions::{AppState, Refusal, Rule};
use crate::alarm::{Alarm, AlarmId, ChatText, ClientMessageId, DisplayName, RoomId, UserId};
use crate::http::body::{JsonBody, Params};
use crate::http::codes::ProblemDocument;
use crate::http::identity::Holder;
use crate::http::problem::ApiError;

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    #[serde(default)]
    id: Option<RoomId>,
    name: DisplayName,
}

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewMessage {
    text: ChatText,
    #[serde(default)]
    client_id: Option<ClientMessageId>,
}

#[derive(utoipa::ToSchema, Serialize)]
struct History {
    items: Vec<Alarm>,
    next: Option<AlarmId>,
    meta: HistoryMeta,
}

#[derive(utoipa::ToSchema, Serialize)]
struct HistoryMeta {
    cursor: AlarmId,
}

#[derive(utoipa::ToSchema, Serialize)]
struct PresenceView {
    users: Vec<PresentUser>,
    count: usize,
    next: Option<UserId>,
}

#[derive(utoipa::ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct PresentUser {
    id: UserId,
    display_name: String,
}

/// A page of the rooms; the header `Link` names the next one (RFC 8288).
#[utoipa::path(get, path = "/api/rooms", tag = "rooms",
    params(("after" = Option<RoomId>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, description = "Done", body = Vec<RoomView>), (status = 404, description = "There is no room `after`", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn list(
    state: Data<AppState>,
    _caller: Holder,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = params.first("after").map(RoomId::parse).transpose();
    let after = after.map_err(|rule| ApiError::invalid("after", rule))?;
    let limit = params.limit_of(ROOMS_A_PAGE, ROOMS_A_PAGE)?;
    let page = rooms::page(&state, after, limit).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(last) = &page.next {
        let next = format!("</api/rooms?after={last}&limit={limit}>; rel=\"next\"");
        answer.insert_header((header::LINK, next));
    }
    Ok(answer.json(page.items))
}

/// Makes a room.
#[utoipa::path(post, path = "/api/rooms", tag = "rooms",
    request_body = NewRoom,
    responses((status = 201, description = "Made", body = RoomView), (status = 409, description = "The room exists", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn create(
    state: Data<AppState>,
    caller: Holder,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let NewRoom { id, name } = body.parse()?;
    let by = (caller.user_id(), caller.role());
    let room = rooms::create(&state, by, id, name).await?;
    Ok(HttpResponse::Created().json(RoomView::of(room, 0)))
}

/// A page of a room's history.
#[utoipa::path(get, path = "/api/rooms/{id}/messages", tag = "rooms",
    params(("id" = String, Path), ("before" = Option<i64>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 100)),
    responses((status = 200, description = "Done", body = History)))]
pub(crate) async fn history(
    state: Data<AppState>,
    _caller: Holder,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let room = rooms::existing(&state, &id).await?;
    let before = params.parsed::<i64>("before")?.map(AlarmId);
    let history = rooms::history(&state, &room.id, before, params.limit(50)?).await?;
    let meta = HistoryMeta {
        cursor: history.cursor,
    };
    Ok(HttpResponse::Ok().json(History {
        items: history.items,
        next: history.next,
        meta,
    }))
}

/// Sends a message to a room.
#[utoipa::path(post, path = "/api/rooms/{id}/messages", tag = "rooms",
    request_body = NewMessage,
    params(("id" = String, Path)),
    responses((status = 201, description = "Said", body = Alarm)))]
pub(crate) async fn say(
    state: Data<AppState>,
    caller: Holder,
    id: Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let room = rooms::room_id(&id)?;
    let NewMessage { text, client_id } = body.parse()?;
    let message = ChatMessage {
        room,
        text,
        client_id,
    };
    let stored = publish::say(&state, caller.user_id(), caller.role(), message).await?;
    let alarm = stored
        .alarms
        .first()
        .ok_or_else(|| Refusal::Internal("a message was not stored".to_owned()))?;
    Ok(HttpResponse::Created().json(&**alarm))
}

/// The users who are in a room.
#[utoipa::path(get, path = "/api/rooms/{id}/presence", tag = "rooms",
    params(("id" = String, Path), ("after" = Option<UserId>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, description = "Done", body = PresenceView)))]
pub(crate) async fn presence(
    state: Data<AppState>,
    _caller: Holder,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let room = rooms::existing(&state, &id).await?;
    let after = params
        .first("after")
        .map(|id| UserId::parse(id).map_err(|rule| ApiError::invalid("after", rule)))
        .transpose()?;
    let limit = params
        .parsed::<usize>("limit")?
        .unwrap_or(rooms::PRESENT_PAGE);
    if !(1..=rooms::PRESENT_PAGE).contains(&limit) {
        return Err(ApiError::invalid("limit", Rule::Between(1, 200)));
    }
    let present = rooms::present(&state, room.id, after, limit).await?;
    let user = |(id, display_name)| PresentUser { id, display_name };
    Ok(HttpResponse::Ok().json(PresenceView {
        users: present.users.into_iter().map(user).collect(),
        count: present.count,
        next: present.next,
    }))
}
