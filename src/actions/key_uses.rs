//! The count of the uses of API keys.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::alarm::{ApiKey, Timestamp};
use crate::store::{Actor, KeyUse, Store, StoreError};

/// The uses of keys that are not stored yet, by key, address and minute. Cheap to clone; all clones count together.
#[derive(Clone, Default)]
pub(crate) struct KeyUses(Arc<Mutex<HashMap<Use, u64>>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Use {
    key: String,
    actor: String,
    /// `None` for the addresses beyond those that are counted one by one.
    address: Option<IpAddr>,
    minute: i64,
}

impl KeyUses {
    /// Counts a request.
    pub(crate) fn count(&self, key: &ApiKey, address: IpAddr) {
        let mut one = Use {
            key: key.id.clone(),
            actor: key.actor(),
            address: Some(address),
            minute: Timestamp::now().seconds().div_euclid(60),
        };
        let mut uses = self.uses();
        if uses.len() >= MOST_USES && !uses.contains_key(&one) {
            one.address = None;
        }
        *uses.entry(one).or_default() += 1;
    }

    /// Stores the uses of the minutes that are over, or all of them.
    pub(crate) async fn store(&self, store: &Store, span: Span) -> Result<(), StoreError> {
        let now = Timestamp::now().seconds().div_euclid(60);
        let is_due = |one: &Use| span == Span::All || one.minute < now;
        let due: Vec<(Use, u64)> = self.uses().extract_if(|one, _count| is_due(one)).collect();
        let rows = due.iter().map(|(one, count)| KeyUse {
            key: one.key.clone(),
            by: Actor {
                name: one.actor.clone(),
                address: one
                    .address
                    .map_or_else(|| MANY.to_owned(), |at| at.to_string()),
            },
            minute: Timestamp::from_seconds(one.minute * 60),
            count: *count,
        });
        let stored = store.keep_key_uses(rows.collect()).await;
        if stored.is_err() {
            let mut uses = self.uses();
            for (one, count) in due {
                if uses.len() < MOST_USES {
                    *uses.entry(one).or_default() += count;
                }
            }
        }
        stored
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<Use, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The uses that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Those of minutes that are over.
    WholeMinutes,
    /// All, because the hub stops.
    All,
}

/// The address of uses that are counted together.
const MANY: &str = "(others)";

/// Pairs of a key and an address, and the minutes of an outage of the database: bounded, as a key may be used from anywhere.
const MOST_USES: usize = 2_000;
