//! The other hubs on the same PostgreSQL: what they change of rights takes effect here, and the other way round. One hub on SQLite
//! has none of it.

mod asking;
mod bell;
mod follower;
mod kinds;
mod rights;

use std::sync::Arc;

use actix::{Addr, Arbiter};
use tokio::sync::Notify;

use crate::alarm::UserId;
use crate::auth::{Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::bell::Doorbell;
use crate::cluster::follower::Follower;
use crate::hub::{Broadcaster, ClientId};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::store::{Address, Position, Store, StoreError};

/// A handle to the other hubs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    store: Store,
    asking: Asking,
}

/// The parts of this hub that hear of the others.
pub(crate) struct Listening {
    /// The database they share.
    pub store: Store,
    /// The owner of the streams that may have to end.
    pub broadcaster: Addr<Broadcaster>,
    /// Delivers what other hubs stored.
    pub journal: Addr<Journal>,
    /// The metrics.
    pub metrics: Metrics,
    /// The database through which the hubs ring for each other.
    pub bell: Address,
    /// Told after each write of this hub.
    pub writes: Arc<Notify>,
    /// The revoked tokens.
    pub revocations: Revocations,
    /// The count of changes of rights.
    pub rights: RightsEpoch,
}

impl Cluster {
    /// Begins to follow the signals after `position`, which was read before the rights that this hub started with.
    pub(crate) fn join(parts: Listening, position: Position) -> Self {
        let (store, asking) = (parts.store.clone(), Asking::default());
        let bell = Doorbell::new(
            parts.bell.clone(),
            Arc::clone(&parts.writes),
            parts.metrics.clone(),
        );
        let follower = Follower::new(parts, position, asking.clone(), bell.rung());
        // A thread of its own: nothing that requests do may delay it.
        Arbiter::new().spawn_fn(move || {
            actix::spawn(bell.run());
            actix::spawn(follower.run());
        });
        Self { store, asking }
    }

    /// Closes a stream that another hub holds, if it is this user's where one is named. `false` if no hub said that it did.
    pub(crate) async fn close_elsewhere(
        &self,
        client_id: ClientId,
        user_id: Option<&UserId>,
    ) -> Result<bool, StoreError> {
        let closed = self.asking.wait_for(client_id.to_string());
        let owner = user_id.map(UserId::to_string).unwrap_or_default();
        self.store
            .signal(kinds::DISCONNECT, client_id.to_string(), owner)
            .await?;
        Ok(closed.answered().await)
    }
}
