//! Tokens revoked before their end.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::alarm::Timestamp;
use crate::auth::Claims;

/// The tokens revoked before their end, held in memory: there are as many as people who logged out of late. Cheap to clone,
/// all clones hold the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocations(Arc<RwLock<Revoked>>);

#[derive(Debug, Default)]
struct Revoked {
    ends: HashMap<String, Timestamp>,
    /// The number of tokens at which those that ended by themselves are dropped: a sign-out does not look at all others.
    tidy_at: usize,
}

impl Revocations {
    /// Starts with those the store remembers.
    pub(crate) fn new(known: Vec<(String, Timestamp)>) -> Self {
        let ends: HashMap<_, _> = known.into_iter().collect();
        let tidy_at = ends.len() * 2 + TIDY_AFTER;
        Self(Arc::new(RwLock::new(Revoked { ends, tidy_at })))
    }

    /// True if a token was revoked, under the name of today or under the one of earlier versions.
    pub(crate) fn contain(&self, claims: &Claims) -> bool {
        let revoked = &self.0.read().unwrap_or_else(PoisonError::into_inner).ends;
        let former = claims.former_id.as_ref();
        revoked.contains_key(&claims.token_id) || former.is_some_and(|id| revoked.contains_key(id))
    }

    /// True if a token was revoked under this name.
    pub(crate) fn contain_id(&self, token_id: &str) -> bool {
        let revoked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        revoked.ends.contains_key(token_id)
    }

    /// Revokes a token.
    pub(crate) fn add(&self, token_id: String, expires_at: Timestamp) {
        self.add_all(vec![(token_id, expires_at)]);
    }

    /// Revokes several tokens, and now and then forgets those that ended by themselves.
    pub(crate) fn add_all(&self, tokens: Vec<(String, Timestamp)>) {
        if tokens.is_empty() {
            return;
        }
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.ends.extend(tokens);
        if revoked.ends.len() > revoked.tidy_at {
            let now = Timestamp::now();
            revoked.ends.retain(|_id, end| *end > now);
            revoked.tidy_at = revoked.ends.len() * 2 + TIDY_AFTER;
        }
    }
}

const TIDY_AFTER: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_revoked_token_is_kept_until_its_end_and_not_for_ever() {
        let (now, hour) = (Timestamp::now(), Duration::from_secs(3_600));
        let revocations = Revocations::default();
        revocations.add("alive".to_owned(), now.plus(hour));

        for number in 0..10_000 {
            revocations.add(format!("ended{number}"), now.minus(hour));
        }

        assert!(revocations.contain_id("alive"));
        let kept = revocations.0.read().unwrap().ends.len();
        assert!(kept <= TIDY_AFTER + 3, "{kept}");
    }
}
