//! `/api/admin`: the open streams, the newest alarms, the audience of an alarm, and one user.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::actions::accounts::{self, AccountView};
use crate::actions::deliveries::{self, Window};
use crate::actions::inbox::{self, Meta};
use crate::actions::streams::{self, Connection};
use crate::actions::{AppState, Refusal, Rule, Thing, audience};
use crate::alarm::{Alarm, AlarmId, Recipients, Topic, UserId};
use crate::http::body::{JsonBody, LARGE_BODY, Params};
use crate::http::identity::Admin;
use crate::http::problem::ApiError;

#[derive(utoipa::ToSchema, Serialize)]
struct Recent {
    items: Vec<Alarm>,
}

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addressed {
    to: Recipients,
}

#[derive(utoipa::ToSchema)]
#[schema(as = AdminUser)]
#[derive(Serialize)]
struct User {
    user: AccountView,
    connections: Vec<Connection>,
    inbox: Inbox,
}

#[derive(utoipa::ToSchema)]
#[schema(as = AdminInbox)]
#[derive(Serialize)]
struct Inbox {
    items: Vec<Alarm>,
    meta: Meta,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Disconnected {
    disconnected: usize,
}

#[derive(utoipa::ToSchema)]
#[schema(as = AdminPublished)]
#[derive(Serialize)]
struct Published {
    alarms: Vec<Reference>,
}

#[derive(utoipa::ToSchema)]
#[schema(as = AdminReference)]
#[derive(Serialize)]
struct Reference {
    id: AlarmId,
    topic: Topic,
}

/// The open streams.
#[utoipa::path(get, path = "/api/admin/connections", tag = "admin",
    responses((status = 200, description = "Done", body = Vec<Connection>)))]
pub(crate) async fn connections(
    state: Data<AppState>,
    _admin: Admin,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(streams::list(&state).await?))
}

/// Closes a stream.
#[utoipa::path(delete, path = "/api/admin/connections/{clientId}", tag = "admin",
    params(("clientId" = String, Path)),
    responses((status = 204, description = "Done")))]
pub(crate) async fn disconnect(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    client_id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let by = admin.actor(&request, &state);
    streams::disconnect(&state, &client_id, by).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The newest alarms of all recipients.
#[utoipa::path(get, path = "/api/admin/alarms", tag = "admin",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, description = "Done", body = Recent)))]
pub(crate) async fn recent(
    state: Data<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let limit = params.parsed::<i64>("limit")?.unwrap_or(MOST_RECENT);
    if !(1..=MOST_RECENT).contains(&limit) {
        return Err(ApiError::invalid("limit", Rule::Between(1, 200)));
    }
    let items = inbox::recent(&state, limit).await?;
    Ok(HttpResponse::Ok().json(Recent { items }))
}

/// The recipients of an alarm, the streams it was pushed to, and what each recipient did with it.
#[utoipa::path(get, path = "/api/admin/alarms/{id}/delivery", tag = "admin",
    params(("id" = i64, Path), ("user" = Option<UserId>, Query), ("after" = Option<UserId>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    responses((status = 200, description = "Done", body = deliveries::Delivery)))]
pub(crate) async fn delivery(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = id
        .parse()
        .map_err(|_cause| Refusal::NotFound(Thing::Alarm))?;
    let window = window(&params)?;
    let by = admin.actor(&request, &state);
    let delivery = deliveries::of(&state, AlarmId(id), window, by).await?;
    Ok(HttpResponse::Ok().json(delivery))
}

/// The recipients that a request asks for.
pub(crate) fn window(params: &Params) -> Result<Window, ApiError> {
    Ok(Window {
        user: params.parsed("user")?,
        after: params.parsed("after")?,
        limit: params.limit_of(RECIPIENTS, MOST_RECIPIENTS)?,
    })
}

/// The number of recipients that an address names.
#[utoipa::path(post, path = "/api/admin/audience", tag = "admin",
    request_body = Addressed,
    responses((status = 200, description = "Done", body = audience::Audience)))]
pub(crate) async fn audience(
    state: Data<AppState>,
    _admin: Admin,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let Addressed { to } = body.parse()?;
    Ok(HttpResponse::Ok().json(audience::of(&state, to).await?))
}

/// One account as an administrator sees it.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = User)))]
pub(crate) async fn user(
    state: Data<AppState>,
    _admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = accounts::look_up(&state, &id, INBOX_ROWS).await?;
    Ok(HttpResponse::Ok().json(User {
        user: found.account,
        connections: found.connections,
        inbox: Inbox {
            items: found.inbox.items,
            meta: Meta::from(found.inbox.counts),
        },
    }))
}

/// Disables an account and ends its streams.
#[utoipa::path(post, path = "/api/admin/users/{id}/disable", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = AccountView)))]
pub(crate) async fn disable(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let by = admin.actor(&request, &state);
    let account = accounts::set_disabled(&state, by, &id, true).await?;
    Ok(HttpResponse::Ok().json(account))
}

/// Enables an account.
#[utoipa::path(post, path = "/api/admin/users/{id}/enable", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = AccountView)))]
pub(crate) async fn enable(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let by = admin.actor(&request, &state);
    let account = accounts::set_disabled(&state, by, &id, false).await?;
    Ok(HttpResponse::Ok().json(account))
}

/// Closes the streams of a user.
#[utoipa::path(post, path = "/api/admin/users/{id}/disconnect", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = Disconnected)))]
pub(crate) async fn disconnect_user(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let by = admin.actor(&request, &state);
    let disconnected = accounts::disconnect(&state, by, &id).await?;
    Ok(HttpResponse::Ok().json(Disconnected { disconnected }))
}

/// Sends a test alarm to a user.
#[utoipa::path(post, path = "/api/admin/users/{id}/test", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 201, description = "Stored", body = Published)))]
pub(crate) async fn send_test(
    state: Data<AppState>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let stored = accounts::send_test(&state, &admin.actor_name(), &id, "This is a test").await?;
    let alarms = stored.alarms.iter().map(|alarm| Reference {
        id: alarm.id,
        topic: alarm.topic.clone(),
    });
    Ok(HttpResponse::Created().json(Published {
        alarms: alarms.collect(),
    }))
}

/// As many rows as a person looks through.
const MOST_RECENT: i64 = 200;

const INBOX_ROWS: usize = 20;

const RECIPIENTS: usize = 50;

/// As many as the page of a room's presence has.
const MOST_RECIPIENTS: usize = 200;
