//! `/api/alarms`: publishing, and one user's inbox.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::actions::inbox::{self, Inbox, Mark, Meta, Status};
use crate::actions::publish::{self, Publication};
use crate::actions::{AppState, Refusal, Rule, Thing};
use crate::alarm::{Alarm, AlarmId, AlarmType, IdempotencyKey, InvalidValue, TargetId, Topic};
use crate::http::body::{JsonBody, LARGE_BODY, Params};
use crate::http::identity::{Member, Publisher};
use crate::http::problem::ApiError;

#[derive(Serialize)]
struct Published<'a> {
    alarms: Vec<Reference<'a>>,
}

#[derive(Serialize)]
struct Reference<'a> {
    id: AlarmId,
    topic: &'a Topic,
}

#[derive(Serialize)]
struct Listing {
    items: Vec<Alarm>,
    next: Option<AlarmId>,
    meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpTo {
    up_to: AlarmId,
}

#[derive(Serialize)]
struct Senders {
    names: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Deleted {
    deleted: usize,
}

/// `POST /api/alarms`.
pub(crate) async fn publish(
    state: Data<AppState>,
    publisher: Publisher,
    request: HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(&request)?;
    let (publication, bytes) = body.parse_with_bytes::<Publication>()?;
    let idempotency = key.map(|key| publish::idempotency(publisher.user_id(), key, &bytes));
    let stored = publish::publish(&state, publication, idempotency).await?;
    let alarms = stored
        .alarms
        .iter()
        .map(|alarm| Reference {
            id: alarm.id,
            topic: &alarm.topic,
        })
        .collect();
    Ok(HttpResponse::Created().json(Published { alarms }))
}

/// `GET /api/alarms`.
pub(crate) async fn list(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let unread_only = match params.first("status") {
        None | Some("all") => false,
        Some("unread") => true,
        Some(_) => return Err(ApiError::invalid("status", Rule::OneOf("all or unread"))),
    };
    let status = Status {
        unread_only,
        alarm_types: alarm_types(&params)?,
    };
    let before = params.parsed::<i64>("before")?.map(AlarmId);
    let limit = params.limit(20)?;
    let listing = listing(&state, member.inbox(), before, limit, status).await?;
    Ok(HttpResponse::Ok().json(listing))
}

/// `GET /api/alarms/counts`.
pub(crate) async fn counts(
    state: Data<AppState>,
    member: Member,
) -> Result<HttpResponse, ApiError> {
    let counts = inbox::type_counts(&state, member.inbox()).await?;
    Ok(HttpResponse::Ok().json(counts))
}

/// `GET /api/alarms/senders`.
pub(crate) async fn senders(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let ids: Vec<i64> = params.each("id")?;
    if u64::try_from(ids.len()).is_ok_and(|given| given > MOST_SENDERS) {
        return Err(ApiError::invalid("id", Rule::Between(1, MOST_SENDERS)));
    }
    let names = inbox::senders(&state, member.inbox(), ids).await?;
    Ok(HttpResponse::Ok().json(Senders { names }))
}

/// `GET /api/alarms/top`.
pub(crate) async fn top(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let limit = params.limit(5)?;
    let listing = listing(&state, member.inbox(), None, limit, Status::default()).await?;
    Ok(HttpResponse::Ok().json(Listing {
        next: None,
        ..listing
    }))
}

/// `POST /api/alarms/seen`.
pub(crate) async fn mark_seen(
    state: Data<AppState>,
    member: Member,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    mark_up_to(&state, member.inbox(), body, Mark::Seen).await
}

/// `POST /api/alarms/read`.
pub(crate) async fn mark_read(
    state: Data<AppState>,
    member: Member,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    mark_up_to(&state, member.inbox(), body, Mark::Read).await
}

/// `POST /api/alarms/{id}/read`.
pub(crate) async fn read_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let alarm = inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Read).await?;
    Ok(HttpResponse::Ok().json(alarm))
}

/// `POST /api/alarms/{id}/unread`.
pub(crate) async fn unread_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let alarm = inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Unread).await?;
    Ok(HttpResponse::Ok().json(alarm))
}

/// `DELETE /api/alarms/{id}`.
pub(crate) async fn delete_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Deleted).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/alarms?targetId=&alarmType=`.
pub(crate) async fn delete_pair(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let target: TargetId = params.required("targetId")?;
    let alarm_type: AlarmType = params.required("alarmType")?;
    let deleted = inbox::delete_pair(&state, member.inbox(), target, alarm_type).await?;
    Ok(HttpResponse::Ok().json(Deleted { deleted }))
}

async fn listing(
    state: &AppState,
    inbox: Inbox,
    before: Option<AlarmId>,
    limit: usize,
    status: Status,
) -> Result<Listing, ApiError> {
    let page = inbox::page(state, inbox, before, limit, status).await?;
    Ok(Listing {
        items: page.items,
        next: page.next,
        meta: Meta::from(page.counts),
    })
}

async fn mark_up_to(
    state: &AppState,
    inbox: Inbox,
    body: JsonBody,
    mark: Mark,
) -> Result<HttpResponse, ApiError> {
    let UpTo { up_to } = body.parse()?;
    let meta = inbox::mark_up_to(state, inbox, up_to, mark).await?;
    Ok(HttpResponse::Ok().json(meta))
}

/// The types that a listing is narrowed to: any of them.
fn alarm_types(params: &Params) -> Result<Vec<AlarmType>, ApiError> {
    let types: Vec<AlarmType> = params.each("alarmType")?;
    if u64::try_from(types.len()).is_ok_and(|given| given > MOST_TYPES) {
        return Err(ApiError::invalid("alarmType", Rule::Between(1, MOST_TYPES)));
    }
    Ok(types)
}

/// The number of alarms whose senders one request may ask for: those of a page.
const MOST_SENDERS: u64 = 100;

/// The number of types that one listing may name.
const MOST_TYPES: u64 = 50;

/// An id in a path that is no number is no alarm's.
fn alarm_id(text: &str) -> Result<AlarmId, Refusal> {
    text.parse()
        .map(AlarmId)
        .map_err(|_cause: std::num::ParseIntError| Refusal::NotFound(Thing::Alarm))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut lines = request.headers().get_all("idempotency-key");
    let Some(value) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(ApiError::invalid("Idempotency-Key", Rule::AtMost(1)));
    }
    let key = std::str::from_utf8(value.as_bytes()).map_err(|_cause| InvalidValue::NotUtf8);
    let key = key.and_then(IdempotencyKey::parse);
    key.map(Some)
        .map_err(|rule| ApiError::invalid("Idempotency-Key", rule))
}
