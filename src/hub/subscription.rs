//! The receiving half of one client's channel, and what both halves know of each other.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use actix::Addr;
use futures::Stream;
use futures::channel::mpsc;

use crate::alarm::AlarmId;
use crate::hub::registry::Opened;
use crate::hub::{Broadcaster, Bye, ClientId, Disconnect, Frame};

/// One client's events. Dropping it makes the Broadcaster forget the client.
pub(crate) struct Subscription {
    channel: Channel,
    position: AlarmId,
    missed: Option<Vec<Arc<Frame>>>,
    guard: Guard,
}

/// The receiving end itself, without the actor behind it.
pub(crate) struct Channel {
    receiver: mpsc::Receiver<Arc<Frame>>,
    shared: Arc<Shared>,
}

/// What the two halves of a channel share; the sender's side decides, the receiver's side reports.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    closed: OnceLock<Bye>,
    taken: AtomicU64,
    queued_bytes: AtomicUsize,
}

/// Sends Disconnect when the stream goes, whichever way it went.
struct Guard {
    client_id: ClientId,
    broadcaster: Addr<Broadcaster>,
}

impl Subscription {
    pub(crate) fn new(opened: Opened, position: AlarmId, broadcaster: Addr<Broadcaster>) -> Self {
        Self {
            channel: opened.channel,
            position,
            missed: opened.missed,
            guard: Guard {
                client_id: opened.client_id,
                broadcaster,
            },
        }
    }

    /// The name of the client.
    pub(crate) fn client_id(&self) -> ClientId {
        self.guard.client_id
    }

    /// The last id offered to clients when this one subscribed.
    pub(crate) fn position(&self) -> AlarmId {
        self.position
    }

    /// Takes what lies between its cursor and the position, if the Broadcaster knew; else its topics are not attached
    /// before it has read the log.
    pub(crate) fn take_missed(&mut self) -> Option<Vec<Arc<Frame>>> {
        self.missed.take()
    }

    /// Why the Broadcaster closed the channel, once it did.
    pub(crate) fn closed(&self) -> Option<Bye> {
        self.channel.closed()
    }

    /// The next frame; `None` when the channel is closed and drained.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        self.channel.poll_frame(context)
    }
}

impl Channel {
    pub(crate) fn new(receiver: mpsc::Receiver<Arc<Frame>>, shared: Arc<Shared>) -> Self {
        Self { receiver, shared }
    }

    pub(crate) fn closed(&self) -> Option<Bye> {
        self.shared.closed.get().copied()
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        let polled = Pin::new(&mut self.receiver).poll_next(context);
        if let Poll::Ready(Some(frame)) = &polled {
            self.shared.taken.fetch_add(1, Ordering::Relaxed);
            self.shared
                .queued_bytes
                .fetch_sub(frame.size_bytes(), Ordering::Relaxed);
        }
        polled
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

    /// How many frames were taken out so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Guard {
    #[expect(
        clippy::disallowed_methods,
        reason = "a drop cannot wait, and there is one such message for each client at most"
    )]
    fn drop(&mut self) {
        self.broadcaster.do_send(Disconnect(self.client_id));
    }
}
