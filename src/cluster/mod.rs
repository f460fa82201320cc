//! The other hubs on the same PostgreSQL: what they change of rights takes effect here, and the other way round. One hub on SQLite
//! has none of it, but follows what commands change beside it.

mod asking;
mod bell;
mod beside;
mod delivery;
mod follower;
mod hub_id;
mod kinds;
mod lease;
mod listing;
mod marks;
mod orders;
mod outage;
mod presence;
mod questions;
mod rights;
mod standby;

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Arbiter};
use tokio::sync::{Notify, watch};

use crate::alarm::declared::DeclaredTypes;
use crate::alarm::{AlarmId, UserId};
use crate::auth::{KeyRing, Revocations, RightsEpoch};
use crate::cluster::asking::Asking;
use crate::cluster::bell::{Doorbell, Rung};
use crate::cluster::follower::Follower;
use crate::cluster::lease::{Heart, Leases, Leaving};
use crate::cluster::presence::{Holding, Registrar, Untold as UntoldPresence};
use crate::cluster::standby::Missing;
use crate::hub::{Broadcaster, ClientId, Pushes};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::store::{Address, Lease, Position, Store, StoreError};

pub(crate) use crate::cluster::beside::Commands;
pub(crate) use crate::cluster::delivery::{Everywhere, Inquiry, Known, Traces, Window, Witness};
pub(crate) use crate::cluster::hub_id::HubId;
pub(crate) use crate::cluster::listing::{Connection, of_hub};
pub(crate) use crate::cluster::marks::{Marked, Marks, Untold};
pub(crate) use crate::cluster::rights::take_keys;

/// A handle to the other hubs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    store: Store,
    asking: Asking,
    marks: Marks,
    rung: Rung,
    hub: HubId,
    leases: Leases,
    holding: Holding,
    standby: Missing,
    presence: UntoldPresence,
    leaving: Leaving,
}

/// The reason why work is refused now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotNow {
    /// The database has been away for seconds.
    #[error("the database has been away for seconds")]
    DatabaseGone,
    /// A synchronous standby is demanded, and none is attached.
    #[error("no synchronous standby is attached")]
    NoStandby,
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
    /// True if a synchronous standby is demanded.
    pub require_standby: bool,
    /// The revoked tokens.
    pub revocations: Revocations,
    /// The API keys.
    pub keys: KeyRing,
    /// The declared types of alarms.
    pub types: DeclaredTypes,
    /// The count of changes of rights.
    pub rights: RightsEpoch,
    /// The name of this hub.
    pub hub: HubId,
    /// The last id delivered here.
    pub delivered: watch::Receiver<AlarmId>,
    /// The recent pushes of this hub.
    pub pushes: Pushes,
}

impl Cluster {
    /// Begins to follow the signals after `position`, which was read before the rights that this hub started with.
    pub(crate) fn join(parts: Listening, position: Position) -> Self {
        let bell = Doorbell::new(
            parts.bell.clone(),
            Arc::clone(&parts.writes),
            parts.metrics.clone(),
        );
        let joined = Self {
            store: parts.store.clone(),
            asking: Asking::default(),
            marks: Marks::default(),
            rung: bell.rung(),
            hub: parts.hub.clone(),
            leases: Leases::default(),
            holding: Holding::default(),
            standby: Missing::default(),
            presence: UntoldPresence::default(),
            leaving: Leaving::default(),
        };
        joined.presence.add_everything();
        let heart = Heart {
            store: parts.store.clone(),
            hub: parts.hub.clone(),
            delivered: parts.delivered.clone(),
            metrics: parts.metrics.clone(),
            holding: joined.holding.clone(),
            rung: bell.rung(),
            leaving: joined.leaving.clone(),
        };
        let registrar = Registrar {
            store: parts.store.clone(),
            broadcaster: parts.broadcaster.clone(),
            hub: parts.hub.clone(),
            holding: joined.holding.clone(),
        };
        actix::spawn(registrar.run());
        let (store, broadcaster) = (parts.store.clone(), parts.broadcaster.clone());
        let presence = joined.presence.clone();
        actix::spawn(presence.hand_over(store, broadcaster, parts.hub.clone()));
        actix::spawn(heart.run());
        actix::spawn(joined.leases.clone().watch(parts.store.clone()));
        let streams_end = outage::watch(parts.store.clone(), parts.broadcaster.clone());
        actix::spawn(streams_end);
        let (missing, watched) = (joined.standby.clone(), parts.store.clone());
        let demanded = parts.require_standby;
        let follower = Follower::new(parts, position, &joined);
        // A thread of its own: nothing that requests do may delay it.
        Arbiter::new().spawn_fn(move || {
            actix::spawn(bell.run());
            actix::spawn(follower.run());
            if demanded {
                actix::spawn(missing.watch(watched));
            }
        });
        joined
    }

    /// The changes of inboxes, made at any hub, that the streams of this one have to hear.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The leases of the hubs that live, this one among them.
    pub(crate) fn hubs(&self) -> Vec<Lease> {
        self.leases.live()
    }

    /// Gives the lease back: this hub stops.
    pub(crate) async fn leave(&self) {
        let left = async {
            self.leaving.begin().await;
            self.store.give_lease_back(self.hub.to_string()).await
        };
        if !matches!(tokio::time::timeout(LEAVES_WITHIN, left).await, Ok(Ok(()))) {
            log::warn!("the lease of this hub is not given back; the other hubs will end it");
        }
    }

    /// Looks for signals now: this hub has sent one that its own streams wait for.
    pub(crate) fn look_now(&self) {
        self.rung.look();
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

    /// Refuses work that the database would not do in time.
    pub(crate) fn has_database(&self) -> Result<(), NotNow> {
        if outage::is_gone(self.store.unheard_for()) {
            return Err(NotNow::DatabaseGone);
        }
        Ok(())
    }

    /// Refuses to publish on one disk only where two are demanded.
    pub(crate) fn may_publish(&self) -> Result<(), NotNow> {
        if self.standby.is_true() {
            return Err(NotNow::NoStandby);
        }
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

/// A part of the five seconds a stop may take.
const LEAVES_WITHIN: Duration = Duration::from_millis(500);
