//! `GET /api/stream`: one subscription core, and a way of writing its events at its end.

mod events;
mod figures;
mod json;
mod origin;
mod poll;
#[cfg(test)]
mod properties;
mod replay;
mod sse;
mod way;
mod websocket;

use std::ops::Range;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::alarm::{AlarmId, Role, RoomId, Topic, TopicFilter};
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::identity::{Identity, QueryToken, Subscriber, has_same_origin, identify};
use crate::http::state::AppState;
use crate::http::stream::events::Events;
use crate::http::stream::origin::{Asked, Origin, Rest};
use crate::http::stream::replay::{Reader, personal};
use crate::http::stream::way::Way;
use crate::hub::{Connected, Frame, NewClient, Start, Subscribe};
use crate::store::Counts;

pub(crate) use crate::http::stream::figures::watch;
pub(crate) use crate::http::stream::sse::Dialect;

/// `GET /api/stream`: the way is what the request asks for, the events are the same.
pub(crate) async fn subscribe(
    state: Data<AppState>,
    subscriber: Subscriber,
    request: HttpRequest,
    params: Params,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let filter = wanted(&subscriber, &params)?;
    match Way::of(&request, &params)? {
        Way::EventStream => open(&state, &subscriber, &request, filter, Dialect::Hub).await,
        Way::Lines => {
            let rooms = named_rooms(&params);
            let opened =
                subscription(&state, &subscriber, &request, filter, Visit::Stream(rooms)).await?;
            Ok(json::lines(opened.greeted(&state, &subscriber).await?))
        }
        Way::WebSocket => {
            if subscriber.came_by_cookie() && !has_same_origin(&request) {
                return Err(ApiError::CrossOrigin);
            }
            let rooms = named_rooms(&params);
            let opened =
                subscription(&state, &subscriber, &request, filter, Visit::Stream(rooms)).await?;
            let events = opened.greeted(&state, &subscriber).await?;
            websocket::respond(events, &request, payload)
        }
        Way::Poll(wait) => {
            let opened = subscription(&state, &subscriber, &request, filter, Visit::Poll).await?;
            Ok(poll::respond(opened, wait).await)
        }
    }
}

/// Opens an SSE stream of what a filter lets through, written in a dialect.
pub(crate) async fn open(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: TopicFilter,
    dialect: Dialect,
) -> Result<HttpResponse, ApiError> {
    let rooms = match dialect {
        Dialect::Hub => named_rooms(&Params::of(request.query_string())),
        Dialect::OriginalAlarms | Dialect::OriginalRooms => Vec::new(),
    };
    let opened = subscription(state, identity, request, filter, Visit::Stream(rooms)).await?;
    let events = opened.greeted(state, identity).await?;
    Ok(sse::respond(events, dialect, request))
}

/// A stream that is open, before anything of it is written.
struct Opened {
    events: Events,
    /// Where it starts.
    cursor: AlarmId,
    /// Whether the cursor that was asked for lies outside what is kept.
    gap: bool,
}

impl Opened {
    /// The events with `connect` in front, which tells where the stream starts and how much is new.
    async fn greeted(mut self, state: &AppState, identity: &Identity) -> Result<Events, ApiError> {
        let counts = figures(state, identity).await?;
        let connected = Connected {
            client_id: self.events.client_id().to_string(),
            cursor: self.cursor,
            gap: self.gap,
            unseen: counts.unseen,
            unread: counts.unread,
            head: counts.head.max(self.cursor),
            heartbeat_seconds: state.policy.heartbeat.as_secs(),
        };
        self.events.begin_with(Frame::connect(&connected));
        Ok(self.events)
    }
}

/// What a client is here for.
enum Visit {
    /// To stay: its user is present in these rooms, and silence is broken by heartbeats.
    Stream(Vec<RoomId>),
    /// For one answer: it makes nobody present, and says nothing before.
    Poll,
}

/// The subscription all ways share.
async fn subscription(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: TopicFilter,
    visit: Visit,
) -> Result<Opened, ApiError> {
    let filter = Arc::new(filter);
    let asked = Asked::of(request);
    let client = NewClient {
        heartbeats: matches!(visit, Visit::Stream(_)),
        rooms: match visit {
            Visit::Stream(rooms) => rooms,
            Visit::Poll => Vec::new(),
        },
        start: asked.start(),
        ..new_client(identity, request, &filter)
    };
    let mut subscription = state.broadcaster.send(Subscribe(client)).await??;
    if identity.is_stale(state) {
        // Streams were closed while this one was on its way: would it be let in now?
        identify(request, QueryToken::Accepted).await?;
    }
    let Origin { cursor, gap, rest } = Origin::of(asked, &mut subscription, state).await?;
    let events = match rest {
        Rest::Known(missed, position) => {
            state.metrics.replayed_alarms.inc_by(missed.len() as u64);
            let between = cursor..position;
            let missed = as_his_own(state, identity, &filter, missed, between).await?;
            Events::live(subscription, missed.into(), position)
        }
        Rest::InLog => {
            let reader = Reader {
                store: state.store.clone(),
                broadcaster: state.broadcaster.clone(),
                client_id: subscription.client_id(),
                inbox: identity.inbox(),
                filter,
                metrics: state.metrics.clone(),
            };
            Events::replayed(subscription, cursor, reader)
        }
    };
    Ok(Opened {
        events,
        cursor,
        gap,
    })
}

/// Frames made for everybody, as the one user has them who missed them.
async fn as_his_own(
    state: &AppState,
    identity: &Identity,
    filter: &TopicFilter,
    missed: Vec<Arc<Frame>>,
    between: Range<AlarmId>,
) -> Result<Vec<Arc<Frame>>, ApiError> {
    // Who asked for the whole log is not reading his inbox.
    if missed.is_empty() || filter.everything {
        return Ok(missed);
    }
    let inbox = identity.inbox();
    let user_id = inbox.user_id().clone();
    let receipts = state.store.receipts(user_id, between.start, between.end);
    Ok(personal(missed, &inbox, &receipts.await?))
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

/// The rooms a caller names, and so is present in; which are well formed was checked with the rest.
fn named_rooms(params: &Params) -> Vec<RoomId> {
    params
        .all("room")
        .filter_map(|room| RoomId::parse(room).ok())
        .collect()
}

fn new_client(identity: &Identity, request: &HttpRequest, filter: &Arc<TopicFilter>) -> NewClient {
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
        rooms: Vec::new(),
        heartbeats: true,
        start: Start::Live,
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

/// More than a page shows, fewer than a query's bind variables.
const MOST_TOPICS: usize = 100;

/// Enough to tell browsers apart.
const MOST_AGENT_CHARACTERS: usize = 200;
