//! The key that signed a token, as this process numbers it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a key that verifies tokens. A stream remembers the key of its token, so that it ends when the key is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SignerId(u64);

impl SignerId {
    /// The shared secret, which is never taken away while the hub runs.
    pub(crate) const SHARED_SECRET: Self = Self(0);

    /// A number that no other key has.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
