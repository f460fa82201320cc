//! `POST /.well-known/mercure`: publishing an update.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::actions::AppState;
use crate::actions::mercure::Mercure;
use crate::actions::publish::digest;
use crate::actions::updates::{self, Idempotency};
use crate::alarm::update::{Content, Topics, is_protocol_text, is_reserved, random_id};
use crate::alarm::{IdempotencyKey, UserId};
use crate::auth::mercure::{MercureGrants, MercureRole};
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::mercure::answer::{MercureError, PLAIN, builder};
use crate::http::mercure::form::{Form, NotText};
use crate::http::mercure::{body, credentials};

/// `POST /.well-known/mercure`.
pub(super) async fn publish(
    state: Data<AppState>,
    request: HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> HttpResponse {
    let Some(mercure) = &state.mercure else {
        return HttpResponse::NotFound().finish();
    };
    match published(&state, mercure, &request, body).await {
        Ok(id) => builder(StatusCode::OK).content_type(PLAIN).body(id),
        Err(error) => {
            let version = credentials::version(&request, mercure, MercureRole::Publisher);
            error.answer(&request, &state, version)
        }
    }
}

async fn published(
    state: &AppState,
    mercure: &Mercure,
    request: &HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> Result<String, MercureError> {
    let grants = credentials::grants(request, state, mercure, MercureRole::Publisher).await?;
    let grants = grants.ok_or(MercureError::NoToken)?;
    let bytes = body.bytes()?;
    let form = form_of(request, &bytes)?;
    let (key, made_id) = match idempotency(request, &grants, &bytes)? {
        Some((key, id)) => (Some(key), id),
        None => (None, random_id()),
    };
    let content = content(&form, &grants, mercure, made_id)?;
    let id = content.external_id.clone();
    updates::publish(state, vec![Arc::new(content)], key).await?;
    Ok(id)
}

/// The pairs of the body. A body of another type has none.
fn form_of(request: &HttpRequest, bytes: &[u8]) -> Result<Form, MercureError> {
    let Some(kind) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(Form::default());
    };
    let kind = kind.to_str().ok().and_then(essence);
    match kind.ok_or(MercureError::BadRequest("Bad Request"))? {
        kind if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
            Ok(Form::parse(bytes))
        }
        _other => Ok(Form::default()),
    }
}

/// The type of a media type whose parameters have values.
fn essence(kind: &str) -> Option<&str> {
    let mut parts = kind.split(';');
    let essence = parts.next()?.trim();
    let mut parameters = parts.map(str::trim).filter(|part| !part.is_empty());
    let is_whole = |part: &str| {
        part.split_once('=')
            .is_some_and(|(_, value)| !value.is_empty())
    };
    (essence.contains('/') && parameters.all(is_whole)).then_some(essence)
}

/// Checks the fields in the order in which the reference hub does, but for topics that nobody may use.
fn content(
    form: &Form,
    grants: &MercureGrants,
    mercure: &Mercure,
    made_id: String,
) -> Result<Content, MercureError> {
    let topics: Vec<&_> = form.all("topic").collect();
    if topics.is_empty() {
        return Err(MercureError::BadRequest("Missing \"topic\" parameter"));
    }
    if topics.len() > MOST_TOPICS {
        return Err(MercureError::TooLarge);
    }
    let invalid = || MercureError::BadRequest("Invalid \"topic\" parameter");
    let topics: Vec<Arc<str>> = topics
        .into_iter()
        .map(|topic| match topic {
            Ok(text) if is_protocol_text(text) => Ok(Arc::from(text.as_str())),
            Ok(_) | Err(NotText) => Err(invalid()),
        })
        .collect::<Result<_, _>>()?;
    let retry = retry(form)?;
    // Before the grants: such a topic is refused whatever the token grants.
    let base = mercure.matchers.base();
    let is_kept = |topic: &Arc<str>| is_reserved(topic, base) || mercure.is_bridged(topic);
    if topics.iter().any(is_kept) {
        return Err(MercureError::ReservedTopic);
    }
    if topics.iter().any(|topic| &**topic == "*") {
        return Err(invalid());
    }
    if !topics.iter().all(|topic| grants.may_publish(topic)) {
        return Err(MercureError::InsufficientScope);
    }
    let given = field(form, "id", "Invalid \"id\" parameter")?;
    // Spaces alone are lost in a header, so no client could send such an id back.
    let is_id = |id: &String| !id.trim_matches(' ').is_empty();
    let external_id = given.filter(is_id).unwrap_or(made_id);
    if external_id.starts_with('#') || updates::is_reserved_id(&external_id) {
        return Err(MercureError::BadRequest("Invalid \"id\" parameter"));
    }
    if external_id.len() > MOST_ID_BYTES {
        return Err(MercureError::TooLarge);
    }
    let event_type = field(form, "type", "Invalid \"type\" parameter")?;
    // The types of events that the hub sends itself: no publisher may feign them.
    if matches!(event_type.as_deref(), Some("mercure" | body::GAP)) {
        return Err(MercureError::BadRequest("Invalid \"type\" parameter"));
    }
    Ok(Content {
        topics: Topics::of(topics).ok_or_else(invalid)?,
        private: form.has("private"),
        external_id,
        event_type: event_type.filter(|kind| !kind.is_empty()),
        retry,
        data: data(form)?,
    })
}

fn field(form: &Form, name: &str, fault: &'static str) -> Result<Option<String>, MercureError> {
    match form.first(name) {
        None => Ok(None),
        Some(Ok(text)) if is_protocol_text(text) => Ok(Some(text.clone())),
        Some(Ok(_) | Err(NotText)) => Err(MercureError::BadRequest(fault)),
    }
}

/// Any text; but a database server cannot hold NUL.
fn data(form: &Form) -> Result<String, MercureError> {
    match form.first("data") {
        None => Ok(String::new()),
        Some(Ok(text)) if !text.contains('\0') => Ok(text.clone()),
        Some(Ok(_) | Err(NotText)) => Err(MercureError::BadRequest("Invalid \"data\" parameter")),
    }
}

fn retry(form: &Form) -> Result<u64, MercureError> {
    let Some(value) = form.first("retry") else {
        return Ok(0);
    };
    let invalid = MercureError::BadRequest("Invalid \"retry\" parameter");
    match value {
        Ok(text) if text.is_empty() => Ok(0),
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(|_too_large| invalid)
        }
        Ok(_) | Err(NotText) => Err(invalid),
    }
}

/// The key of a request that must be stored once, and the id that every repetition of it makes.
fn idempotency(
    request: &HttpRequest,
    grants: &MercureGrants,
    body: &[u8],
) -> Result<Option<(Idempotency, String)>, MercureError> {
    let Some(key) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let fault = MercureError::BadRequest("Invalid Idempotency-Key");
    let key = key.to_str().ok().map(IdempotencyKey::parse);
    let Some(Ok(key)) = key else {
        return Err(fault);
    };
    let subject = grants.subject.as_deref().unwrap_or_default();
    // No account can have this name, as an id has no space.
    let publisher = UserId::trusted(format!("mercure {subject}"));
    let body_hash = digest(body);
    let name = Sha256::digest(format!("{publisher}\n{}\n{body_hash}", key.as_str()));
    let bytes = name.first_chunk::<16>().copied().unwrap_or_default();
    let id = format!("urn:uuid:{}", Builder::from_custom_bytes(bytes).as_uuid());
    let idempotency = Idempotency {
        publisher,
        key,
        earlier_hash: body_hash.clone(),
        body_hash,
    };
    Ok(Some((idempotency, id)))
}

/// The topics of one update. The reference hub has the same limit.
const MOST_TOPICS: usize = 1_000;

/// A client sends the id back in a header, and proxies take some 8 KiB of headers.
const MOST_ID_BYTES: usize = 4_096;
