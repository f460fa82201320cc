//! A client's way through the log, a page at a time.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};

use crate::alarm::AlarmId;
use crate::feed::FeedError;
use crate::feed::replay::{End, Home, Reader, Step};
use crate::hub::{ClientId, Frame, Handover, Next};

type NextStep = LocalBoxFuture<'static, Result<Step, FeedError>>;

/// The log as one client reads it.
pub(super) struct Reading {
    pub(super) reader: Arc<Reader>,
    pub(super) step: NextStep,
    /// Everything up to here was read.
    pub(super) read_up_to: AlarmId,
    /// Frames that were queued while the log was read, to come after it.
    pub(super) held: VecDeque<Arc<Frame>>,
    /// The frames that were read.
    pub(super) found: u64,
    /// True while the step holds a page that was read already: it waits for the client alone.
    pub(super) holds_page: bool,
}

impl Reading {
    /// Reads the log after a cursor, as far as it went a moment ago and on.
    pub(super) fn between(between: Range<AlarmId>, reader: Arc<Reader>) -> Self {
        let (after, head) = (between.start, between.end);
        let for_step = Arc::clone(&reader);
        let (handover, end) = (Handover::replay(after), Some(End::now(head)));
        let step = async move { for_step.step(handover, end).await };
        Self::stepping(after, step.boxed_local(), reader)
    }

    /// Reads on after a first step.
    pub(super) fn begun(after: AlarmId, first: Step, reader: Arc<Reader>) -> Self {
        Self {
            holds_page: true,
            ..Self::stepping(after, ready(Ok(first)).boxed_local(), reader)
        }
    }

    fn stepping(after: AlarmId, step: NextStep, reader: Arc<Reader>) -> Self {
        Self {
            reader,
            step,
            read_up_to: after,
            held: VecDeque::new(),
            found: 0,
            holds_page: false,
        }
    }

    /// Asks the Broadcaster first, which may know what comes next without the log.
    pub(super) fn rejoining(home: &Home, client_id: ClientId, after: AlarmId) -> Self {
        let reader = Arc::new(Reader::back(home, client_id));
        let (for_step, starts) = (Arc::clone(&reader), home.starts);
        let step = async move { for_step.rejoin(after, starts).await };
        Self::stepping(after, step.boxed_local(), reader)
    }

    pub(super) fn tell_length(&self) {
        let length = u32::try_from(self.found).unwrap_or(u32::MAX);
        let metrics = self.reader.metrics();
        metrics.replay_alarms.observe(f64::from(length));
    }

    /// Goes on after a page, with which the end of the log may have been read.
    pub(super) fn go_on(&mut self, handover: Handover, end: Option<End>) {
        let reader = Arc::clone(&self.reader);
        self.read_up_to = handover.after();
        self.step = async move { reader.step(handover, end).await }.boxed_local();
    }

    /// The held frames that may follow the page just read: alarms wait until the log is read up to them.
    pub(super) fn release(&mut self, handover: Handover) -> VecDeque<Arc<Frame>> {
        let alarms = handover.next() != Next::Live;
        if alarms && self.held.iter().any(|frame| frame.entry().is_some()) {
            return VecDeque::new();
        }
        let mut held = std::mem::take(&mut self.held);
        held.retain(|frame| handover.passes(frame));
        held
    }
}
