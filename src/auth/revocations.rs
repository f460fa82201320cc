//! Tokens revoked before their end.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::alarm::Timestamp;
use crate::auth::Claims;

/// The tokens revoked before their end, held in memory: there are as many as people who logged out of late.
#[derive(Debug, Default)]
pub(crate) struct Revocations(RwLock<HashMap<String, Timestamp>>);

impl Revocations {
    /// Starts with those the store remembers.
    pub(crate) fn new(known: Vec<(String, Timestamp)>) -> Self {
        Self(RwLock::new(known.into_iter().collect()))
    }

    /// True if a token was revoked, under the name of today or under the one of earlier versions.
    pub(crate) fn contain(&self, claims: &Claims) -> bool {
        let revoked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let former = claims.former_id.as_ref();
        revoked.contains_key(&claims.token_id) || former.is_some_and(|id| revoked.contains_key(id))
    }

    /// Revokes a token, and forgets those that ended by themselves.
    pub(crate) fn add(&self, token_id: String, expires_at: Timestamp) {
        let now = Timestamp::now();
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_id, end| *end > now);
        revoked.insert(token_id, expires_at);
    }
}
