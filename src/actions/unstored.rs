//! Sign-outs that the database could not store: tried again until they are stored or the token has expired by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alarm::Timestamp;
use crate::store::{Store, StoreError};

/// The tokens that are revoked in this hub's memory only. Cheap to clone, all clones hold the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unstored(Arc<Mutex<HashMap<String, Timestamp>>>);

impl Unstored {
    /// Keeps a token to be stored as revoked later.
    pub(super) fn keep(&self, token_id: String, expires_at: Timestamp) {
        let mut tokens = self.tokens();
        if tokens.len() < MOST_TOKENS {
            tokens.insert(token_id, expires_at);
        }
    }

    /// Stores what there is. The first failure ends the attempt: the next would fail as well.
    pub(crate) async fn store(&self, store: &Store) -> Result<(), StoreError> {
        let waiting: Vec<_> = self.tokens().clone().into_iter().collect();
        for (token_id, expires_at) in waiting {
            if expires_at > Timestamp::now() {
                store.revoke_token(token_id.clone(), expires_at).await?;
                log::info!("stored a sign-out that could not be stored before");
            }
            self.tokens().remove(&token_id);
        }
        Ok(())
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some megabytes. Those beyond it are revoked in memory like the others, but a restart would forget them.
const MOST_TOKENS: usize = 10_000;
