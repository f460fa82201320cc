//! The subscription core: one client's events, first those it missed and then those that come, each once and in order.

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

/// The events of one stream, `bye` last.
pub(crate) struct Events {
    subscription: Subscription,
    ready: VecDeque<Arc<Frame>>,
    phase: Phase,
}

enum Phase {
    /// Reading the log; boxed, as most of a stream's life is spent live.
    Reading(Box<Reading>),
    /// Passing on what comes.
    Live(Handover),
    Over,
}

struct Reading {
    reader: Arc<Reader>,
    step: LocalBoxFuture<'static, Result<Step, FeedError>>,
}

impl Events {
    /// What is known already, then what comes above an id.
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

    /// Events after a cursor, from the log and then live.
    pub(crate) fn replayed(subscription: Subscription, after: AlarmId, reader: Reader) -> Self {
        let reading = Reading::next(Arc::new(reader), Handover::replay(after));
        Self {
            subscription,
            ready: VecDeque::new(),
            phase: Phase::Reading(Box::new(reading)),
        }
    }

    /// Puts an event in front of all others.
    pub(crate) fn begin_with(&mut self, first: Arc<Frame>) {
        self.ready.push_front(first);
    }

    /// Takes what is ready without waiting.
    pub(crate) fn take_ready(&mut self) -> Option<Arc<Frame>> {
        self.ready.pop_front()
    }

    /// The name of the stream.
    pub(crate) fn client_id(&self) -> ClientId {
        self.subscription.client_id()
    }

    /// Takes in one page. A page is read only when the last is written: the reader's pace is the client's.
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

    /// Up to where everything was passed on or read, once nothing is left to read.
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
                    // A live stream needs it no more.
                    self.ready = VecDeque::new();
                }
                return Poll::Ready(Some(frame));
            }
            let closed = self.subscription.closed().is_some();
            match &mut self.phase {
                Phase::Over => return Poll::Ready(None),
                // There is no queue to drain yet, and what is not read now is read when the client is back.
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
