//! The receiving end of one client's channel, and the counts both ends share.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::Stream;
use futures::channel::mpsc;

use crate::hub::{Bye, Frame};

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
