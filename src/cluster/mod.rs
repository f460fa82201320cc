//! The other hubs on the same PostgreSQL: what they change of rights takes effect here, and the other way round. One hub on SQLite
//! has none of it.

mod asking;
mod follower;
mod kinds;
mod marks;
mod rights;

use std::sync::Arc;

use actix::Addr;
use tokio::sync::Notify;

use crate::alarm::UserId;
use crate::auth::{Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::follower::Follower;
use crate::hub::{Broadcaster, ClientId};
use crate::store::{Position, Store, StoreError};

pub(crate) use crate::cluster::marks::{Marked, Marks, Untold};

/// A handle to the other hubs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    store: Store,
    asking: Asking,
    marks: Marks,
    wake: Arc<Notify>,
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
        let joined = Self {
            store: parts.store.clone(),
            asking: Asking::default(),
            marks: Marks::default(),
            wake: Arc::default(),
        };
        actix::spawn(Follower::new(parts, position, &joined).run());
        joined
    }

    /// The changes of inboxes, made at any hub, that the streams of this one have to hear.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Looks for signals now: this hub has sent one that its own streams wait for.
    pub(crate) fn look_now(&self) {
        self.wake.notify_one();
    }

    /// Tells the other hubs that a session of a user was signed out: a tab may hear of it by the stream of another session.
    pub(crate) async fn tell_session_end(
        &self,
        user_id: &UserId,
        session: String,
    ) -> Result<(), StoreError> {
        self.store
            .signal(kinds::SESSION, user_id.to_string(), session)
            .await?;
        self.look_now();
        Ok(())
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
