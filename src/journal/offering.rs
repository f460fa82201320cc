//! The way to the Broadcaster: every id of the log once and in order, also of rows this hub never heard were stored.

use std::sync::Arc;

use actix::Addr;

use crate::alarm::{Alarm, AlarmId, TopicFilter};
use crate::hub::{Broadcaster, Frame, Publish};
use crate::store::Store;

/// Where the log is read, whom it is offered, and how far that has come.
#[derive(Clone)]
pub(super) struct Offering {
    store: Store,
    broadcaster: Addr<Broadcaster>,
    up_to: AlarmId,
    /// Whether something may be stored that was not offered, though nobody but this hub writes.
    unsure: bool,
}

impl Offering {
    /// A Broadcaster that has been offered everything up to `position`.
    pub(super) fn new(store: Store, broadcaster: Addr<Broadcaster>, position: AlarmId) -> Self {
        Self {
            store,
            broadcaster,
            up_to: position,
            unsure: false,
        }
    }

    /// Offers what a batch stored. Ids that do not follow the last one offered mean that more was stored: by another
    /// hub, or by a commit that succeeded although its answer was lost. Then what is offered is read from the log.
    pub(super) async fn batch(mut self, fresh: Vec<Arc<Alarm>>) -> Self {
        let Some(last) = fresh.last().map(|alarm| alarm.id) else {
            return self;
        };
        if follows(self.up_to, &fresh) {
            self.publish(fresh.into_iter()).await;
            self.up_to = last;
        } else {
            self.catch_up(last).await;
        }
        self
    }

    /// A batch failed, and it may be stored all the same, now or later.
    pub(super) fn unheard(mut self) -> Self {
        self.unsure = true;
        self
    }

    /// Whether there is a reason to look: another hub may have written, or it is not known what this one has.
    pub(super) fn must_look(&self) -> bool {
        self.unsure || !self.store.is_exclusive()
    }

    /// Looks whether the log is longer than what was offered.
    pub(super) async fn look(mut self) -> Self {
        let head = if self.store.is_exclusive() {
            self.store.settled_head().await
        } else {
            self.store.head().await
        };
        match head {
            Ok(head) => {
                self.unsure = false;
                self.catch_up(AlarmId(head.last_id)).await;
            }
            Err(cause) => log::debug!("cannot look at the log: {cause}"),
        }
        self
    }

    /// What cannot be read now is read at the next look; until then nothing above it is offered.
    async fn catch_up(&mut self, to: AlarmId) {
        let everything = Arc::new(TopicFilter {
            everything: true,
            ..TopicFilter::default()
        });
        while self.up_to < to {
            let page = self
                .store
                .replay(Arc::clone(&everything), self.up_to, to)
                .await;
            match page {
                Ok(page) => {
                    self.publish(page.alarms.into_iter().map(Arc::new)).await;
                    self.up_to = page.read_up_to;
                }
                Err(cause) => {
                    log::warn!("alarms after {} are offered later: {cause}", self.up_to.0);
                    self.unsure = true;
                    return;
                }
            }
        }
    }

    /// The Broadcaster never waits, so waiting for its mailbox is short and keeps the order.
    async fn publish(&self, alarms: impl Iterator<Item = Arc<Alarm>>) {
        let frames: Vec<Arc<Frame>> = alarms.map(Frame::alarm).collect();
        if !frames.is_empty() && self.broadcaster.send(Publish(frames)).await.is_err() {
            log::debug!(
                "the broadcaster is gone; what was committed is replayed after the restart"
            );
        }
    }
}

/// Whether the alarms are exactly the next ones of the log.
fn follows(position: AlarmId, alarms: &[Arc<Alarm>]) -> bool {
    let next = position.0 + 1..;
    alarms
        .iter()
        .zip(next)
        .all(|(alarm, expected)| alarm.id.0 == expected)
}
