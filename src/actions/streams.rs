//! Open streams: listing and closing them.

use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::UserId;
use crate::hub::{Close, ListStreams, ListStreamsOf, StreamList};

pub(crate) use crate::hub::{Bye, ClientId, ClientInfo};

/// All open streams, oldest first.
pub(crate) async fn list(state: &AppState) -> Result<Vec<ClientInfo>, Refusal> {
    Ok(state.broadcaster.send(ListStreams).await?)
}

/// The open streams of one user, oldest first.
pub(crate) async fn list_of(state: &AppState, user: UserId) -> Result<Vec<ClientInfo>, Refusal> {
    Ok(state.broadcaster.send(ListStreamsOf(user)).await?)
}

/// Closes one stream by its written id, on whichever hub it is; `NotFound` if there is none.
pub(crate) async fn disconnect(state: &AppState, client_id: &str) -> Result<(), Refusal> {
    let client = ClientId::parse(client_id).ok_or(Refusal::NotFound(Thing::Connection))?;
    close_one(state, client, None).await
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
