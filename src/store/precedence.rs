//! The precedence of appends on a server: what opens a stream waits a moment while an append is under way, because both would
//! share the server's processors, and all publishers wait for the append.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Tells if an append is under way. There is one at a time. Cheap to clone.
#[derive(Clone)]
pub(super) struct Precedence(Arc<watch::Sender<bool>>);

/// An append that is under way until this is dropped.
pub(super) struct Append(Precedence);

impl Precedence {
    /// Begins an append.
    pub(super) fn begin(&self) -> Append {
        self.0.send_replace(true);
        Append(self.clone())
    }

    /// Waits until no append is under way, but not for long: publishers that never pause do not keep others from their streams.
    pub(super) async fn give_way(&self) {
        let is_under_way = *self.0.borrow();
        if is_under_way {
            let mut told = self.0.subscribe();
            let over = told.wait_for(|is_under_way| !is_under_way);
            // Goes on at the deadline as well.
            let _over = timeout(WITHIN, over).await;
        }
    }
}

impl Default for Precedence {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        self.0.0.send_replace(false);
    }
}

/// A few appends of a server nearby.
const WITHIN: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn others_wait_for_an_append_and_only_for_a_moment() {
        let precedence = Precedence::default();
        assert!(precedence.give_way().now_or_never().is_some(), "no append");

        let append = precedence.begin();
        let mut waiting = Box::pin(precedence.give_way());
        assert!((&mut waiting).now_or_never().is_none(), "an append");
        drop(append);
        assert!((&mut waiting).now_or_never().is_some(), "it is over");

        let _endless = precedence.begin();
        precedence.give_way().await;
    }
}
