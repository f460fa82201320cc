//! The subscription core: one client's events, first those it missed and then those that come, each once and in order. A
//! client whose channel was full goes back to the log and comes live again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{FutureExt, Stream};

use crate::alarm::AlarmId;
use crate::feed::reading::Reading;
use crate::feed::replay::{Home, Step};
use crate::feed::tally::{Manner, Tally};
use crate::feed::{FeedError, Source};
use crate::hub::{ClientId, EventName, Finish, Frame, Handover, Next, Received, Subscription};
use crate::store::{Share, Starts};

/// The events of one stream, `bye` last.
pub(crate) struct Events {
    subscription: Subscription,
    ready: VecDeque<Arc<Frame>>,
    phase: Phase,
    /// The parts that a way back to the log needs; `None` for a stream that carries no alarms.
    home: Option<Home>,
    /// The share of the memory for replays that `ready` takes.
    share: Option<Share>,
    /// True if the share is kept until the end: one answer holds everything that was read for it.
    keeps_share: bool,
    /// The version of the user's marks that was told last: a state before it is not told.
    marks: i64,
    /// Boxed: few fields for a stream that has none.
    tally: Option<Box<Tally>>,
}

enum Phase {
    /// Reading the log; boxed, as most of a stream's life is spent live.
    Reading(Box<Reading>),
    /// Passing on what comes.
    Live(Handover),
    /// A replay could not go on.
    Failed(Box<FeedError>),
    Over,
}

impl Events {
    /// Events that are known already, then what comes above an id.
    pub(crate) fn live(
        subscription: Subscription,
        ready: VecDeque<Arc<Frame>>,
        after: AlarmId,
        home: Option<Home>,
    ) -> Self {
        subscription.set_ready(!ready.is_empty());
        Self {
            subscription,
            ready,
            phase: Phase::Live(Handover::live(after)),
            home,
            share: None,
            keeps_share: false,
            marks: 0,
            tally: None,
        }
    }

    /// Events of the log, and then live ones.
    pub(super) fn replayed(subscription: Subscription, reading: Reading, home: Home) -> Self {
        subscription.set_ready(reading.holds_page);
        Self {
            subscription,
            ready: VecDeque::new(),
            phase: Phase::Reading(Box::new(reading)),
            home: Some(home),
            share: None,
            keeps_share: false,
            marks: 0,
            tally: None,
        }
    }

    /// Puts an event in front of all others.
    pub(crate) fn begin_with(&mut self, first: Arc<Frame>) {
        self.ready.push_front(first);
    }

    /// Counts the stream, and tells of it in the log, from now on.
    pub(crate) fn tell_of(&mut self, manner: Manner<'_>) {
        if let Some(home) = &self.home {
            let metrics = &home.source.metrics;
            let open = metrics.open_stream(manner.transport, manner.http);
            let tally = Tally::begin(
                open,
                &home.source.pushes,
                self.subscription.client_id(),
                manner,
            );
            self.tally = Some(Box::new(tally));
        }
    }

    /// Takes what is ready without waiting.
    pub(crate) fn take_ready(&mut self) -> Option<Arc<Frame>> {
        let frame = self.pop_ready();
        self.count(frame.as_deref());
        frame
    }

    fn count(&mut self, frame: Option<&Frame>) {
        let Some(frame) = frame else {
            return;
        };
        if let Some(tally) = &mut self.tally {
            tally.count(frame);
        }
    }

    /// Tells how long a live alarm took to come here.
    fn time(&self, frame: &Frame) {
        if let (Some(committed_at), Some(home)) = (frame.committed_at(), &self.home) {
            let took = committed_at.elapsed();
            home.source.metrics.delivery_seconds.add(took);
        }
    }

    /// Keeps the memory that replays take until these events are dropped.
    pub(crate) fn keep_share(&mut self) {
        self.keeps_share = true;
    }

    /// Ends the deliveries: the answer is complete, but counts as a stream until these events are dropped.
    pub(crate) async fn finish(&mut self) {
        self.phase = Phase::Over;
        self.ready = VecDeque::new();
        if let Some(home) = &self.home {
            let finish = Finish(self.subscription.client_id());
            // A Broadcaster that is gone delivers nothing.
            let _finished = home.source.broadcaster.send(finish).await;
        }
    }

    /// The name of the stream.
    pub(crate) fn client_id(&self) -> ClientId {
        self.subscription.client_id()
    }

    /// The id up to which everything was passed on or read, once nothing is left to read.
    pub(crate) fn reached(&self) -> Option<AlarmId> {
        match &self.phase {
            Phase::Live(handover) => Some(handover.after()),
            Phase::Reading(_) | Phase::Failed(_) | Phase::Over => None,
        }
    }

    /// The id up to which everything was passed on, also while the log is read; `None` while frames are left.
    pub(crate) fn progress(&self) -> Option<AlarmId> {
        match &self.phase {
            _ if !self.ready.is_empty() => None,
            Phase::Live(handover) => Some(handover.after()),
            Phase::Reading(reading) => Some(reading.read_up_to),
            Phase::Failed(_) | Phase::Over => None,
        }
    }

    /// The fault that ended a replay early.
    pub(crate) fn take_fault(&mut self) -> Option<FeedError> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Failed(fault) => Some(*fault),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// False for a state of the user's marks that is older than the one told last: after a change of hubs, the next one may
    /// still be telling what the client knows from the last one.
    fn is_news(&mut self, frame: &Frame) -> bool {
        let Some(version) = frame.version() else {
            return true;
        };
        let is_news = version >= self.marks;
        self.marks = self.marks.max(version);
        is_news
    }

    /// The next frame of the log, of what was queued meanwhile, or of the channel.
    fn poll_any(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        loop {
            if let Some(frame) = self.pop_ready() {
                return Poll::Ready(Some(frame));
            }
            let closed = self.subscription.closed().is_some();
            match &self.phase {
                Phase::Over | Phase::Failed(_) => return Poll::Ready(None),
                // There is no queue to drain yet, and what is not read now is read when the client is back.
                Phase::Reading(_) if closed => return Poll::Ready(self.end()),
                Phase::Reading(_) => match self.poll_reading(context) {
                    Poll::Ready(None) => {}
                    other => return other,
                },
                Phase::Live(handover) => {
                    let handover = *handover;
                    match self.subscription.poll_frame(context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Received::Closed) => return Poll::Ready(self.end()),
                        Poll::Ready(Received::Spilled(after)) => {
                            self.spilled(after.max(handover.after()));
                        }
                        Poll::Ready(Received::Frame(frame)) if handover.passes(&frame) => {
                            self.subscription.passed();
                            self.time(&frame);
                            return Poll::Ready(Some(not_before(handover.after(), frame)));
                        }
                        Poll::Ready(Received::Frame(_read_before)) => {}
                    }
                }
            }
        }
    }

    /// The next frame that is ready. A live stream then needs the room no more.
    fn pop_ready(&mut self) -> Option<Arc<Frame>> {
        let frame = self.ready.pop_front()?;
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
            let holds_page = matches!(&self.phase, Phase::Reading(reading) if reading.holds_page);
            self.subscription.set_ready(holds_page);
            if !self.keeps_share {
                self.share = None;
            }
        }
        self.subscription.passed();
        Some(frame)
    }

    /// Takes in one page. A page is read only when the last is written: the reader's pace is the client's.
    fn take_in(&mut self, step: Result<Step, FeedError>) {
        let Phase::Reading(reading) = &mut self.phase else {
            return;
        };
        reading.holds_page = false;
        match step {
            Ok(step) => {
                reading.found += step.frames.len() as u64;
                self.ready.extend(step.frames);
                match (&mut self.share, step.share) {
                    (Some(share), Some(more)) => share.join(more),
                    (share @ None, more) => *share = more,
                    (Some(_), None) => {}
                }
                let handover = step.handover;
                let held = reading.release(handover);
                self.ready.extend(held);
                if handover.next() == Next::Live {
                    reading.tell_length();
                    self.phase = Phase::Live(handover);
                } else {
                    reading.go_on(handover, step.end);
                }
                self.subscription.set_ready(!self.ready.is_empty());
                if self.ready.is_empty() && !self.keeps_share {
                    self.share = None;
                }
            }
            // The channel says why.
            Err(FeedError::Gone) => self.phase = Phase::Live(Handover::live(reading.read_up_to)),
            Err(cause) => {
                log::warn!("a replay was cut short, its client resumes from its cursor: {cause}");
                self.phase = Phase::Failed(Box::new(cause));
            }
        }
    }

    /// Waits for the next page. Heartbeats are passed on meanwhile, with the position that was reached; everything else
    /// that is queued comes after the page.
    fn poll_reading(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        let Phase::Reading(reading) = &mut self.phase else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(step) = reading.step.poll_unpin(context) {
            self.take_in(step);
            return Poll::Ready(None);
        }
        while reading.held.len() < MOST_HELD {
            match self.subscription.poll_queued(context) {
                Poll::Ready(Received::Frame(frame)) => match frame.event() {
                    EventName::Ping => return Poll::Ready(Some(Frame::ping(reading.read_up_to))),
                    EventName::Comment => {
                        return Poll::Ready(Some(Frame::comment(reading.read_up_to)));
                    }
                    _ => reading.held.push_back(frame),
                },
                Poll::Ready(_) => return Poll::Ready(self.end()),
                Poll::Pending => return Poll::Pending,
            }
        }
        // Closed for a right that was lost, say: the end does not wait for the page.
        self.subscription.poll_closed(context).map(|()| self.end())
    }

    /// Goes back to the log after the channel was full: everything up to `after` was queued and taken.
    fn spilled(&mut self, after: AlarmId) {
        self.phase = match &self.home {
            Some(home) => {
                let client_id = self.subscription.client_id();
                Phase::Reading(Box::new(Reading::rejoining(home, client_id, after)))
            }
            None => Phase::Over,
        };
    }

    fn end(&mut self) -> Option<Arc<Frame>> {
        self.phase = Phase::Over;
        let bye = self.subscription.closed()?;
        if let Some(tally) = &mut self.tally {
            tally.ends_because(bye.reason());
        }
        Some(Frame::bye(bye))
    }
}

impl Home {
    /// The way back of a stream whose inbox starts after some ids.
    pub(crate) fn of(source: &Arc<Source>, starts: Starts) -> Self {
        Self {
            source: Arc::clone(source),
            starts,
        }
    }
}

impl Stream for Events {
    type Item = Arc<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        loop {
            match ready!(self.poll_any(context)) {
                Some(frame) if !self.is_news(&frame) => {}
                next => {
                    self.count(next.as_deref());
                    return Poll::Ready(next);
                }
            }
        }
    }
}

/// A heartbeat that was queued while the log was read tells a position before the one that was reached: as a cursor it
/// would repeat alarms.
fn not_before(reached: AlarmId, frame: Arc<Frame>) -> Arc<Frame> {
    match frame.event() {
        EventName::Ping if frame.id() < Some(reached) => Frame::ping(reached),
        EventName::Comment if frame.id() < Some(reached) => Frame::comment(reached),
        _ => frame,
    }
}

/// As many as a channel holds.
const MOST_HELD: usize = 512;
