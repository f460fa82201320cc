//! Tokens revoked before their end.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::alarm::Timestamp;
use crate::auth::Claims;

/// The tokens revoked before their end, held in memory: there are as many as people who logged out of late. Cheap to clone,
/// all clones hold the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocations(Arc<RwLock<HashMap<String, Timestamp>>>);

impl Revocations {
    /// Starts with those the store remembers.
    pub(crate) fn new(known: Vec<(String, Timestamp)>) -> Self {
        Self(Arc::new(RwLock::new(known.into_iter().collect())))
    }

    /// True if a token was revoked, under the name of today or under the one of earlier versions.
    pub(crate) fn contain(&self, claims: &Claims) -> bool {
        let revoked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let former = claims.former_id.as_ref();
        revoked.contains_key(&claims.token_id) || former.is_some_and(|id| revoked.contains_key(id))
    }

    /// True if a token was revoked under this name.
    pub(crate) fn contain_id(&self, token_id: &str) -> bool {
        let revoked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        revoked.contains_key(token_id)
    }

    /// Revokes a token, and forgets those that ended by themselves.
    pub(crate) fn add(&self, token_id: String, expires_at: Timestamp) {
        self.add_all(vec![(token_id, expires_at)]);
    }

    /// Revokes several tokens.
    pub(crate) fn add_all(&self, tokens: Vec<(String, Timestamp)>) {
        if tokens.is_empty() {
            return;
        }
        let now = Timestamp::now();
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_id, end| *end > now);
        revoked.extend(tokens);
    }
}
