//! `GET`, `HEAD` and `QUERY /.well-known/mercure`: subscribing to updates.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use uuid::Uuid;

use crate::actions::mercure::Mercure;
use crate::actions::updates::{self, Resumption};
use crate::actions::{AppState, Refusal};
use crate::alarm::update::{ActiveSubscription, MatchType, Matcher, UpdateFilter};
use crate::alarm::{AlarmId, Role, SignerId, Timestamp, TopicFilter, UserId};
use crate::auth::mercure::{MercureGrants, MercureRole, Version};
use crate::feed::cursor::Cursor;
use crate::feed::{self, FeedError, Opened, Source};
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::mercure::active::Active;
use crate::http::mercure::answer::{MercureError, builder};
use crate::http::mercure::body;
use crate::http::mercure::form::Form;
use crate::http::mercure::query::{self, LastSeen};
use crate::http::mercure::{credentials, paths};
use crate::http::peer;
use crate::http::problem::ApiError;
use crate::hub::{NewClient, Start};

/// The wishes of a subscriber, and its grants.
struct Wish {
    matchers: Vec<(MatchType, Matcher)>,
    grants: Option<MercureGrants>,
    last_seen: LastSeen,
    /// True if an event shall tell that the id which was seen last is not known.
    tell_gap: bool,
}

/// `GET` and `QUERY /.well-known/mercure`.
pub(super) async fn subscribe(
    state: Data<AppState>,
    source: Data<Source>,
    request: HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> HttpResponse {
    let Some(mercure) = mercure_of(&state, &request) else {
        return builder(StatusCode::NOT_FOUND).finish();
    };
    let form = match form_of(&request, body) {
        Ok(form) => form,
        Err(error) => return error.answer(&request, &state, Version::One),
    };
    match stream(&state, mercure, source, &request, &form).await {
        Ok(answer) => answer,
        Err(error) => error.answer(&request, &state, query::version(&form, mercure)),
    }
}

/// `HEAD /.well-known/mercure`: the fields of the answer to `GET`, without a subscription.
pub(super) async fn head(state: Data<AppState>, request: HttpRequest) -> HttpResponse {
    let Some(mercure) = mercure_of(&state, &request) else {
        return builder(StatusCode::NOT_FOUND).finish();
    };
    let form = Form::parse(request.query_string().as_bytes());
    match headed(&state, mercure, &request, &form).await {
        Ok(answer) => answer,
        Err(error) => error.answer(&request, &state, query::version(&form, mercure)),
    }
}

async fn headed(
    state: &AppState,
    mercure: &Mercure,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, MercureError> {
    let wish = wish(state, mercure, request, form).await?;
    let (_cursor, mut told, _gap) = start(state, &wish).await?;
    if wish.last_seen == LastSeen::Empty {
        let head = state.store.head().await.map_err(Refusal::from)?;
        told = Some(updates::id_of_now(state, AlarmId(head.last_id)).await?);
    }
    Ok(fields(told).finish())
}

/// The protocol, for a path that is written as it is: no other spelling is one of its routes.
fn mercure_of<'a>(state: &'a AppState, request: &HttpRequest) -> Option<&'a Mercure> {
    let mercure = state.mercure.as_ref();
    mercure.filter(|_on| request.uri().path() == paths::HUB)
}

/// The pairs of the query, then those of the body of `QUERY` (RFC 10008).
fn form_of(request: &HttpRequest, body: JsonBody<LARGE_BODY>) -> Result<Form, MercureError> {
    let form = Form::parse(request.query_string().as_bytes());
    if request.method().as_str() == "QUERY" {
        return Ok(form.and(Form::parse(&body.bytes()?)));
    }
    Ok(form)
}

async fn wish(
    state: &AppState,
    mercure: &Mercure,
    request: &HttpRequest,
    form: &Form,
) -> Result<Wish, MercureError> {
    let grants = credentials::grants(request, state, mercure, MercureRole::Subscriber).await?;
    if grants.is_none() && !mercure.anonymous {
        return Err(MercureError::NoToken);
    }
    Ok(Wish {
        matchers: query::matchers(form, mercure)?,
        grants,
        last_seen: query::last_seen(request, form, mercure),
        tell_gap: matches!(form.first("campanile"), Some(Ok(wish)) if wish == "gap"),
    })
}

async fn stream(
    state: &Data<AppState>,
    mercure: &Mercure,
    source: Data<Source>,
    request: &HttpRequest,
    form: &Form,
) -> Result<HttpResponse, MercureError> {
    let epoch = state.rights.current();
    let wish = wish(state, mercure, request, form).await?;
    state.has_database()?;
    let turn = state.opening().await?;
    let (cursor, mut told, gap) = start(state, &wish).await?;
    let active = active(mercure, &wish);
    let client = client(state, mercure, request, &wish, &active);
    let inbox = updates::inbox_of(state, client.user_id.clone(), &client.filter.topics).await?;
    let Opened { events, cursor, .. } = feed::open(&source, client, cursor, inbox, false)
        .await
        .map_err(failed)?;
    if epoch != state.rights.current() {
        // Streams that were open when rights changed are closed; this one was not open yet.
        credentials::grants(request, state, mercure, MercureRole::Subscriber).await?;
    }
    if wish.last_seen == LastSeen::Empty {
        told = Some(updates::id_of_now(state, cursor).await?);
    }
    drop(turn);
    let subscriber = format!("urn:uuid:{}", events.client_id());
    let active = Active::begin(state.clone(), active, subscriber).await;
    let body = body::of(events, gap.as_deref(), active);
    Ok(fields(told).body(BoxBody::new(body)))
}

fn failed(error: FeedError) -> MercureError {
    MercureError::from(ApiError::from(error))
}

/// The place where a stream starts, the id that the answer tells, and the unknown id of a client that wants to hear of it.
async fn start(
    state: &AppState,
    wish: &Wish,
) -> Result<(Cursor, Option<String>, Option<String>), Refusal> {
    let LastSeen::Id(id) = &wish.last_seen else {
        return Ok((Cursor::Now, None, None));
    };
    let earliest = || Some(updates::EARLIEST.to_owned());
    Ok(match updates::resumption(state, id).await? {
        Resumption::After(position) => (Cursor::After(position), Some(id.clone()), None),
        Resumption::Earliest => (Cursor::After(AlarmId(0)), earliest(), None),
        Resumption::Unknown if wish.tell_gap => {
            (Cursor::After(AlarmId(0)), earliest(), Some(id.clone()))
        }
        Resumption::Unknown => (Cursor::Now, earliest(), None),
    })
}

fn client(
    state: &AppState,
    mercure: &Mercure,
    request: &HttpRequest,
    wish: &Wish,
    active: &[ActiveSubscription],
) -> NewClient {
    let readable = wish.grants.as_ref().map(MercureGrants::readable);
    let grants = readable.unwrap_or_default();
    let matchers: Vec<Matcher> = wish.matchers.iter().map(|pair| pair.1.clone()).collect();
    let filter = TopicFilter {
        topics: mercure.bridged(&matchers, &grants),
        updates: Some(Arc::new(UpdateFilter {
            matchers,
            grants,
            active: active.to_vec(),
        })),
        ..TopicFilter::default()
    };
    let of_token = wish.grants.as_ref();
    let holder = of_token.and_then(|grants| grants.holder.as_ref());
    let ends = of_token.and_then(|grants| grants.expires_at);
    NewClient {
        user_id: subscriber(of_token),
        holder: holder.map(|holder| holder.user_id.clone()),
        role: Role::Service,
        token_id: holder.map_or_else(
            || name_of(of_token).into(),
            |holder| holder.token_id.as_str().into(),
        ),
        signer: of_token.map_or(SignerId::SHARED_SECRET, |grants| grants.signer),
        api_key: None,
        issued_at: holder.and_then(|holder| holder.issued_at),
        kicks: holder.map_or(0, |holder| holder.kicks),
        expires_at: ends.map_or(Timestamp::from_millis(i64::MAX), |end| end.minus(EARLY)),
        filter: Arc::new(filter),
        rooms: Vec::new(),
        heartbeats: true,
        start: Start::Live,
        remote_address: peer::address(request, state),
        user_agent: peer::user_agent(request),
    }
}

/// The subscriptions, if they are told of.
fn active(mercure: &Mercure, wish: &Wish) -> Vec<ActiveSubscription> {
    if !mercure.subscriptions {
        return Vec::new();
    }
    let of_one = |(kind, matcher): &(MatchType, Matcher)| {
        let text = matcher.text();
        let grants = wish.grants.as_ref();
        ActiveSubscription {
            match_type: kind.as_str().map(str::to_owned),
            text: text.to_owned(),
            payload: grants.and_then(|grants| grants.payload_of(text)).cloned(),
        }
    };
    wish.matchers.iter().map(of_one).collect()
}

/// The name of a subscriber in the list of streams: that of the token, else one of its own. No account can have it, as its id has no
/// space.
fn subscriber(grants: Option<&MercureGrants>) -> UserId {
    let subject = grants.and_then(|grants| grants.subject.as_deref());
    let subject = subject.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    UserId::trusted(format!("mercure {subject}"))
}

/// The name of a token of the protocol's own keys. No account has a token of that name, as an id has no space.
fn name_of(grants: Option<&MercureGrants>) -> String {
    let token_id = grants.and_then(|grants| grants.token_id.as_deref());
    format!("mercure {}", token_id.unwrap_or_default())
}

/// The head of the answer, with the id that it tells.
fn fields(told: Option<String>) -> HttpResponseBuilder {
    let mut answer = builder(StatusCode::OK);
    answer
        .content_type("text/event-stream")
        .insert_header((
            header::CACHE_CONTROL,
            "private, no-cache, no-store, must-revalidate, max-age=0",
        ))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::EXPIRES, "0"))
        .insert_header(("x-accel-buffering", "no"));
    if let Some(id) = told.and_then(|id| header::HeaderValue::from_bytes(id.as_bytes()).ok()) {
        answer.insert_header(("mercure-last-event-id", id.clone()));
        answer.insert_header(("last-event-id", id));
    }
    answer
}

/// Streams whose token ends are looked for twice a second, and none may live longer than its token.
const EARLY: Duration = Duration::from_millis(500);
