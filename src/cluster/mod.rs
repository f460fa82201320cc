//! The other hubs on the same PostgreSQL: what they change of rights takes effect here, and the other way round. One hub on SQLite
//! has none of it.

mod asking;
mod follower;
mod kinds;
mod rights;

use actix::Addr;

use crate::alarm::UserId;
use crate::auth::{Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::follower::Follower;
use crate::hub::{Broadcaster, ClientId};
use crate::store::{Position, Store, StoreError};

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
    /// The revoked tokens.
    pub revocations: Revocations,
    /// The count of changes of rights.
    pub rights: RightsEpoch,
}

impl Cluster {
    /// Begins to follow the signals after `position`, which was read before the rights that this hub started with.
    pub(crate) fn join(parts: Listening, position: Position) -> Self {
        let (store, asking) = (parts.store.clone(), Asking::default());
        actix::spawn(Follower::new(parts, position, asking.clone()).run());
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
