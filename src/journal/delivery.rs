//! Delivery to the Broadcaster: every id of the log once and in order, including rows that another hub stored. The last
//! delivered id is published in a `watch`, so that other parts (other hubs, push, mail) can follow the log without the
//! Journal knowing them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use tokio::sync::watch;

use crate::alarm::AlarmId;
use crate::hub::{Broadcaster, Entry, Frame, Publish};
use crate::journal::missed;
use crate::metrics::Metrics;
use crate::store::Store;

/// The log, the Broadcaster, and the position up to which alarms are delivered.
#[derive(Clone)]
pub(super) struct Delivery {
    store: Store,
    broadcaster: Addr<Broadcaster>,
    up_to: AlarmId,
    delivered: Arc<watch::Sender<AlarmId>>,
    metrics: Metrics,
    /// True if a row may be stored that was not delivered, although only this hub writes.
    unsure: bool,
}

impl Delivery {
    /// Returns a delivery that continues after the id that `delivered` holds.
    pub(super) fn new(
        store: Store,
        broadcaster: Addr<Broadcaster>,
        delivered: watch::Sender<AlarmId>,
        metrics: Metrics,
    ) -> Self {
        let up_to = *delivered.borrow();
        Self {
            store,
            broadcaster,
            up_to,
            delivered: Arc::new(delivered),
            metrics,
            unsure: false,
        }
    }

    /// Delivers the alarms of a batch. If their ids do not follow the last delivered one, more rows were stored, by
    /// another hub or by a commit whose answer was lost. In that case the alarms are read from the log.
    pub(super) async fn batch(mut self, fresh: Vec<Entry>) -> Self {
        let Some(last) = fresh.last().map(Entry::id) else {
            return self;
        };
        if self.store.wait_for_rights(RIGHTS_WITHIN).await.is_err() {
            // Somebody may have lost the right to hear it. The next look delivers it.
            self.unsure = true;
        } else if follows(self.up_to, &fresh) {
            self.publish(fresh.into_iter()).await;
            self.reached(last);
        } else {
            self.catch_up(last).await;
        }
        self
    }

    /// Records that a batch failed. It may be stored nevertheless, now or later.
    pub(super) fn unheard(mut self) -> Self {
        self.unsure = true;
        self
    }

    /// True if the log has to be read although only this hub writes: a failed batch may be stored.
    pub(super) fn must_look(&self) -> bool {
        self.unsure && self.store.is_exclusive()
    }

    /// True if the log is known to be longer than what is delivered.
    pub(super) fn is_behind(&self, end: AlarmId) -> bool {
        self.up_to < end
    }

    /// Delivers what a failed batch of the only hub may have stored.
    pub(super) async fn look(mut self) -> Self {
        match self.store.settled_head().await {
            Ok(head) => {
                self.unsure = false;
                self.catch_up(AlarmId(head.last_id)).await;
            }
            Err(cause) => log::debug!("cannot look at the log: {cause}"),
        }
        self
    }

    /// Delivers the alarms of the log up to an id. Delivers nothing while other hubs cannot be heard: one of them may have
    /// taken away the right of a user to read them.
    pub(super) async fn heard(mut self, end: AlarmId) -> Self {
        if self.store.rights_are_known() {
            self.catch_up(end).await;
        }
        self
    }

    /// Reads and delivers the log up to an id. If a read fails it is repeated at the next look, and until then no later
    /// alarm is delivered.
    async fn catch_up(&mut self, to: AlarmId) {
        if self.up_to < to {
            self.metrics.catch_ups.inc();
        }
        while self.up_to < to {
            match missed::next(&self.store, self.up_to, to).await {
                Ok(page) => {
                    self.publish(page.entries.into_iter()).await;
                    self.reached(page.read_up_to);
                }
                Err(cause) => {
                    log::warn!("alarms after {} are delivered later: {cause}", self.up_to.0);
                    self.unsure = true;
                    return;
                }
            }
        }
    }

    fn reached(&mut self, id: AlarmId) {
        self.up_to = id;
        self.delivered.send_replace(id);
    }

    /// Sends entries to the Broadcaster. It waits for no client, so waiting for its mailbox is short and keeps the order.
    async fn publish(&self, entries: impl Iterator<Item = Entry>) {
        let now = Instant::now();
        let frames: Vec<Arc<Frame>> = entries.map(|entry| Frame::committed(entry, now)).collect();
        if !frames.is_empty() && self.broadcaster.send(Publish(frames)).await.is_err() {
            log::debug!(
                "the broadcaster is gone; what was committed is replayed after the restart"
            );
        }
    }
}

/// A publisher is answered after the delivery, so that a stream opened after the answer starts behind the alarm. A look that
/// is late on a busy machine is waited for; one that does not come holds up no publisher for longer.
const RIGHTS_WITHIN: Duration = Duration::from_secs(1);

/// True if the entries are exactly the next ones of the log.
fn follows(position: AlarmId, entries: &[Entry]) -> bool {
    let next = position.0 + 1..;
    entries
        .iter()
        .zip(next)
        .all(|(entry, expected)| entry.id().0 == expected)
}
