//! The receiving end of one client's channel, and what both ends share.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::channel::mpsc;
use futures::task::AtomicWaker;

use crate::alarm::AlarmId;
use crate::hub::{Bye, Frame};

/// The receiving end itself, without the actor behind it.
pub(crate) struct Channel {
    receiver: mpsc::Receiver<Arc<Frame>>,
    shared: Arc<Shared>,
}

/// An item that a channel gives.
#[derive(Debug)]
pub(crate) enum Received {
    /// The next frame.
    Frame(Arc<Frame>),
    /// The channel was full and is empty now: the alarms above this id are in the log.
    Spilled(AlarmId),
    /// The Broadcaster closed the channel.
    Closed,
}

/// The state that the two ends of a channel share: the sender closes it, the receiver reports its progress.
#[derive(Debug)]
pub(crate) struct Shared {
    closed: OnceLock<Bye>,
    taken: AtomicU64,
    /// Frames that the transport took, from the channel or from the log.
    passed: AtomicU64,
    queued_bytes: AtomicUsize,
    /// True while frames read from the log wait for the transport.
    is_ready: AtomicBool,
    /// The id above which alarms are in the log only; `NOT_SPILLED` if there is none.
    spilled: AtomicI64,
    /// Wakes a receiver that saw the channel empty just before it spilled.
    waker: AtomicWaker,
}

impl Channel {
    pub(crate) fn new(receiver: mpsc::Receiver<Arc<Frame>>, shared: Arc<Shared>) -> Self {
        Self { receiver, shared }
    }

    /// The reason for which the channel was closed, once it was.
    pub(crate) fn closed(&self) -> Option<Bye> {
        self.shared.closed.get().copied()
    }

    /// The next frame. A channel that spilled is drained first.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        loop {
            // Read before the queue: what was queued before the channel spilled is seen below.
            let spilled = self.shared.spilled();
            match (self.poll_queued(context), spilled) {
                (Poll::Ready(received), _) => return Poll::Ready(received),
                (Poll::Pending, Some(after)) => {
                    self.shared.spilled.store(NOT_SPILLED, Ordering::SeqCst);
                    return Poll::Ready(Received::Spilled(after));
                }
                (Poll::Pending, None) => {}
            }
            self.shared.waker.register(context.waker());
            if self.shared.spilled().is_none() {
                return Poll::Pending;
            }
        }
    }

    /// The next frame of the queue; tells nothing of a spill.
    pub(crate) fn poll_queued(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let Some(frame) = ready!(Pin::new(&mut self.receiver).poll_next(context)) else {
            return Poll::Ready(Received::Closed);
        };
        self.shared.taken.fetch_add(1, Ordering::Relaxed);
        self.shared
            .queued_bytes
            .fetch_sub(frame.size_bytes(), Ordering::Relaxed);
        Poll::Ready(Received::Frame(frame))
    }

    /// Notes that the transport took a frame.
    pub(crate) fn passed(&self) {
        self.shared.passed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether frames read from the log wait for the transport.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.shared.is_ready.store(is_ready, Ordering::Relaxed);
    }
}

impl Shared {
    /// Says why the channel closes; the first reason stands.
    pub(crate) fn close(&self, bye: Bye) {
        let _first = self.closed.set(bye);
    }

    /// Notes a frame on its way in; returns the bytes queued with it.
    pub(crate) fn queue(&self, bytes: usize) -> usize {
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// Takes back a frame that did not get in.
    pub(crate) fn unqueue(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The number of frames taken out so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The number of frames the transport took so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// True while frames read from the log wait for the transport.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Sends the client back to the log for what comes after an id. Nothing above it may be queued before the client asks.
    pub(crate) fn spill(&self, after: AlarmId) {
        self.spilled.store(after.0, Ordering::SeqCst);
        self.waker.wake();
    }

    /// The id after which the client has to read the log, until it was told.
    pub(crate) fn spilled(&self) -> Option<AlarmId> {
        let after = self.spilled.load(Ordering::SeqCst);
        (after != NOT_SPILLED).then_some(AlarmId(after))
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            closed: OnceLock::new(),
            taken: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            queued_bytes: AtomicUsize::new(0),
            is_ready: AtomicBool::new(false),
            spilled: AtomicI64::new(NOT_SPILLED),
            waker: AtomicWaker::new(),
        }
    }
}

/// No id of the log is negative.
const NOT_SPILLED: i64 = -1;
