//! Opening a stream: the subscriber, the topics, and the first event, which tells the position it starts at.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::web::Data;

use crate::actions::identity::Identity;
use crate::actions::{AppState, Refusal, inbox};
use crate::alarm::{RoomId, TopicFilter};
use crate::feed::{self, Events, Manner, Opened, Source};
use crate::http::body::Params;
use crate::http::identity::{QueryToken, identify};
use crate::http::peer;
use crate::http::problem::ApiError;
use crate::http::stream::query::cursor;
use crate::http::stream::transport::Transport;
use crate::hub::{Connected, Frame, NewClient, Start};

/// The purpose of a subscription.
pub(crate) enum Visit {
    /// A stream over a transport: its user is present in these rooms, and silence is broken by heartbeats.
    Stream(Vec<RoomId>, Transport),
    /// One answer: its user is present nowhere, and it carries no heartbeats.
    Poll,
}

/// Opens the subscription of a stream and puts `connect` in front of its events.
pub(crate) async fn stream(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: TopicFilter,
    visit: Visit,
) -> Result<Events, ApiError> {
    let opened = subscription(state, identity, request, filter, visit).await?;
    greeted(opened, state, identity).await
}

/// Opens a subscription. Rights that changed while it was opened are checked again: streams that were open then are closed.
pub(super) async fn subscription(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: TopicFilter,
    visit: Visit,
) -> Result<Opened, ApiError> {
    let (rooms, transport) = match visit {
        // A key is nobody who could be present.
        Visit::Stream(_rooms, transport) if identity.key().is_some() => (Vec::new(), transport),
        Visit::Stream(rooms, transport) => (rooms, transport),
        Visit::Poll => (Vec::new(), Transport::Poll),
    };
    let heartbeats = transport != Transport::Poll;
    let client = NewClient {
        heartbeats,
        rooms,
        ..new_client(state, identity, request, &Arc::new(filter))
    };
    let cursor = cursor(request, &Params::of(request.query_string()));
    let source = source(request)?;
    let counts_needed = heartbeats && inbox::has_inbox(identity);
    let mut opened = feed::open(&source, client, cursor, identity.inbox(), counts_needed).await?;
    opened.events.tell_of(Manner {
        transport: transport.name(),
        http: version(request),
        route: &request.match_pattern().unwrap_or_default(),
        is_poll: !heartbeats,
        user_id: identity.user_id(),
    });
    if opened.gap {
        state.metrics.gaps.inc();
    }
    if identity.is_stale(state) {
        identify(request, QueryToken::Accepted).await?;
    }
    Ok(opened)
}

fn version(request: &HttpRequest) -> &'static str {
    match request.version() {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// The events with `connect` in front, which tells the position and the counts.
async fn greeted(
    opened: Opened,
    state: &AppState,
    identity: &Identity,
) -> Result<Events, ApiError> {
    let counts = match opened.counts {
        Some(counts) => counts,
        None => inbox::counts_of(state, identity).await?,
    };
    let mut events = opened.events;
    let connected = Connected {
        client_id: events.client_id().to_string(),
        user_id: identity.actor_name(),
        cursor: opened.cursor,
        gap: opened.gap,
        badge: counts.badge,
        head: counts.head.max(opened.cursor),
        version: counts.version,
        heartbeat_seconds: state.policy.heartbeat.as_secs(),
    };
    events.begin_with(Frame::connect(&connected));
    Ok(events)
}

/// A live client of a caller.
pub(super) fn new_client(
    state: &AppState,
    identity: &Identity,
    request: &HttpRequest,
    filter: &Arc<TopicFilter>,
) -> NewClient {
    NewClient {
        user_id: identity.user_id().clone(),
        holder: None,
        role: identity.role(),
        token_id: identity.claims().token_id.as_str().into(),
        signer: identity.claims().signer,
        api_key: identity.claims().made_by_key.as_deref().map(Arc::from),
        issued_at: identity.claims().issued_at,
        kicks: identity.kicks(),
        expires_at: identity.claims().expires_at,
        filter: Arc::clone(filter),
        rooms: Vec::new(),
        heartbeats: true,
        start: Start::Live,
        remote_address: peer::address(request, state),
        user_agent: peer::user_agent(request),
    }
}

/// The parts of the hub that a subscription needs: all streams share them.
fn source(request: &HttpRequest) -> Result<Arc<Source>, Refusal> {
    let source = request.app_data::<Data<Source>>().cloned();
    let source = source.ok_or_else(|| Refusal::Internal("no source of events".to_owned()))?;
    Ok(source.into_inner())
}
