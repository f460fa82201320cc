//! What every handler can reach.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::Addr;

use crate::alarm::UserId;
use crate::auth::{LoginLimiter, Passwords, Revocations, Tokens};
use crate::http::Pace;
use crate::http::figures::Figures;
use crate::hub::Broadcaster;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::store::Store;
use tokio::sync::{Mutex, MutexGuard};

/// The parts of the running hub, put together once by the composition root.
pub(crate) struct AppState {
    /// What is remembered.
    pub store: Store,
    /// The write lane.
    pub journal: Addr<Journal>,
    /// Who is connected.
    pub broadcaster: Addr<Broadcaster>,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Tokens revoked before their end.
    pub revocations: Revocations,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Limits guessing.
    pub limiter: LoginLimiter,
    /// What the hub counts of itself.
    pub metrics: Metrics,
    /// The last minute of it.
    pub figures: Figures,
    /// What the operator chose.
    pub policy: Policy,
    /// Counts whenever somebody's rights are taken.
    pub rights: Rights,
    /// How often one may publish a test alarm, or have a stream of his cut.
    pub test_pace: Pace,
    /// Turns in which a user's changes are told.
    pub turns: Turns,
    /// Whether the hub takes work.
    pub readiness: Readiness,
}

/// The settings handlers look at.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// May people create accounts.
    pub signup_open: bool,
    /// Whether whoever is named gets an account.
    pub any_user: bool,
    /// Whether stream routes take `?token=`.
    pub query_token: bool,
    /// Life of a token given at sign-in.
    pub session_ttl: Duration,
    /// The silence after which a stream gets a heartbeat.
    pub heartbeat: Duration,
    /// The origins of other sites whose pages may call.
    pub origins: Vec<String>,
    /// Whether cookies are to be `Secure`.
    pub tls: bool,
}

/// Off while starting and while draining.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the hub takes work.
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether the hub takes work.
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Tells a handler that checked a token and then waited whether the answer may have changed meanwhile: a stream opened
/// after a logout closed those there were would otherwise live on.
#[derive(Debug, Default)]
pub(crate) struct Rights(AtomicU64);

/// A moment of [`Rights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version(u64);

impl Rights {
    /// Says that a token was revoked, an account disabled or its role changed. Said before the streams are closed.
    pub(crate) fn taken(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// This moment.
    pub(crate) fn version(&self) -> Version {
        Version(self.0.load(Ordering::SeqCst))
    }
}

/// One turn at a time for each user, so that figures are told in the order they were read.
#[derive(Debug)]
pub(crate) struct Turns {
    hasher: RandomState,
    turns: Vec<Mutex<()>>,
}

impl Turns {
    /// Waits for the user's turn. Two users may share one; that costs a moment.
    pub(crate) async fn of(&self, user_id: &UserId) -> Option<MutexGuard<'_, ()>> {
        let slot = self.hasher.hash_one(user_id) % TURNS as u64;
        let turn = self.turns.get(usize::try_from(slot).unwrap_or_default())?;
        Some(turn.lock().await)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            turns: std::iter::repeat_with(Mutex::default).take(TURNS).collect(),
        }
    }
}

/// Few enough to hold, enough that two users seldom meet.
const TURNS: usize = 64;
