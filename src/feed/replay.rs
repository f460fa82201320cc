//! Reading the log for one client, page by page, until live frames take over.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::alarm::update::UpdateFilter;
use crate::alarm::{Alarm, AlarmId, TopicFilter};
use crate::feed::{FeedError, Source, as_seen_by};
use crate::hub::{ClientId, Entry, Frame, GoLive, Handover, Next, Rejoin};
use crate::metrics::Metrics;
use crate::store::{Inbox, Receipt, ReplayPage, Share, Starts};

/// The parts of one client's reading.
pub(crate) struct Reader {
    source: Arc<Source>,
    client_id: ClientId,
    /// The inbox and the topics; told by the Broadcaster to a client that comes back from a spill.
    scope: OnceLock<Scope>,
}

/// The alarms that concern one client.
struct Scope {
    inbox: Inbox,
    filter: Arc<TopicFilter>,
}

/// The parts that a live stream keeps for a way back to the log: few, as there are many live streams.
pub(crate) struct Home {
    pub(crate) source: Arc<Source>,
    pub(crate) starts: Starts,
}

/// One step of a reading: the frames it found, and the place it has come to.
pub(crate) struct Step {
    pub(crate) frames: Vec<Arc<Frame>>,
    pub(crate) handover: Handover,
    /// The end of the log, if it was read with the page.
    pub(crate) end: Option<End>,
    /// The share of the memory for replays that the frames take.
    pub(crate) share: Option<Share>,
}

/// The first page of a reading, read while its stream was opened.
pub(crate) struct FirstPage {
    pub(crate) page: ReplayPage,
    /// The share of the memory for replays that it takes.
    pub(crate) share: Share,
}

/// The end of the log at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    head: AlarmId,
    read_at: Instant,
}

impl End {
    pub(crate) fn now(head: AlarmId) -> Self {
        let read_at = Instant::now();
        Self { head, read_at }
    }

    /// The end, unless the log may have grown much since: a client takes its time to write a page.
    fn while_new(self) -> Option<AlarmId> {
        (self.read_at.elapsed() < NEW_FOR).then_some(self.head)
    }
}

impl Step {
    fn of(frames: Vec<Arc<Frame>>, handover: Handover) -> Self {
        Self {
            frames,
            handover,
            end: None,
            share: None,
        }
    }
}

impl Reader {
    /// The reading of a new client.
    pub(crate) fn new(
        source: Arc<Source>,
        client_id: ClientId,
        inbox: Inbox,
        filter: Arc<TopicFilter>,
    ) -> Self {
        Self {
            source,
            client_id,
            scope: OnceLock::from(Scope { inbox, filter }),
        }
    }

    /// The reading of a client that comes back from a spill: see [`Self::rejoin`].
    pub(crate) fn back(home: &Home, client_id: ClientId) -> Self {
        Self {
            source: Arc::clone(&home.source),
            client_id,
            scope: OnceLock::new(),
        }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.source.metrics
    }

    fn scope(&self) -> Result<&Scope, FeedError> {
        self.scope.get().ok_or(FeedError::Gone)
    }

    /// Asks the Broadcaster for what follows an id; where it does not know, the log is read from there.
    pub(crate) async fn rejoin(&self, after: AlarmId, starts: Starts) -> Result<Step, FeedError> {
        let rejoin = Rejoin {
            client_id: self.client_id,
            after,
        };
        let rejoined = self.source.broadcaster.send(rejoin).await?;
        let rejoined = rejoined.ok_or(FeedError::Gone)?;
        let scope = self.scope.get_or_init(|| Scope {
            inbox: Inbox::since(rejoined.user_id, rejoined.role, starts),
            filter: rejoined.filter,
        });
        let Some((missed, position)) = rejoined.missed else {
            return Ok(Step::of(Vec::new(), Handover::replay(after)));
        };
        let between = after..position;
        let store = &self.source.store;
        let frames = as_seen_by(store, &scope.inbox, &scope.filter, missed, between).await?;
        Ok(Step::of(frames, Handover::live(position)))
    }

    /// Reads the next page, or finds that live frames take over. `end` is the end of the log if it was read before.
    pub(crate) async fn step(
        &self,
        mut handover: Handover,
        mut end: Option<End>,
    ) -> Result<Step, FeedError> {
        loop {
            match handover.next() {
                Next::AskHead => {
                    let head = match end.take().and_then(End::while_new) {
                        Some(head) => head,
                        None => AlarmId(self.source.store.head().await?.last_id),
                    };
                    handover.head_is(head);
                }
                Next::Attach => {
                    let missed = self.attach(&mut handover).await?;
                    if !missed.is_empty() {
                        return Ok(Step::of(missed, handover));
                    }
                }
                Next::Read { after, up_to } => return self.page(handover, after, up_to).await,
                Next::Live => return Ok(Step::of(Vec::new(), handover)),
            }
        }
    }

    /// Has the topics attached. Returns the frames before the first live one that the Broadcaster knows; they were delivered to others
    /// when rights were known.
    async fn attach(&self, handover: &mut Handover) -> Result<Vec<Arc<Frame>>, FeedError> {
        let read_up_to = handover.after();
        let attached = self.source.broadcaster.send(GoLive {
            client_id: self.client_id,
            after: read_up_to,
        });
        let missed = handover.attached(attached.await?);
        let between = read_up_to..handover.after();
        let Scope { inbox, filter } = self.scope()?;
        let missed = as_seen_by(&self.source.store, inbox, filter, missed, between).await?;
        let count = u64::try_from(missed.len()).unwrap_or(u64::MAX);
        self.source.metrics.replayed_alarms.inc_by(count);
        Ok(missed)
    }

    /// Reads one page in its turn: all replays together take a bounded share of the memory. Reads nothing while other hubs
    /// cannot be heard: one of them may have taken away the right of the user to read it.
    async fn page(
        &self,
        mut handover: Handover,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<Step, FeedError> {
        let turn = self.source.store.turn().await;
        let mut share = turn.ok_or(FeedError::Overloaded)?;
        self.source.store.wait_for_rights(RIGHTS_WITHIN).await?;
        let filter = Arc::clone(&self.scope()?.filter);
        let (frames, read_up_to, end) = match &filter.updates {
            Some(updates) => {
                let (frames, up_to) = self.with_updates(&filter, updates, after, up_to).await?;
                (frames, up_to, None)
            }
            None => self.alarms(filter, after, up_to).await?,
        };
        share.shrink_to(bytes_of(&frames));
        handover.read_up_to(read_up_to);
        Ok(Step {
            frames,
            handover,
            end,
            share: Some(share),
        })
    }

    /// One page of a subscriber of the Mercure protocol: updates, and the alarms of the topics that it was granted.
    async fn with_updates(
        &self,
        filter: &Arc<TopicFilter>,
        updates: &Arc<UpdateFilter>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<(Vec<Arc<Frame>>, AlarmId), FeedError> {
        let store = &self.source.store;
        let page = store.replay_updates(Arc::clone(updates), after, up_to);
        let page = page.await?;
        let mut read_up_to = page.read_up_to;
        let mut frames: Vec<_> = page
            .updates
            .into_iter()
            .map(Entry::Update)
            .map(Frame::of)
            .collect();
        if !filter.topics.is_empty() {
            let page = store.replay(Arc::clone(filter), None, after, read_up_to);
            let page = page.await?;
            read_up_to = page.read_up_to;
            let inbox = &self.scope()?.inbox;
            let mine = page.alarms.into_iter().filter(|one| !inbox.predates(one));
            frames.extend(mine.map(Arc::new).map(Frame::alarm));
            frames.retain(|frame| frame.id() <= Some(read_up_to));
            frames.sort_by_key(|frame| frame.id());
        }
        let count = u64::try_from(frames.len()).unwrap_or(u64::MAX);
        self.source.metrics.replayed_alarms.inc_by(count);
        Ok((frames, read_up_to))
    }

    /// One page of alarms, each as this user has it, and the end of the log if it was read.
    async fn alarms(
        &self,
        filter: Arc<TopicFilter>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<(Vec<Arc<Frame>>, AlarmId, Option<End>), FeedError> {
        let inbox = &self.scope()?.inbox;
        let is_inbox = !filter.everything;
        let marks_of = is_inbox.then(|| inbox.user_id().clone());
        let page = self.source.store.replay(filter, marks_of, after, up_to);
        let page = page.await?;
        let (read_up_to, end) = (page.read_up_to, page.head.map(End::now));
        Ok((self.frames_of(page, is_inbox)?, read_up_to, end))
    }

    /// The alarms of a page, each as this user has it. A reader of the whole log is not reading an inbox.
    fn frames_of(&self, page: ReplayPage, is_inbox: bool) -> Result<Vec<Arc<Frame>>, FeedError> {
        let inbox = &self.scope()?.inbox;
        let count = page.alarms.len() as u64;
        self.source.metrics.replayed_alarms.inc_by(count);
        let mine = page.alarms.into_iter();
        let mine = mine.filter(|alarm| !is_inbox || !inbox.predates(alarm));
        let frames = mine.filter_map(|alarm| match page.receipts.get(&alarm.id) {
            None => Some(Frame::alarm(Arc::new(alarm))),
            Some(receipt) => marked(&alarm, receipt),
        });
        Ok(frames.collect())
    }

    /// The first step of a reading whose first page was read with the counts of the inbox. `between` is the cursor and the end of the
    /// log a moment ago.
    pub(crate) fn begun(
        &self,
        first: FirstPage,
        between: Range<AlarmId>,
    ) -> Result<Step, FeedError> {
        let FirstPage { page, mut share } = first;
        let mut handover = Handover::replay(between.start);
        handover.read_up_to(page.read_up_to);
        let frames = self.frames_of(page, true)?;
        share.shrink_to(bytes_of(&frames));
        Ok(Step {
            frames,
            handover,
            end: Some(End::now(between.end)),
            share: Some(share),
        })
    }
}

/// Turns frames that all users share into those of one user, with their marks.
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

/// The memory that the frames of a page take: an alarm and the JSON of it.
fn bytes_of(frames: &[Arc<Frame>]) -> usize {
    frames.iter().map(|frame| 2 * frame.size_bytes()).sum()
}

/// An alarm with its reader's marks; nothing if they deleted it.
fn marked(alarm: &Alarm, receipt: &Receipt) -> Option<Arc<Frame>> {
    let marked = || Alarm {
        seen_at: receipt.seen_at,
        read_at: receipt.read_at,
        ..alarm.clone()
    };
    (!receipt.deleted).then(|| Frame::alarm(Arc::new(marked())))
}

/// The log grows by less than what is near in it, on any machine.
const NEW_FOR: Duration = Duration::from_millis(50);

/// The time a replay waits for rights to be known: several looks. Its client comes back after it.
const RIGHTS_WITHIN: Duration = Duration::from_secs(3);
