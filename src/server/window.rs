//! The flow control of one HTTP/2 connection (RFC 9113, section 5.2), as far as the library does not tell: who holds the
//! window that all streams of a connection share. A client that leaves one stream unread can use it up with that stream
//! alone; then its other streams wait for a stream that they have nothing to do with.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The windows of a connection; all its exchanges share it.
#[derive(Clone)]
pub(super) struct Windows(Rc<RefCell<State>>);

struct State {
    /// Bytes that may still be sent on the connection.
    shared: i64,
    /// The time when the client last opened the shared window, or a stream was ended to open it.
    opened: Instant,
    streams: HashMap<u32, Held>,
}

/// The part of the shared window that one stream holds.
#[derive(Default)]
struct Held {
    /// Bytes that were sent and whose reading the client has not told.
    unread: u64,
    evicted: Rc<Notify>,
}

/// A stream's entry, for as long as its exchange lives.
pub(super) struct Share {
    windows: Windows,
    stream: u32,
    /// Told when the stream is to end, because others wait for what it holds.
    pub(super) evicted: Rc<Notify>,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            shared: INITIAL_WINDOW,
            opened: Instant::now(),
            streams: HashMap::new(),
        })))
    }

    /// Takes in a stream.
    pub(super) fn share(&self, stream: u32) -> Share {
        let evicted = Rc::<Notify>::default();
        let held = Held {
            unread: 0,
            evicted: Rc::clone(&evicted),
        };
        self.0.borrow_mut().streams.insert(stream, held);
        Share {
            windows: self.clone(),
            stream,
            evicted,
        }
    }

    /// The client has read that much, of one stream or of all together (0).
    fn open(&self, stream: u32, bytes: u32) {
        let mut state = self.0.borrow_mut();
        if stream == 0 {
            state.shared = state.shared.saturating_add(i64::from(bytes));
            state.opened = Instant::now();
        } else if let Some(held) = state.streams.get_mut(&stream) {
            held.unread = held.unread.saturating_sub(u64::from(bytes));
        }
    }
}

impl Share {
    /// Notes what is sent.
    pub(super) fn sent(&self, bytes: usize) {
        let mut state = self.windows.0.borrow_mut();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        state.shared = state.shared.saturating_sub_unsigned(bytes);
        if let Some(held) = state.streams.get_mut(&self.stream) {
            held.unread = held.unread.saturating_add(bytes);
        }
    }

    /// Called by a stream that waits to send: if the shared window has been shut for long, the stream that holds most of it
    /// is to end.
    pub(super) fn complain(&self) {
        let mut state = self.windows.0.borrow_mut();
        if state.shared > 0 || state.opened.elapsed() < SHUT_FOR {
            return;
        }
        let most = state.streams.values().max_by_key(|held| held.unread);
        if let Some(held) = most {
            held.evicted.notify_one();
            state.opened = Instant::now();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.windows.0.borrow_mut().streams.remove(&self.stream);
    }
}

/// A connection that is read through here, so that the client's WINDOW_UPDATE frames are seen.
pub(super) struct Watched<T> {
    stream: T,
    frames: Frames,
}

/// The place in the sequence of frames, all of which have a head of 9 bytes (RFC 9113, section 4.1).
struct Frames {
    windows: Windows,
    /// Bytes of no interest that come first.
    skip: usize,
    /// The head of a frame, and the body of a WINDOW_UPDATE.
    seen: Vec<u8>,
}

impl<T> Watched<T> {
    pub(super) fn new(stream: T, windows: Windows) -> Self {
        Self {
            stream,
            frames: Frames {
                windows,
                skip: PREFACE_BYTES,
                seen: Vec::with_capacity(HEAD_BYTES + UPDATE_BYTES),
            },
        }
    }
}

impl Frames {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else {
                return;
            };
            self.seen.push(*first);
            bytes = rest;
            self.look();
        }
    }

    fn look(&mut self) {
        let Some((head, body)) = self.seen.split_first_chunk::<HEAD_BYTES>() else {
            return;
        };
        let [l0, l1, l2, kind, _flags, s0, s1, s2, s3] = *head;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let is_update = kind == WINDOW_UPDATE && length == UPDATE_BYTES;
        if !is_update {
            self.skip = length;
            self.seen.clear();
        } else if let [b0, b1, b2, b3] = *body {
            // The highest bit of both numbers is reserved.
            let stream = u32::from_be_bytes([s0, s1, s2, s3]) & !RESERVED;
            let bytes = u32::from_be_bytes([b0, b1, b2, b3]) & !RESERVED;
            self.windows.open(stream, bytes);
            self.seen.clear();
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        self.frames.take(new);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The time the shared window may be shut while a stream waits: well below the time after which a stream that waits is
/// ended itself.
const SHUT_FOR: Duration = Duration::from_secs(5);

/// The interval at which a stream that waits checks the shared window.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// RFC 9113, section 6.9.2.
const INITIAL_WINDOW: i64 = 65_535;

const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const UPDATE_BYTES: usize = 4;
const WINDOW_UPDATE: u8 = 8;
const RESERVED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_updates_are_found_between_other_frames_however_they_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1]);
        bytes.extend([0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        bytes.extend([0, 0, 5, 0, 0, 0, 0, 0, 3, 8, 8, 8, 8, 8]);
        bytes.extend([0, 0, 4, 8, 0, 0, 0, 0, 3, 0x80, 0, 0, 7]);

        for size in [1, 2, 5, 13, 200] {
            let windows = Windows::new();
            let share = windows.share(3);
            share.sent(10);
            let mut watched = Watched::new((), windows.clone());
            for piece in bytes.chunks(size) {
                watched.frames.take(piece);
            }
            let state = windows.0.borrow();
            assert_eq!(state.shared, INITIAL_WINDOW - 10 + 256);
            assert_eq!(state.streams[&3].unread, 3);
        }
    }
}
