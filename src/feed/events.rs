//! The events of one subscription: first the missed ones, then the live ones, each once and in order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::LocalBoxFuture;
use futures::{FutureExt, Stream};

use crate::alarm::AlarmId;
use crate::feed::FeedError;
use crate::feed::replay::{Reader, Step};
use crate::hub::{ClientId, Frame, Handover, Next, Subscription};

/// The events of one stream; `bye` is the last.
pub(crate) struct Events {
    subscription: Subscription,
    ready: VecDeque<Arc<Frame>>,
    phase: Phase,
}

enum Phase {
    /// Replaying the log. Boxed, because a stream is live for most of its life.
    Reading(Box<Reading>),
    /// Delivering live frames.
    Live(Handover),
    Over,
}

struct Reading {
    reader: Arc<Reader>,
    step: LocalBoxFuture<'static, Result<Step, FeedError>>,
}

impl Events {
    /// Returns the given frames, then the live ones above an id.
    pub(crate) fn live(
        subscription: Subscription,
        ready: VecDeque<Arc<Frame>>,
        after: AlarmId,
    ) -> Self {
        Self {
            subscription,
            ready,
            phase: Phase::Live(Handover::live(after)),
        }
    }

    /// Returns the events after a cursor, first from the log and then live.
    pub(crate) fn replayed(subscription: Subscription, after: AlarmId, reader: Reader) -> Self {
        let reading = Reading::next(Arc::new(reader), Handover::replay(after));
        Self {
            subscription,
            ready: VecDeque::new(),
            phase: Phase::Reading(Box::new(reading)),
        }
    }

    /// Inserts an event before all others.
    pub(crate) fn begin_with(&mut self, first: Arc<Frame>) {
        self.ready.push_front(first);
    }

    /// Returns the next available event without waiting.
    pub(crate) fn take_ready(&mut self) -> Option<Arc<Frame>> {
        self.ready.pop_front()
    }

    /// The id of the stream.
    pub(crate) fn client_id(&self) -> ClientId {
        self.subscription.client_id()
    }

    /// Takes in one page of the replay. The next page is read only when this one is written, so a slow client slows the
    /// replay.
    fn take_in(&mut self, step: Result<Step, FeedError>) {
        let Phase::Reading(reading) = &mut self.phase else {
            return;
        };
        match step {
            Ok(Step { frames, handover }) => {
                self.ready.extend(frames);
                if handover.next() == Next::Live {
                    self.phase = Phase::Live(handover);
                } else {
                    **reading = Reading::next(Arc::clone(&reading.reader), handover);
                }
            }
            Err(cause) => {
                log::warn!("a replay was cut short, its client resumes from its cursor: {cause}");
                self.phase = Phase::Over;
            }
        }
    }

    /// The id up to which every event was delivered; `None` until the replay is complete.
    pub(crate) fn reached(&self) -> Option<AlarmId> {
        match &self.phase {
            Phase::Live(handover) => Some(handover.after()),
            Phase::Reading(_) | Phase::Over => None,
        }
    }

    fn end(&mut self) -> Option<Arc<Frame>> {
        self.phase = Phase::Over;
        self.subscription.closed().map(Frame::bye)
    }
}

impl Reading {
    fn next(reader: Arc<Reader>, handover: Handover) -> Self {
        let for_step = Arc::clone(&reader);
        Self {
            reader,
            step: async move { for_step.step(handover).await }.boxed_local(),
        }
    }
}

impl Stream for Events {
    type Item = Arc<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    // A live stream does not need the queue, so its memory is freed.
                    self.ready = VecDeque::new();
                }
                return Poll::Ready(Some(frame));
            }
            let closed = self.subscription.closed().is_some();
            match &mut self.phase {
                Phase::Over => return Poll::Ready(None),
                // During a replay there is no queue to deliver first. The client resumes from its cursor and replays
                // the rest.
                Phase::Reading(_) if closed => return Poll::Ready(self.end()),
                Phase::Reading(reading) => {
                    let step = ready!(reading.step.poll_unpin(context));
                    self.take_in(step);
                }
                Phase::Live(handover) => {
                    let handover = *handover;
                    match ready!(self.subscription.poll_frame(context)) {
                        None => return Poll::Ready(self.end()),
                        Some(frame) if handover.passes(&frame) => {
                            return Poll::Ready(Some(frame));
                        }
                        Some(_read_before) => {}
                    }
                }
            }
        }
    }
}
