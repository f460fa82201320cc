//! The memory that replays may take, over all streams: a page is read in its turn and gives its share back when it is sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hands out shares of the memory.
#[derive(Clone)]
pub(super) struct Budget(Arc<Semaphore>);

/// A share of the memory; it is given back when it is dropped.
pub(crate) struct Share(OwnedSemaphorePermit);

impl Budget {
    /// Waits for the share of a page; `None` at the deadline.
    pub(super) async fn take(&self) -> Option<Share> {
        let turn = Arc::clone(&self.0).acquire_many_owned(PAGE_UNITS);
        let taken = tokio::time::timeout(TURN_WITHIN, turn).await;
        taken.ok()?.ok().map(Share)
    }

    /// The share of a page, if it is free at once.
    pub(super) fn take_now(&self) -> Option<Share> {
        let taken = Arc::clone(&self.0).try_acquire_many_owned(PAGE_UNITS);
        taken.ok().map(Share)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS)))
    }
}

impl Share {
    /// Gives back all but the share of so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let spare = self.0.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop(self.0.split(spare));
    }

    /// Takes another share in.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}

/// The bytes of one unit.
const UNIT: usize = 1_024;

/// 64 MiB: little beside the streams of a busy hub, enough for some tens of pages at once.
const UNITS: usize = 64 * 1_024;

/// The most that one page can take: its bytes in the database, as alarms and as JSON, and what each alarm adds.
const PAGE_UNITS: u32 = 960;

/// A client that does not take its page is cut off after fifteen seconds: its share comes back by then.
const TURN_WITHIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn shares_are_bounded_and_come_back_when_they_are_smaller_or_dropped() {
        let budget = Budget::default();
        let mut shares = Vec::new();
        while budget.0.available_permits() >= PAGE_UNITS as usize {
            shares.push(budget.take().await.expect("a share"));
        }
        assert!(budget.take().now_or_never().is_none(), "all is taken");

        for share in &mut shares {
            share.shrink_to(10 * UNIT);
        }
        assert_eq!(budget.0.available_permits(), UNITS - 10 * shares.len());
        let mut first = shares.pop().expect("a share");
        first.join(shares.pop().expect("a share"));
        drop((first, shares));
        assert_eq!(budget.0.available_permits(), UNITS);
    }
}
