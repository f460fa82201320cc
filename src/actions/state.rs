//! The handles that every action needs, and the settings it looks at.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::Addr;

use crate::actions::figures::Figures;
use crate::actions::key_uses::KeyUses;
use crate::actions::known_rooms::KnownRooms;
use crate::actions::mercure::Mercure;
use crate::actions::networks::NewNetworks;
use crate::actions::openings::Openings;
use crate::actions::pace::Pace;
use crate::actions::rate::MessageRate;
use crate::actions::refusal::Refusal;
use crate::actions::unstored::Unstored;
use crate::alarm::declared::DeclaredTypes;
use crate::alarm::{AlarmId, UserId};
use crate::auth::{KeyRing, LoginLimiter, Passwords, Revocations, RightsEpoch, Tokens};
use crate::cluster::{Cluster, HubId};
use crate::hub::{Broadcaster, Pushes};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::net::{Origin, TrustedProxies};
use crate::outgoing::Outgoing;
use crate::store::Store;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore, watch};

/// Handles to the parts of the running hub. The composition root makes one, all workers share it.
pub(crate) struct AppState {
    /// The database.
    pub store: Store,
    /// The write lane.
    pub journal: Addr<Journal>,
    /// The owner of all open streams.
    pub broadcaster: Addr<Broadcaster>,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Asks other servers, such as those that show the keys of an issuer.
    pub outgoing: Outgoing,
    /// Tokens revoked before their end.
    pub revocations: Revocations,
    /// The API keys.
    pub keys: KeyRing,
    /// The declared types of alarms.
    pub types: DeclaredTypes,
    /// The uses of API keys that are not stored yet.
    pub key_uses: KeyUses,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Limits guessing.
    pub limiter: LoginLimiter,
    /// Right sign-ins whose network the database does not know of yet.
    pub networks: NewNetworks,
    /// The hub's counters.
    pub metrics: Metrics,
    /// The last minute of the counters.
    pub figures: Figures,
    /// The operator's settings.
    pub policy: Policy,
    /// Counts the changes of rights: revoked tokens, disabled accounts, changed roles.
    pub rights: RightsEpoch,
    /// The name of this hub.
    pub hub: HubId,
    /// The other hubs on the same database; `None` where there can be none.
    pub cluster: Option<Cluster>,
    /// Tokens signed out here that the database does not know of yet.
    pub unstored: Unstored,
    /// Limits test alarms, and the streams users cut of their own.
    pub test_pace: Pace,
    /// Rooms that were found before.
    pub known_rooms: KnownRooms,
    /// Limits the messages of a person into rooms.
    pub message_rate: MessageRate,
    /// Limits the streams that are being opened at a time.
    pub openings: Openings,
    /// Limits the sign-ins that wait for a provider.
    pub exchanges: Semaphore,
    /// Orders the `state` events of a user.
    pub turns: Turns,
    /// Off while the hub starts or stops.
    pub readiness: Readiness,
    /// The recent pushes to the streams of this hub.
    pub pushes: Pushes,
    /// The last id delivered to the streams of this hub.
    pub delivered: watch::Receiver<AlarmId>,
    /// The Mercure protocol; `None` if it is off.
    pub mercure: Option<Mercure>,
}

impl AppState {
    /// True until the first alarm is published.
    pub(crate) async fn is_empty(&self) -> Result<bool, Refusal> {
        Ok(self.store.head().await?.last_id == 0)
    }

    /// Tells whether the hub takes work and its database answers.
    pub(crate) async fn check(&self) -> Result<(), Refusal> {
        if !self.readiness.is_on() {
            return Err(Refusal::ShuttingDown);
        }
        self.has_database()?;
        // Any fault of the database is a reason to send no requests here, not to restart the hub.
        let answered = self.store.check().await;
        answered.map_err(|cause| Refusal::Unavailable(cause.to_string()))
    }

    /// Refuses work while the database has been away for so long that nobody should wait for it.
    pub(crate) fn has_database(&self) -> Result<(), Refusal> {
        let has = self.cluster.as_ref().map_or(Ok(()), Cluster::has_database);
        has.map_err(|cause| Refusal::Unavailable(cause.to_string()))
    }

    /// Waits for the turn to open a stream, which lasts until what is returned is dropped; no waiting with an embedded database.
    pub(crate) async fn opening(&self) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        match &self.cluster {
            Some(_shared) => Ok(Some(self.openings.turn().await?)),
            None => Ok(None),
        }
    }

    /// Refuses to publish what could not be stored as the operator demands.
    pub(crate) fn may_publish(&self) -> Result<(), Refusal> {
        let may = self.cluster.as_ref().map_or(Ok(()), Cluster::may_publish);
        may.map_err(|cause| Refusal::Unavailable(cause.to_string()))
    }
}

/// The settings handlers look at.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// People may sign in with a password.
    pub passwords: bool,
    /// People may create accounts on the sign-in page.
    pub signup_open: bool,
    /// A user that a token or an alarm names gets an account.
    pub any_user: bool,
    /// Only declared types are published, besides the hub's own.
    pub declared_types: bool,
    /// The number of rooms that a person may open.
    pub rooms_per_user: u32,
    /// Stream routes accept `?token=`.
    pub query_token: bool,
    /// The life of a token given at sign-in.
    pub session_ttl: Duration,
    /// The silence after which a stream gets a heartbeat.
    pub heartbeat: Duration,
    /// The origins of other sites whose pages may call.
    pub origins: Vec<Origin>,
    /// The hub's own origin as browsers see it, if it is set.
    pub public_url: Option<Origin>,
    /// The networks whose word about the client of a request is believed.
    pub trusted_proxies: TrustedProxies,
    /// The hub itself speaks TLS.
    pub tls: bool,
}

/// Tells whether the hub takes work; off while it starts and while it stops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets whether the hub takes work.
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// True while the hub takes work.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One turn at a time for each user, so that figures are told in the order they were read.
#[derive(Debug)]
pub(crate) struct Turns {
    hasher: RandomState,
    turns: Vec<Mutex<()>>,
    within: Duration,
}

impl Turns {
    /// Waits for the user's turn, as long as a question to the database may wait. Two users may share a turn.
    pub(crate) async fn of(&self, user_id: &UserId) -> Result<MutexGuard<'_, ()>, Refusal> {
        let slot = self.hasher.hash_one(user_id) % TURNS as u64;
        let turn = self.turns.get(usize::try_from(slot).unwrap_or_default());
        let turn = turn.ok_or_else(|| Refusal::Internal("there are no turns".to_owned()))?;
        tokio::time::timeout(self.within, turn.lock())
            .await
            .map_err(|_elapsed| {
                Refusal::Unavailable("the counts of this user are still being read".to_owned())
            })
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            turns: std::iter::repeat_with(Mutex::default).take(TURNS).collect(),
            within: TURN_WITHIN,
        }
    }
}

/// Few enough to hold, enough that two users seldom meet.
const TURNS: usize = 64;

/// A longer wait means that the database does not answer.
const TURN_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_does_not_come_is_refused_and_the_next_one_comes() {
        let turns = Turns {
            within: Duration::from_millis(10),
            ..Turns::default()
        };
        let bob = UserId::parse("bob").unwrap();

        let held = turns.of(&bob).await.unwrap();
        let refused = turns.of(&bob).await;
        assert!(matches!(refused, Err(Refusal::Unavailable(_))));

        drop(held);
        assert!(turns.of(&bob).await.is_ok());
    }
}
