//! `/api/alarms`: publishing, and one user's inbox.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::actions::inbox::{self, Inbox, Mark, Meta, Senders, Status};
use crate::actions::publish::{self, Publication};
use crate::actions::retracting::{self, Subject};
use crate::actions::{AppState, Forbidden, Refusal, Rule, Thing};
use crate::alarm::{
    Alarm, AlarmId, AlarmType, IdempotencyKey, InvalidValue, Role, TargetId, Topic, UserId, whole,
};
use crate::http::body::{JsonBody, LARGE_BODY, Params};
use crate::http::identity::{Anyone, Member, Publisher};
use crate::http::problem::ApiError;

#[derive(utoipa::ToSchema, Serialize)]
struct Published<'a> {
    alarms: Vec<Reference<'a>>,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Results<'a> {
    results: Vec<Published<'a>>,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Reference<'a> {
    id: AlarmId,
    topic: &'a Topic,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Listing {
    items: Vec<Alarm>,
    next: Option<AlarmId>,
    meta: Meta,
}

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpTo {
    #[serde(deserialize_with = "whole::signed")]
    #[schema(value_type = AlarmId)]
    up_to: i64,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Deleted {
    deleted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// The body of `POST /api/alarms`: one alarm, or several, of which all are stored or none.
struct OneOrMany;

impl utoipa::PartialSchema for OneOrMany {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let one = || utoipa::openapi::Ref::from_schema_name("Publication");
        let many = utoipa::openapi::ArrayBuilder::new()
            .items(one())
            .min_items(Some(1))
            .max_items(Some(1_000));
        utoipa::openapi::OneOfBuilder::new()
            .item(one())
            .item(many)
            .into()
    }
}

impl utoipa::ToSchema for OneOrMany {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        let publication = <Publication as utoipa::PartialSchema>::schema();
        schemas.push(("Publication".to_owned(), publication));
        <Publication as utoipa::ToSchema>::schemas(schemas);
    }
}

/// The answer, of the form of the body.
#[derive(utoipa::ToSchema, Serialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Stored<'a> {
    One(Published<'a>),
    Many(Results<'a>),
}

/// The alarms that a listing holds.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is there for its schema")]
pub(crate) enum ListedStatus {
    All,
    Unread,
}

/// Stores one alarm, or all of a list, and delivers them.
#[utoipa::path(post, path = "/api/alarms", tag = "alarms",
    request_body = OneOrMany,
    params(("Idempotency-Key" = Option<IdempotencyKey>, Header)),
    responses((status = 201, description = "Stored", body = Stored)))]
pub(crate) async fn publish(
    state: Data<AppState>,
    publisher: Publisher,
    request: HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let key = idempotency_key(&request)?;
    if body.is_array() {
        return publish_all(&state, &publisher, key, body).await;
    }
    let (publication, bytes) = body.parse_with_bytes::<Publication>()?;
    publish::allow(&publisher, &publication.to)?;
    let idempotency = key.map(|key| publish::idempotency(&publisher.actor_name(), key, &bytes));
    let stored = publish::publish(&state, publication, idempotency).await?;
    Ok(HttpResponse::Created().json(published(&stored.alarms)))
}

fn published(alarms: &[Arc<Alarm>]) -> Published<'_> {
    let references = alarms.iter().map(|alarm| Reference {
        id: alarm.id,
        topic: &alarm.topic,
    });
    Published {
        alarms: references.collect(),
    }
}

/// `POST /api/alarms` with an array: all or none.
async fn publish_all(
    state: &AppState,
    publisher: &Publisher,
    key: Option<IdempotencyKey>,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let (items, bytes) = body.parse_list::<Publication>()?;
    let idempotency = key.map(|key| publish::idempotency(&publisher.actor_name(), key, &bytes));
    let stored = publish::publish_all(state, publisher, items, idempotency).await?;
    let results = stored.iter().map(|alarms| published(alarms));
    Ok(HttpResponse::Created().json(Results {
        results: results.collect(),
    }))
}

/// One alarm of the caller's inbox.
#[utoipa::path(get, path = "/api/alarms/{id}", tag = "inbox",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = Alarm)))]
pub(crate) async fn one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let alarm = inbox::one(&state, member.inbox(), alarm_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(alarm))
}

/// A page of the caller's inbox, the newest first.
#[utoipa::path(get, path = "/api/alarms", tag = "inbox",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100), ("before" = Option<i64>, Query), ("status" = Option<ListedStatus>, Query), ("alarmType" = Option<Vec<AlarmType>>, Query, max_items = 50)),
    responses((status = 200, description = "Done", body = Listing)))]
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

/// The numbers of unseen and of unread alarms of the caller.
#[utoipa::path(get, path = "/api/alarms/counts", tag = "inbox",
    responses((status = 200, description = "Done", body = inbox::TypeMeta)))]
pub(crate) async fn counts(
    state: Data<AppState>,
    member: Member,
) -> Result<HttpResponse, ApiError> {
    let counts = inbox::type_counts(&state, member.inbox()).await?;
    Ok(HttpResponse::Ok().json(counts))
}

/// The display names of senders.
#[utoipa::path(get, path = "/api/alarms/senders", tag = "inbox",
    params(("id" = Option<Vec<i64>>, Query, max_items = 100)),
    responses((status = 200, description = "Done", body = Senders)))]
pub(crate) async fn senders(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let ids: Vec<i64> = params.each("id")?;
    if u64::try_from(ids.len()).is_ok_and(|given| given > MOST_SENDERS) {
        return Err(ApiError::invalid("id", Rule::Between(1, MOST_SENDERS)));
    }
    let senders = inbox::senders(&state, member.inbox(), ids).await?;
    Ok(HttpResponse::Ok().json(senders))
}

/// The newest alarms of the caller.
#[utoipa::path(get, path = "/api/alarms/top", tag = "inbox",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100)),
    responses((status = 200, description = "Done", body = Listing)))]
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

/// Marks alarms as seen.
#[utoipa::path(post, path = "/api/alarms/seen", tag = "inbox",
    request_body = UpTo,
    responses((status = 200, description = "Done", body = Meta)))]
pub(crate) async fn mark_seen(
    state: Data<AppState>,
    member: Member,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    mark_up_to(&state, member.inbox(), body, Mark::Seen).await
}

/// Marks alarms as read.
#[utoipa::path(post, path = "/api/alarms/read", tag = "inbox",
    request_body = UpTo,
    responses((status = 200, description = "Done", body = Meta)))]
pub(crate) async fn mark_read(
    state: Data<AppState>,
    member: Member,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    mark_up_to(&state, member.inbox(), body, Mark::Read).await
}

/// Marks one alarm as read.
#[utoipa::path(post, path = "/api/alarms/{id}/read", tag = "inbox",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = Alarm)))]
pub(crate) async fn read_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let alarm = inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Read).await?;
    Ok(HttpResponse::Ok().json(alarm))
}

/// Marks one alarm as unread.
#[utoipa::path(post, path = "/api/alarms/{id}/unread", tag = "inbox",
    params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = Alarm)))]
pub(crate) async fn unread_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let alarm = inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Unread).await?;
    Ok(HttpResponse::Ok().json(alarm))
}

/// Deletes one alarm of the caller's inbox.
#[utoipa::path(delete, path = "/api/alarms/{id}", tag = "inbox",
    params(("id" = String, Path)),
    responses((status = 204, description = "Done")))]
pub(crate) async fn delete_one(
    state: Data<AppState>,
    member: Member,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    inbox::mark(&state, member.inbox(), alarm_id(&id)?, Mark::Deleted).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes the alarms about one target: for all recipients where the caller may publish, else in the caller's inbox.
#[utoipa::path(delete, path = "/api/alarms", tag = "inbox",
    params(("targetId" = TargetId, Query), ("alarmType" = AlarmType, Query), ("user" = Option<UserId>, Query)),
    responses((status = 200, description = "Done", body = Deleted)))]
pub(crate) async fn delete_about(
    state: Data<AppState>,
    caller: Anyone,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if caller.role() == Role::User && params.first("user").is_some() {
        return Err(Refusal::Forbidden(Forbidden::OtherInbox).into());
    }
    let subject = Subject {
        target: params.required("targetId")?,
        alarm_type: params.required("alarmType")?,
    };
    let user: Option<UserId> = params.parsed("user")?;
    if user.is_none() && caller.role() != Role::Service {
        let Subject { target, alarm_type } = subject;
        let deleted = inbox::delete_pair(&state, caller.inbox(), target, alarm_type).await?;
        let more = None;
        return Ok(HttpResponse::Ok().json(Deleted { deleted, more }));
    }
    let outcome = retracting::retract(&state, &caller, subject, user).await?;
    Ok(HttpResponse::Ok().json(Deleted {
        deleted: outcome.deleted,
        more: Some(outcome.more),
    }))
}

/// `DELETE /api/main/alarm?targetId=&alarmType=`: an inbox alone.
pub(crate) async fn delete_pair(
    state: Data<AppState>,
    member: Member,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let target: TargetId = params.required("targetId")?;
    let alarm_type: AlarmType = params.required("alarmType")?;
    let deleted = inbox::delete_pair(&state, member.inbox(), target, alarm_type).await?;
    let more = None;
    Ok(HttpResponse::Ok().json(Deleted { deleted, more }))
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
    let meta = inbox::mark_up_to(state, inbox, AlarmId(up_to), mark).await?;
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
