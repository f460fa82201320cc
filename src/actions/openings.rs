//! The streams that are being opened on a database server: as many at a time as it answers, so that a crowd that comes back does
//! not make it answer nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::actions::{Overload, Refusal};

/// The turns of those who open a stream.
#[derive(Debug)]
pub(crate) struct Openings {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    within: Duration,
}

impl Openings {
    /// Waits for a turn, which lasts until what is returned is dropped.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let _waiting = Waiting::among(&self.waiting).ok_or(TURNED_AWAY)?;
        match timeout(self.within, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(Refusal::ShuttingDown),
            Err(_elapsed) => Err(TURNED_AWAY),
        }
    }
}

impl Default for Openings {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            waiting: AtomicUsize::new(0),
            within: WAIT_WITHIN,
        }
    }
}

/// One that waits; it is counted until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let counted = Self(waiting);
        (before < MOST_WAITING).then_some(counted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The refusal of those for whom there is no turn; its `Retry-After` differs from one to the next.
const TURNED_AWAY: Refusal = Refusal::Overloaded(Overload::Opening);

/// Twice the connections for lookups and pages: the database always has the next one, and more would only wait there.
const AT_A_TIME: usize = 14;

/// All clients of a busy hub, which come back together when it starts again.
const MOST_WAITING: usize = 16_384;

/// Enough for all of them at a database that answers a thousand a second: another attempt would cost both more than waiting.
const WAIT_WITHIN: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_for_whom_there_is_no_turn_in_time_are_turned_away_and_the_next_ones_are_not() {
        let openings = Openings {
            within: Duration::from_millis(10),
            ..Openings::default()
        };
        let mut held = Vec::new();
        for _opening in 0..AT_A_TIME {
            held.push(openings.turn().await.unwrap());
        }

        assert!(matches!(
            openings.turn().await,
            Err(Refusal::Overloaded(Overload::Opening))
        ));
        openings.waiting.store(MOST_WAITING, Ordering::Relaxed);
        held.pop();
        assert!(openings.turn().await.is_ok(), "a free turn needs no wait");
        held.push(openings.turn().await.unwrap());
        assert!(openings.turn().await.is_err(), "too many wait");
        assert_eq!(openings.waiting.load(Ordering::Relaxed), MOST_WAITING);
    }
}
