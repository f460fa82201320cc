//! Reading the log for one client, page by page, until live frames take over.

use std::sync::Arc;

use actix::Addr;

use crate::alarm::{Alarm, AlarmId, TopicFilter};
use crate::http::error::ApiError;
use crate::hub::{Broadcaster, ClientId, Frame, GoLive};
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

/// How far a reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything up to here was read.
    pub(super) after: AlarmId,
    /// Where this reading ends.
    target: AlarmId,
    /// Whether the client's topics are attached: then `target` is where its live frames start.
    attached: bool,
}

/// One step of a reading: the frames it found, and how far it has come.
pub(super) struct Step {
    pub(super) frames: Vec<Arc<Frame>>,
    pub(super) progress: Progress,
}

impl Progress {
    /// Nothing read yet.
    pub(super) fn from(after: AlarmId) -> Self {
        Self {
            after,
            target: after,
            attached: false,
        }
    }

    /// Whether live frames take over here.
    pub(super) fn is_live(self) -> bool {
        self.attached && self.after >= self.target
    }
}

impl Reader {
    /// Reads the next page. Near the head the client's topics are attached first, so that what is left to read is
    /// small and nothing can fall between the last page and the first live frame.
    pub(super) async fn step(&self, progress: Progress) -> Result<Step, ApiError> {
        let progress = if progress.after >= progress.target {
            self.aim(progress).await?
        } else {
            progress
        };
        if progress.after >= progress.target {
            return Ok(Step {
                frames: Vec::new(),
                progress,
            });
        }
        let page = self
            .store
            .replay(Arc::clone(&self.filter), progress.after, progress.target)
            .await?;
        let frames = self
            .frames(page.alarms, progress.after, page.read_up_to)
            .await?;
        Ok(Step {
            frames,
            progress: Progress {
                after: page.read_up_to,
                ..progress
            },
        })
    }

    async fn aim(&self, progress: Progress) -> Result<Progress, ApiError> {
        if progress.attached {
            return Ok(progress);
        }
        let head = AlarmId(self.store.head().await?.last_id);
        if head.0 - progress.after.0 > NEAR {
            return Ok(Progress {
                target: head,
                ..progress
            });
        }
        let position = self.broadcaster.send(GoLive(self.client_id)).await?;
        // `None`: the client was closed meanwhile; its channel says why.
        Ok(Progress {
            target: position.unwrap_or(progress.after),
            attached: true,
            ..progress
        })
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

/// A gap this small is read in one page, long before the channel that fills meanwhile is full.
const NEAR: i64 = 256;
