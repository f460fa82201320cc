//! `GET /api/stream`: one subscription core, and a way of writing its events at its end.

mod events;
mod replay;
mod sse;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::alarm::{AlarmId, Role, RoomId, Topic, TopicFilter};
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::identity::{Identity, Subscriber};
use crate::http::state::AppState;
use crate::http::stream::events::Events;
use crate::http::stream::replay::Reader;
use crate::hub::{Connected, Frame, NewClient, Start, Subscribe};
use crate::store::Counts;

pub(crate) use crate::http::stream::sse::Dialect;

/// `GET /api/stream`.
pub(crate) async fn subscribe(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    if !accepts_event_stream(&request) {
        return Err(ApiError::NotAcceptable);
    }
    let filter = wanted(&subscriber, &params)?;
    open(&state, &subscriber, &request, filter, Dialect::Hub).await
}

/// Opens a stream of what a filter lets through, written in a dialect.
pub(crate) async fn open(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: TopicFilter,
    dialect: Dialect,
) -> Result<HttpResponse, ApiError> {
    let filter = Arc::new(filter);
    let origin = Origin::of(request, state).await?;
    let client = new_client(identity, request, &filter, origin.start(), dialect);
    let subscription = state.broadcaster.send(Subscribe(client)).await??;
    let counts = figures(state, identity).await?;
    let cursor = origin.after.unwrap_or_else(|| subscription.position());
    let connected = Connected {
        client_id: subscription.client_id().to_string(),
        cursor,
        gap: origin.gap,
        unseen: counts.unseen,
        unread: counts.unread,
        head: counts.head.max(cursor),
        heartbeat_seconds: state.policy.heartbeat.as_secs(),
    };
    let first = Frame::connect(&connected);
    let events = match origin.after {
        None => Events::live(subscription, first, cursor),
        Some(after) => {
            let reader = Reader {
                store: state.store.clone(),
                broadcaster: state.broadcaster.clone(),
                client_id: subscription.client_id(),
                inbox: identity.inbox(),
                filter,
                metrics: state.metrics.clone(),
            };
            Events::replayed(subscription, first, after, reader)
        }
    };
    Ok(sse::respond(events, dialect, request))
}

/// Where a stream starts: after a cursor the client brought, or now.
struct Origin {
    after: Option<AlarmId>,
    gap: bool,
}

impl Origin {
    /// Reads `Last-Event-ID`, or else `cursor`. One that means nothing here is a gap, never an error.
    async fn of(request: &HttpRequest, state: &AppState) -> Result<Self, ApiError> {
        let header = request
            .headers()
            .get("last-event-id")
            .and_then(|value| value.to_str().ok());
        let params = Params::of(request.query_string());
        let Some(text) = header
            .filter(|text| !text.is_empty())
            .or_else(|| params.first("cursor"))
        else {
            return Ok(Self {
                after: None,
                gap: false,
            });
        };
        let head = state.store.head().await?;
        let cursor = text
            .trim()
            .parse::<i64>()
            .ok()
            .filter(|cursor| (0..=head.last_id).contains(cursor));
        Ok(match cursor {
            Some(cursor) => Self {
                after: Some(AlarmId(cursor)),
                gap: cursor < head.pruned_up_to,
            },
            None => Self {
                after: None,
                gap: true,
            },
        })
    }

    fn start(&self) -> Start {
        if self.after.is_some() {
            Start::Replay
        } else {
            Start::Live
        }
    }
}

/// The topics a caller asks for, if he may.
fn wanted(identity: &Identity, params: &Params) -> Result<TopicFilter, ApiError> {
    let mut filter = TopicFilter::default();
    identity
        .inbox()
        .topics()
        .cloned()
        .for_each(|topic| filter.add(topic));
    let rooms: Vec<&str> = params.all("room").collect();
    let topics: Vec<&str> = params.all("topic").collect();
    if rooms.len() > MOST_TOPICS || topics.len() > MOST_TOPICS {
        return Err(ApiError::invalid(
            "room",
            "name at most 100 rooms and topics",
        ));
    }
    for room in rooms {
        let room = RoomId::parse(room).map_err(|cause| ApiError::invalid("room", cause))?;
        filter.add(Topic::room(&room));
    }
    filter.all_rooms = match params.first("rooms") {
        None => false,
        Some("all") => true,
        Some(_) => return Err(ApiError::invalid("rooms", "expected all")),
    };
    if !topics.is_empty() && identity.role() == Role::User {
        return Err(ApiError::Forbidden(
            "topic is for the roles service and admin",
        ));
    }
    for topic in topics {
        if topic == "*" {
            filter.everything = true;
        } else {
            filter.add(Topic::parse(topic).map_err(|cause| ApiError::invalid("topic", cause))?);
        }
    }
    Ok(filter)
}

fn new_client(
    identity: &Identity,
    request: &HttpRequest,
    filter: &Arc<TopicFilter>,
    start: Start,
    dialect: Dialect,
) -> NewClient {
    let params = Params::of(request.query_string());
    let rooms = match dialect {
        Dialect::Hub => params
            .all("room")
            .filter_map(|room| RoomId::parse(room).ok())
            .collect(),
        Dialect::OriginalAlarms | Dialect::OriginalRooms => Vec::new(),
    };
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    NewClient {
        user_id: identity.user_id().clone(),
        role: identity.role(),
        token_id: identity.claims().token_id.clone(),
        expires_at: identity.claims().expires_at,
        filter: Arc::clone(filter),
        rooms,
        start,
        remote_address: request
            .peer_addr()
            .map(|address| address.to_string())
            .unwrap_or_default(),
        user_agent: agent
            .unwrap_or_default()
            .chars()
            .take(MOST_AGENT_CHARACTERS)
            .collect(),
    }
}

/// A service has no inbox, so nothing of it is new.
async fn figures(state: &AppState, identity: &Identity) -> Result<Counts, ApiError> {
    if identity.role() == Role::Service {
        return Ok(Counts {
            unseen: 0,
            unread: 0,
            head: AlarmId(0),
        });
    }
    Ok(state.store.counts(identity.inbox()).await?)
}

/// Whether the client takes Server-Sent Events: it says so, takes anything, or says nothing.
fn accepts_event_stream(request: &HttpRequest) -> bool {
    let Some(accept) = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
    else {
        return true;
    };
    let ranges = accept.split(',').map(|range| {
        range
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    });
    ranges
        .into_iter()
        .any(|range| matches!(range.as_str(), "" | "*/*" | "text/*" | "text/event-stream"))
}

/// More than a page shows, fewer than a query's bind variables.
const MOST_TOPICS: usize = 100;

/// Enough to tell browsers apart.
const MOST_AGENT_CHARACTERS: usize = 200;
