//! The count of changes of rights. A handler compares it to learn that rights changed after it checked them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the changes of rights. A handler that checked a token and then waited compares the count: a stream that is opened
/// just after a sign-out closed the others would otherwise live on. Cheap to clone, all clones count the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct RightsEpoch(Arc<AtomicU64>);

/// A value of [`RightsEpoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl RightsEpoch {
    /// Counts a revoked token, a disabled account or a changed role. Called before the streams are closed.
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// The count at this moment.
    pub(crate) fn current(&self) -> Epoch {
        Epoch(self.0.load(Ordering::SeqCst))
    }
}
