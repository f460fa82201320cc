//! What every handler can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::Addr;

use crate::auth::{LoginLimiter, Passwords, Revocations, Tokens};
use crate::hub::Broadcaster;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::store::Store;

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
    /// What the operator chose.
    pub policy: Policy,
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
