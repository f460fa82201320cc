//! One client's channel: a bounded queue of frames and what its two ends tell each other. The Broadcaster never waits for
//! room: what does not fit is refused.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::alarm::AlarmId;
use crate::hub::{Bye, Frame};

/// The end that the Broadcaster holds. Without it, the channel is closed once it is drained.
#[derive(Debug)]
pub(super) struct Sender(Arc<Shared>);

/// The receiving end itself, without the actor behind it.
pub(crate) struct Channel(Arc<Shared>);

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

/// The reason for which a frame was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The queue is full.
    Full,
    /// The receiving end is gone.
    Gone,
}

/// Both ends of a new channel.
pub(super) fn channel() -> (Sender, Channel) {
    let shared = Arc::new(Shared::default());
    (Sender(Arc::clone(&shared)), Channel(shared))
}

#[derive(Debug, Default)]
struct Shared {
    /// Locked for some instructions, never over a wait or a wake-up.
    queue: Mutex<Queue>,
    /// Frames that the transport took, from the channel or from the log.
    passed: AtomicU64,
    /// True while frames read from the log wait for the transport.
    is_ready: AtomicBool,
    /// The reason for which the channel was closed, once it was.
    closed: OnceLock<Bye>,
}

/// In most channels a frame is taken before the next one comes: a single frame is kept in place, without an allocation.
#[derive(Debug, Default)]
struct Queue {
    first: Option<Arc<Frame>>,
    /// The frames behind the first. While some are left, `first` stays empty once it was taken: a new frame goes behind them.
    rest: VecDeque<Arc<Frame>>,
    bytes: usize,
    /// The id above which alarms are in the log only, until the receiver was told.
    spilled: Option<AlarmId>,
    /// Wakes a receiver that found nothing.
    waker: Option<Waker>,
    is_sender_gone: bool,
    is_receiver_gone: bool,
}

impl Sender {
    /// Queues a frame, if it fits.
    pub(super) fn send(&self, frame: &Arc<Frame>) -> Result<(), Fate> {
        let bytes = frame.size_bytes();
        let mut queue = self.0.queue();
        if queue.is_receiver_gone {
            return Err(Fate::Gone);
        }
        // A frame is never too large for an empty queue.
        let fits = queue.bytes == 0 || queue.bytes + bytes <= QUEUE_BYTES;
        if !fits || queue.len() >= QUEUE_FRAMES {
            return Err(Fate::Full);
        }
        queue.bytes += bytes;
        queue.push(Arc::clone(frame));
        wake(queue);
        Ok(())
    }

    /// Says why the channel closes; the first reason stands.
    pub(super) fn close(&self, bye: Bye) {
        let _first = self.0.closed.set(bye);
    }

    /// Sends the client back to the log for what comes after an id. Nothing above it may be queued before the client asks. It is
    /// woken, as it may have drained the full queue meanwhile.
    pub(super) fn spill(&self, after: AlarmId) {
        let mut queue = self.0.queue();
        queue.spilled = Some(after);
        wake(queue);
    }

    /// The id after which the client has to read the log, until it was told.
    pub(super) fn spilled(&self) -> Option<AlarmId> {
        self.0.queue().spilled
    }

    /// The number of frames that wait.
    pub(super) fn queued(&self) -> usize {
        self.0.queue().len()
    }

    /// The number of frames the transport took so far.
    pub(super) fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// True while frames read from the log wait for the transport.
    pub(super) fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Relaxed)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_sender_gone = true;
        wake(queue);
    }
}

impl Channel {
    /// The reason for which the channel was closed, once it was.
    pub(crate) fn closed(&self) -> Option<Bye> {
        self.0.closed.get().copied()
    }

    /// The next frame. A channel that spilled is drained first.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let mut queue = self.0.queue();
        if let Some(frame) = queue.pop() {
            return Poll::Ready(Received::Frame(frame));
        }
        if !queue.is_sender_gone
            && let Some(after) = queue.spilled.take()
        {
            return Poll::Ready(Received::Spilled(after));
        }
        wait(queue, context).map(|()| Received::Closed)
    }

    /// The next frame of the queue; tells nothing of a spill.
    pub(crate) fn poll_queued(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let mut queue = self.0.queue();
        match queue.pop() {
            Some(frame) => Poll::Ready(Received::Frame(frame)),
            None => wait(queue, context).map(|()| Received::Closed),
        }
    }

    /// Waits for the end of the channel, whatever is queued. Also woken by a frame.
    pub(crate) fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        wait(self.0.queue(), context)
    }

    /// Notes that the transport took a frame.
    pub(crate) fn passed(&self) {
        self.0.passed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether frames read from the log wait for the transport.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.0.is_ready.store(is_ready, Ordering::Relaxed);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        let left = std::mem::take(&mut *queue);
        queue.is_receiver_gone = true;
        drop(queue);
        drop(left);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    fn push(&mut self, frame: Arc<Frame>) {
        if self.len() == 0 {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    fn pop(&mut self) -> Option<Arc<Frame>> {
        let first = self.first.take();
        let frame = first.or_else(|| self.rest.pop_front())?;
        self.bytes -= frame.size_bytes();
        self.give_back();
        Some(frame)
    }

    /// Gives back the memory of a crowd of frames while it is taken.
    fn give_back(&mut self) {
        let (len, room) = (self.rest.len(), self.rest.capacity());
        if room > KEPT_FRAMES && len <= room / 4 {
            self.rest.shrink_to(KEPT_FRAMES.max(len * 2));
        }
    }
}

/// Ready at the end of the channel; else the receiver is woken by what comes next.
fn wait(mut queue: MutexGuard<'_, Queue>, context: &Context<'_>) -> Poll<()> {
    if queue.is_sender_gone {
        return Poll::Ready(());
    }
    let waker = context.waker();
    if !queue.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
        let old = queue.waker.replace(waker.clone());
        drop(queue);
        drop(old);
    }
    Poll::Pending
}

/// Wakes the receiver, if it waits, once the queue is free for it.
fn wake(mut queue: MutexGuard<'_, Queue>) {
    let waker = queue.waker.take();
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A client this far behind is quicker served from the log.
const QUEUE_FRAMES: usize = 512;

/// So many frames behind the first keep their room: an alarm often comes with a `state` event.
const KEPT_FRAMES: usize = 4;

/// The bytes one client's queue may hold: personal alarms of 16 KiB are not shared, so counting them is not enough.
const QUEUE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
