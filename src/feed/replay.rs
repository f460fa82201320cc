//! The replay: reads the log for one client, page by page, until the handover to live frames.

use std::collections::HashMap;
use std::sync::Arc;

use crate::alarm::{Alarm, AlarmId, TopicFilter};
use crate::feed::{FeedError, Source};
use crate::hub::{ClientId, Frame, GoLive, Handover, Next};
use crate::store::{Inbox, Receipt};

/// The replay of one client.
pub(crate) struct Reader {
    pub(crate) source: Source,
    pub(crate) client_id: ClientId,
    pub(crate) inbox: Inbox,
    pub(crate) filter: Arc<TopicFilter>,
}

/// One step of a replay: its frames, and the position it has reached.
pub(crate) struct Step {
    pub(crate) frames: Vec<Arc<Frame>>,
    pub(crate) handover: Handover,
}

impl Reader {
    /// Reads the next page, or reports that live frames follow.
    pub(crate) async fn step(&self, mut handover: Handover) -> Result<Step, FeedError> {
        loop {
            match handover.next() {
                Next::AskHead => handover.head_is(AlarmId(self.source.store.head().await?.last_id)),
                Next::Attach => {
                    handover
                        .attached_at(self.source.broadcaster.send(GoLive(self.client_id)).await?);
                }
                Next::Read { after, up_to } => {
                    let filter = Arc::clone(&self.filter);
                    let page = self.source.store.replay(filter, after, up_to).await?;
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

    /// Returns the frames of the alarms, with the marks of this user.
    async fn frames(
        &self,
        alarms: Vec<Alarm>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<Vec<Arc<Frame>>, FeedError> {
        if alarms.is_empty() {
            return Ok(Vec::new());
        }
        self.source
            .metrics
            .replayed_alarms
            .inc_by(alarms.len() as u64);
        // A subscription to the whole log has no inbox.
        if self.filter.everything {
            return Ok(alarms
                .into_iter()
                .map(|alarm| Frame::alarm(Arc::new(alarm)))
                .collect());
        }
        let receipts = self
            .source
            .store
            .receipts(self.inbox.user_id().clone(), after, up_to)
            .await?;
        let mine = alarms
            .into_iter()
            .filter(|alarm| !self.inbox.predates(alarm));
        Ok(mine
            .filter_map(|alarm| match receipts.get(&alarm.id) {
                None => Some(Frame::alarm(Arc::new(alarm))),
                Some(receipt) => marked(&alarm, receipt),
            })
            .collect())
    }
}

/// Returns shared frames with the marks of one user.
pub(crate) fn personal(
    frames: Vec<Arc<Frame>>,
    inbox: &Inbox,
    receipts: &HashMap<AlarmId, Receipt>,
) -> Vec<Arc<Frame>> {
    let shown = |frame: Arc<Frame>| {
        let alarm = frame.as_alarm()?;
        if inbox.predates(alarm) {
            return None;
        }
        match receipts.get(&alarm.id) {
            None => Some(frame),
            Some(receipt) => marked(alarm, receipt),
        }
    };
    frames.into_iter().filter_map(shown).collect()
}

/// Returns an alarm with the marks of its reader; `None` if they deleted it.
fn marked(alarm: &Alarm, receipt: &Receipt) -> Option<Arc<Frame>> {
    let marked = || Alarm {
        seen_at: receipt.seen_at,
        read_at: receipt.read_at,
        ..alarm.clone()
    };
    (!receipt.deleted).then(|| Frame::alarm(Arc::new(marked())))
}
