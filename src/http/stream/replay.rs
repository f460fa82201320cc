//! Reading the log for one client, page by page, until live frames take over.

use std::sync::Arc;

use actix::Addr;

use crate::alarm::{Alarm, AlarmId, TopicFilter};
use crate::http::error::ApiError;
use crate::hub::{Broadcaster, ClientId, Frame, GoLive, Handover, Next};
use crate::metrics::Metrics;
use crate::store::{Inbox, Receipt, Store};

/// What one client's reading needs.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) broadcaster: Addr<Broadcaster>,
    pub(super) client_id: ClientId,
    pub(super) inbox: Inbox,
    pub(super) filter: Arc<TopicFilter>,
    pub(super) metrics: Metrics,
}

/// One step of a reading: the frames it found, and how far it has come.
pub(super) struct Step {
    pub(super) frames: Vec<Arc<Frame>>,
    pub(super) handover: Handover,
}

impl Reader {
    /// Reads the next page, or finds that live frames take over.
    pub(super) async fn step(&self, mut handover: Handover) -> Result<Step, ApiError> {
        loop {
            match handover.next() {
                Next::AskHead => handover.head_is(AlarmId(self.store.head().await?.last_id)),
                Next::Attach => {
                    handover.attached_at(self.broadcaster.send(GoLive(self.client_id)).await?);
                }
                Next::Read { after, up_to } => {
                    let filter = Arc::clone(&self.filter);
                    let page = self.store.replay(filter, after, up_to).await?;
                    let frames = self.frames(page.alarms, after, page.read_up_to).await?;
                    handover.read_up_to(page.read_up_to);
                    return Ok(Step { frames, handover });
                }
                Next::Live => {
                    return Ok(Step {
                        frames: Vec::new(),
                        handover,
                    });
                }
            }
        }
    }

    /// Shows each alarm as this user has it: with what he saw and read, and without what he deleted.
    async fn frames(
        &self,
        alarms: Vec<Alarm>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<Vec<Arc<Frame>>, ApiError> {
        if alarms.is_empty() {
            return Ok(Vec::new());
        }
        self.metrics.replayed_alarms.inc_by(alarms.len() as u64);
        let receipts = self
            .store
            .receipts(self.inbox.user_id().clone(), after, up_to)
            .await?;
        // Who asked for the whole log is not reading his inbox.
        if self.filter.everything {
            return Ok(alarms
                .into_iter()
                .map(|alarm| Frame::alarm(Arc::new(alarm)))
                .collect());
        }
        let mine = alarms
            .into_iter()
            .filter(|alarm| !self.inbox.predates(alarm));
        Ok(mine
            .filter_map(|alarm| shown(alarm, &receipts))
            .map(|alarm| Frame::alarm(Arc::new(alarm)))
            .collect())
    }
}

fn shown(alarm: Alarm, receipts: &std::collections::HashMap<AlarmId, Receipt>) -> Option<Alarm> {
    match receipts.get(&alarm.id) {
        None => Some(alarm),
        Some(receipt) if receipt.deleted => None,
        Some(receipt) => Some(Alarm {
            seen_at: receipt.seen_at,
            read_at: receipt.read_at,
            ..alarm
        }),
    }
}
