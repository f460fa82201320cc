//! `GET /.well-known/mercure/subscriptions…`: the active subscriptions of all hubs.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::actions::mercure::Mercure;
use crate::actions::{AppState, streams, updates};
use crate::alarm::AlarmId;
use crate::alarm::update::{ActiveSubscription, MatchType};
use crate::auth::mercure::{MercureRole, Version};
use crate::http::lists::members;
use crate::http::mercure::answer::{MercureError, builder};
use crate::http::mercure::{credentials, documents, paths};

/// The subscriptions that a path names.
#[derive(Default)]
struct Wanted {
    match_type: Option<String>,
    text: Option<String>,
    subscriber: Option<String>,
}

/// `GET /.well-known/mercure/subscriptions…`.
pub(super) async fn list(state: Data<AppState>, request: HttpRequest) -> HttpResponse {
    let Some(mercure) = &state.mercure else {
        return builder(StatusCode::NOT_FOUND).finish();
    };
    match listed(&state, mercure, &request).await {
        Ok(answer) => answer,
        Err(error) => {
            let version = credentials::version(&request, mercure, MercureRole::Subscriber);
            error.answer(&request, &state, version)
        }
    }
}

async fn listed(
    state: &AppState,
    mercure: &Mercure,
    request: &HttpRequest,
) -> Result<HttpResponse, MercureError> {
    let path = request.uri().path();
    let grants = credentials::grants(request, state, mercure, MercureRole::Subscriber).await?;
    let grants = grants.ok_or(MercureError::NoToken)?;
    let (wanted, version) = wanted(path, mercure, grants.version)?;
    if !grants.may_read(path) {
        return Err(MercureError::InsufficientScope);
    }
    // Read first: who follows the updates after it misses no change.
    let head = state
        .store
        .head()
        .await
        .map_err(crate::actions::Refusal::from)?;
    let last = updates::id_of_now(state, AlarmId(head.last_id)).await?;
    let tag = format!("\"{last}\"");
    // Weak comparison (RFC 9110, section 13.1.2): a proxy that compresses weakens the tag.
    let mut known = members(request.headers(), header::IF_NONE_MATCH).map(|member| member.value);
    if known.any(|known| known == "*" || known.trim_start_matches("W/") == tag) {
        let mut answer = builder(StatusCode::NOT_MODIFIED);
        return Ok(answer.insert_header((header::ETAG, tag)).finish());
    }
    let found = found(state, &wanted, version).await?;
    let body = match (wanted.subscriber.is_some(), version) {
        (true, _) => match found.into_iter().next() {
            Some(document) => document,
            None => return Err(MercureError::NotFound),
        },
        (false, Version::One) => {
            json!({"id": path, "type": "subscriptions", "subscriptions": found})
        }
        (false, Version::Zero) => json!({
            "@context": documents::CONTEXT, "id": path, "type": "Subscriptions", "lastEventID": last,
            "subscriptions": found,
        }),
    };
    Ok(answer(&body, version, &last, tag))
}

fn answer(body: &Value, version: Version, last: &str, tag: String) -> HttpResponse {
    let kind = match version {
        Version::One => "application/json",
        Version::Zero => "application/ld+json",
    };
    let hub = paths::HUB;
    let link = format!(
        "<{hub}>; rel=\"mercure\"; last-event-id=\"{last}\"; type=\"mercure\"; content-type=\"{kind}\""
    );
    builder(StatusCode::OK)
        .content_type(kind)
        .insert_header((header::ETAG, tag))
        .insert_header((header::LINK, link))
        .insert_header((header::CACHE_CONTROL, "must-revalidate"))
        .body(body.to_string())
}

async fn found(
    state: &AppState,
    wanted: &Wanted,
    version: Version,
) -> Result<Vec<Value>, MercureError> {
    let mut found = Vec::new();
    for stream in streams::list(state).await? {
        let subscriber = format!("urn:uuid:{}", stream.client.client_id);
        for subscription in &stream.client.subscriptions {
            let is_seen = version == Version::Zero || subscription.match_type.is_some();
            if is_seen && wanted.contains(subscription, &subscriber) {
                let document = documents::document(subscription, &subscriber, version, true);
                found.push(document);
            }
        }
    }
    Ok(found)
}

impl Wanted {
    fn contains(&self, subscription: &ActiveSubscription, subscriber: &str) -> bool {
        let is_kind = self.match_type.is_none() || self.match_type == subscription.match_type;
        let is_text = self
            .text
            .as_ref()
            .is_none_or(|text| *text == subscription.text);
        let is_one = self
            .subscriber
            .as_deref()
            .is_none_or(|one| one == subscriber);
        is_kind && is_text && is_one
    }
}

/// Reads a path, still escaped. A path of two segments is of version 1.0 if the first names a type.
fn wanted(
    path: &str,
    mercure: &Mercure,
    version: Version,
) -> Result<(Wanted, Version), MercureError> {
    // Another spelling of the path is granted otherwise than it is read.
    let rest = path.strip_prefix(paths::SUBSCRIPTIONS);
    let rest = rest.ok_or(MercureError::BadRequest("Bad Request"))?;
    let segments: Vec<String> = rest
        .split('/')
        .skip(1)
        .map(|segment| text(segment).ok_or(MercureError::BadRequest("Bad Request")))
        .collect::<Result<_, _>>()?;
    let (wanted, version) = match segments.as_slice() {
        [] => (Wanted::default(), version),
        [kind, text, rest @ ..] if MatchType::parse(kind).is_some() && rest.len() < 2 => {
            let wanted = Wanted {
                match_type: Some(kind.clone()),
                text: Some(text.clone()),
                subscriber: rest.first().cloned(),
            };
            (wanted, Version::One)
        }
        [text, rest @ ..] if mercure.keys.version_0 && rest.len() < 2 => {
            let wanted = Wanted {
                match_type: None,
                text: Some(text.clone()),
                subscriber: rest.first().cloned(),
            };
            (wanted, Version::Zero)
        }
        _unknown => return Err(MercureError::BadRequest("Bad Request")),
    };
    Ok((wanted, version))
}

/// The text of a segment; `None` for a wrong escape.
fn text(segment: &str) -> Option<String> {
    let mut escapes = segment.split('%').skip(1);
    let is_whole = escapes.all(|escape| {
        let digits = escape.get(..2);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    is_whole.then(|| decoded.into_owned())
}
