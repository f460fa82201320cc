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
    /// Locked for one frame that goes in or out, never while anything is waited for.
    queue: Mutex<Queue>,
    /// Frames that the transport took, from the channel or from the log.
    passed: AtomicU64,
    /// True while frames read from the log wait for the transport.
    is_ready: AtomicBool,
    closed: OnceLock<Bye>,
}

/// In most channels a frame is taken before the next one comes, so that one alone needs no memory of its own.
#[derive(Debug, Default)]
struct Queue {
    first: Option<Arc<Frame>>,
    /// The frames after the first, or after one that was taken.
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

    /// Sends the client back to the log for what comes after an id. Nothing above it may be queued before the client asks.
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
        match queue.spilled.take() {
            Some(after) => Poll::Ready(Received::Spilled(after)),
            None => queue.wait(context),
        }
    }

    /// The next frame of the queue; tells nothing of a spill.
    pub(crate) fn poll_queued(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let mut queue = self.0.queue();
        match queue.pop() {
            Some(frame) => Poll::Ready(Received::Frame(frame)),
            None => queue.wait(context),
        }
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
        if self.rest.is_empty() {
            // Gives back the memory of a crowd of frames.
            self.rest = VecDeque::new();
        }
        Some(frame)
    }

    /// There is nothing: the end, or the time to wait.
    fn wait(&mut self, context: &Context<'_>) -> Poll<Received> {
        if self.is_sender_gone {
            return Poll::Ready(Received::Closed);
        }
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
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

/// The bytes one client's queue may hold: personal alarms of 16 KiB are not shared, so counting them is not enough.
const QUEUE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll::Ready;

    use futures::executor::block_on;

    use super::*;

    fn frame(id: i64) -> Arc<Frame> {
        Frame::ping(AlarmId(id))
    }

    fn poll(channel: &mut Channel) -> Poll<Received> {
        channel.poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    fn id(received: Poll<Received>) -> Option<AlarmId> {
        match received {
            Ready(Received::Frame(frame)) => frame.id(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_come_in_order_while_others_are_queued() {
        let (sender, mut channel) = channel();
        let send = |id| sender.send(&frame(id)).unwrap();

        send(1);
        send(2);
        assert_eq!(id(poll(&mut channel)), Some(AlarmId(1)));
        send(3);
        assert_eq!(id(poll(&mut channel)), Some(AlarmId(2)));
        assert_eq!(id(poll(&mut channel)), Some(AlarmId(3)));
        assert!(poll(&mut channel).is_pending());
        send(4);
        assert_eq!(id(poll(&mut channel)), Some(AlarmId(4)));
    }

    #[test]
    fn a_full_queue_refuses_until_a_frame_is_taken() {
        let (sender, mut channel) = channel();
        for _ in 0..QUEUE_FRAMES {
            sender.send(&frame(1)).unwrap();
        }

        assert_eq!(sender.send(&frame(1)), Err(Fate::Full));
        assert!(poll(&mut channel).is_ready());
        assert_eq!(sender.send(&frame(1)), Ok(()));
    }

    #[test]
    fn a_frame_of_any_size_fits_into_an_empty_queue_only() {
        let (sender, mut channel) = channel();
        let large = Frame::state(&"x".repeat(QUEUE_BYTES), None);

        assert_eq!(sender.send(&large), Ok(()));
        assert_eq!(sender.send(&frame(1)), Err(Fate::Full));
        assert!(poll(&mut channel).is_ready());
        assert_eq!(sender.send(&frame(1)), Ok(()));
        assert_eq!(sender.send(&large), Err(Fate::Full));
    }

    #[test]
    fn a_spill_is_told_once_after_what_was_queued_before_it() {
        let (sender, mut channel) = channel();
        sender.send(&frame(1)).unwrap();
        sender.spill(AlarmId(7));

        assert_eq!(id(poll(&mut channel)), Some(AlarmId(1)));
        assert_eq!(sender.spilled(), Some(AlarmId(7)));
        assert!(matches!(
            poll(&mut channel),
            Ready(Received::Spilled(AlarmId(7)))
        ));
        assert_eq!(sender.spilled(), None);
        assert!(poll(&mut channel).is_pending());
    }

    #[test]
    fn each_end_learns_that_the_other_is_gone() {
        let (sender, mut open) = channel();
        sender.send(&frame(1)).unwrap();
        drop(sender);
        assert_eq!(id(poll(&mut open)), Some(AlarmId(1)));
        assert!(matches!(poll(&mut open), Ready(Received::Closed)));

        let (sender, gone) = channel();
        drop(gone);
        assert_eq!(sender.send(&frame(1)), Err(Fate::Gone));
    }

    #[test]
    fn a_receiver_on_another_thread_misses_nothing() {
        const FRAMES: i64 = 20_000;
        let (sender, mut channel) = channel();

        let receiver = std::thread::spawn(move || {
            let mut taken = Vec::new();
            loop {
                match block_on(poll_fn(|context| channel.poll_frame(context))) {
                    Received::Frame(frame) => taken.extend(frame.id()),
                    Received::Spilled(after) => panic!("spilled after {after:?}"),
                    Received::Closed => return taken,
                }
            }
        });
        for number in 0..FRAMES {
            let one = frame(number);
            while sender.send(&one) == Err(Fate::Full) {
                std::thread::yield_now();
            }
        }
        drop(sender);

        let all: Vec<AlarmId> = (0..FRAMES).map(AlarmId).collect();
        assert_eq!(receiver.join().unwrap(), all);
    }
}
