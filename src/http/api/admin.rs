//! `/api/admin`: the open streams, the newest alarms, the audience of an alarm, and one user.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use crate::actions::accounts::{self, AccountView};
use crate::actions::inbox::{self, Meta};
use crate::actions::streams::{self, Connection};
use crate::actions::{AppState, Rule, audience};
use crate::alarm::{Alarm, AlarmId, Recipients, Topic};
use crate::http::body::{JsonBody, LARGE_BODY, Params};
use crate::http::identity::Admin;
use crate::http::problem::ApiError;

#[derive(Serialize)]
struct Recent {
    items: Vec<Alarm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addressed {
    to: Recipients,
}

#[derive(Serialize)]
struct User {
    user: AccountView,
    connections: Vec<Connection>,
    inbox: Inbox,
}

#[derive(Serialize)]
struct Inbox {
    items: Vec<Alarm>,
    meta: Meta,
}

#[derive(Serialize)]
struct Disconnected {
    disconnected: usize,
}

#[derive(Serialize)]
struct Published {
    alarms: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    id: AlarmId,
    topic: Topic,
}

/// `GET /api/admin/connections`.
pub(crate) async fn connections(
    state: Data<AppState>,
    _admin: Admin,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(streams::list(&state).await?))
}

/// `DELETE /api/admin/connections/{clientId}`.
pub(crate) async fn disconnect(
    state: Data<AppState>,
    _admin: Admin,
    client_id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    streams::disconnect(&state, &client_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/admin/alarms`: the newest of the whole log, for all recipients.
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

/// `POST /api/admin/audience`.
pub(crate) async fn audience(
    state: Data<AppState>,
    _admin: Admin,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let Addressed { to } = body.parse()?;
    Ok(HttpResponse::Ok().json(audience::of(&state, to).await?))
}

/// `GET /api/admin/users/{id}`.
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

/// `POST /api/admin/users/{id}/disable`.
pub(crate) async fn disable(
    state: Data<AppState>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let account = accounts::set_disabled(&state, admin.user_id(), &id, true).await?;
    Ok(HttpResponse::Ok().json(account))
}

/// `POST /api/admin/users/{id}/enable`.
pub(crate) async fn enable(
    state: Data<AppState>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let account = accounts::set_disabled(&state, admin.user_id(), &id, false).await?;
    Ok(HttpResponse::Ok().json(account))
}

/// `POST /api/admin/users/{id}/disconnect`.
pub(crate) async fn disconnect_user(
    state: Data<AppState>,
    _admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let disconnected = accounts::disconnect(&state, &id).await?;
    Ok(HttpResponse::Ok().json(Disconnected { disconnected }))
}

/// `POST /api/admin/users/{id}/test`.
pub(crate) async fn send_test(
    state: Data<AppState>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let stored = accounts::send_test(&state, admin.user_id(), &id, "This is a test").await?;
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
