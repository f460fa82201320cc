//! Open streams: listing and closing them.

use crate::actions::audit::Actor;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{SignerId, UserId};
use crate::cluster;
use crate::hub::{Close, StreamList};
use crate::store::Lease;

pub(crate) use crate::cluster::Connection;
pub(crate) use crate::hub::{Bye, ClientId};

/// The open streams of all hubs, oldest first.
pub(crate) async fn list(state: &AppState) -> Result<Vec<Connection>, Refusal> {
    everywhere(state, None).await
}

/// A hub, as the admin page shows it.
pub(crate) struct HubView {
    /// Its name.
    pub hub: String,
    /// True for the hub that answers.
    pub is_this: bool,
    /// Its version.
    pub version: String,
    /// Its open streams.
    pub streams: i64,
    /// The alarms it has not delivered yet.
    pub log_lag: i64,
    /// The round trip of its bell in milliseconds, rounded up, if it is known.
    pub bell_milliseconds: Option<i64>,
    /// The database server that it writes to.
    pub server: String,
}

/// The hubs on the same database; none where there can be only one.
pub(crate) fn hubs(state: &AppState) -> Vec<HubView> {
    let Some(cluster) = &state.cluster else {
        return Vec::new();
    };
    let me = state.hub.to_string();
    let view = |lease: Lease| HubView {
        is_this: lease.hub == me,
        hub: lease.hub,
        version: lease.version,
        streams: lease.streams,
        log_lag: lease.log_lag,
        bell_milliseconds: lease.bell_micros.map(|micros| (micros + 999) / 1_000),
        server: lease.server,
    };
    cluster.hubs().into_iter().map(view).collect()
}

/// The open streams of one user at all hubs, oldest first.
pub(crate) async fn list_of(state: &AppState, user: UserId) -> Result<Vec<Connection>, Refusal> {
    everywhere(state, Some(user)).await
}

async fn everywhere(state: &AppState, user: Option<UserId>) -> Result<Vec<Connection>, Refusal> {
    let elsewhere = match &state.cluster {
        // The list of this hub can be told all the same.
        Some(cluster) => cluster
            .list_elsewhere(user.as_ref())
            .await
            .unwrap_or_else(|cause| {
                log::warn!("the streams of the other hubs are not listed: {cause}");
                Vec::new()
            }),
        None => Vec::new(),
    };
    let mut all = cluster::of_hub(&state.broadcaster, &state.hub, user).await?;
    if !elsewhere.is_empty() {
        all.extend(elsewhere);
        all.sort_by_key(|one| std::cmp::Reverse(one.client.age_seconds));
    }
    Ok(all)
}

/// Closes one stream by its written id, on whichever hub it is; `NotFound` if there is none.
pub(crate) async fn disconnect(
    state: &AppState,
    client_id: &str,
    by: Actor,
) -> Result<(), Refusal> {
    let client = ClientId::parse(client_id).ok_or(Refusal::NotFound(Thing::Connection))?;
    close_one(state, client, None).await?;
    // Only a stream that was there makes an entry.
    Ok(state
        .store
        .note_disconnection(client.to_string(), by)
        .await?)
}

/// Closes one of a user's own streams, on whichever hub it is; `NotFound` if there is none.
pub(crate) async fn disconnect_own(
    state: &AppState,
    user: &UserId,
    client_id: &str,
) -> Result<(), Refusal> {
    let client = ClientId::parse(client_id).ok_or(Refusal::NotFound(Thing::Connection))?;
    close_one(state, client, Some(user)).await
}

/// Closes the streams that were opened with a token which is good no more.
pub(super) async fn close_revoked(state: &AppState, token_id: String) -> Result<(), Refusal> {
    state.rights.advance();
    close(state, StreamList::Token(token_id), Bye::Logout).await?;
    Ok(())
}

/// Closes the streams whose tokens were signed with keys that are good no more; returns how many there were. Their clients may
/// come back with a token of another key.
pub(super) async fn close_signed(
    state: &AppState,
    signers: Vec<SignerId>,
) -> Result<usize, Refusal> {
    state.rights.advance();
    let streams = StreamList::Signers(signers.into_iter().collect());
    close(state, streams, Bye::Expired).await
}

/// Closes the streams of a user whose rights changed.
pub(super) async fn close_changed(state: &AppState, user: UserId, bye: Bye) -> Result<(), Refusal> {
    state.rights.advance();
    close(state, StreamList::User(user), bye).await?;
    Ok(())
}

/// Closes all streams of a user, who may come back; returns how many there were.
pub(super) async fn kick(state: &AppState, user: UserId) -> Result<usize, Refusal> {
    close(state, StreamList::User(user), Bye::Kicked).await
}

/// Closes a stream of this hub, or of another.
async fn close_one(state: &AppState, client: ClientId, of: Option<&UserId>) -> Result<(), Refusal> {
    let streams = match of {
        Some(user) => StreamList::ClientOf(client, user.clone()),
        None => StreamList::Client(client),
    };
    if close(state, streams, Bye::Kicked).await? > 0 {
        return Ok(());
    }
    match &state.cluster {
        Some(cluster) if cluster.close_elsewhere(client, of).await? => Ok(()),
        _ => Err(Refusal::NotFound(Thing::Connection)),
    }
}

async fn close(state: &AppState, streams: StreamList, bye: Bye) -> Result<usize, Refusal> {
    Ok(state.broadcaster.send(Close { streams, bye }).await?)
}
