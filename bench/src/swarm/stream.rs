//! One reader of a stream.

use std::io::{ErrorKind, Read, Write};
use std::ops::Range;

use mio::net::TcpStream;

use crate::http;
use crate::stamp::Stamp;
use crate::swarm::chunks::Chunks;
use crate::swarm::reading::Reading;

/// A stream and how far it is.
pub(crate) struct Stream {
    socket: Option<TcpStream>,
    request: Vec<u8>,
    state: State,
    chunks: Option<Chunks>,
    // The bytes of an event that has not arrived completely; nearly always empty.
    carry: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Head,
    FirstEvent,
    Open,
}

/// The result of reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The first event is there.
    Opened,
    /// The server said good-bye to a reader that was too slow.
    Slow,
    /// The server answered something else than a stream.
    Refused(String),
    /// The connection is closed.
    Ended,
}

/// Hears what a stream says.
pub(crate) trait Listener {
    /// An alarm came.
    fn stamped(&mut self, stamp: Stamp);
    /// Something else happened.
    fn found(&mut self, found: Found);
}

impl Stream {
    pub(crate) fn new(socket: TcpStream, request: Vec<u8>) -> Self {
        Self {
            socket: Some(socket),
            request,
            state: State::Connecting,
            chunks: None,
            carry: Vec::new(),
        }
    }

    pub(crate) fn socket(&mut self) -> Option<&mut TcpStream> {
        self.socket.as_mut()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some() && self.state == State::Open
    }

    /// Closes it and gives back its request.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.socket = None;
        self.carry = Vec::new();
        std::mem::take(&mut self.request)
    }

    /// Sends the request if the connection has just been made; an error means it was not.
    pub(crate) fn send(&mut self) -> std::io::Result<()> {
        if self.state != State::Connecting {
            return Ok(());
        }
        let Some(socket) = self.socket.as_mut() else {
            return Ok(());
        };
        match socket.write(&self.request) {
            Ok(count) if count == self.request.len() => {
                self.state = State::Head;
                Ok(())
            }
            Ok(_) => Err(ErrorKind::WriteZero.into()),
            Err(cause) if is_patience(cause.kind()) => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    /// Reads what is there and tells what is in it; answers how many bytes it read.
    pub(crate) fn read(&mut self, reading: &mut Reading, listener: &mut impl Listener) -> usize {
        let mut sum = 0;
        while self.state != State::Connecting {
            let held = self.take_carry(&mut reading.buffer);
            let Some(socket) = self.socket.as_mut() else {
                break;
            };
            let place = reading.buffer.get_mut(held..).unwrap_or_default();
            let room = place.len();
            match socket.read(place) {
                Ok(0) => {
                    listener.found(Found::Ended);
                    break;
                }
                Ok(count) => {
                    sum += count;
                    self.take_in(reading, held..held + count, listener);
                    // A short read has emptied the socket; epoll tells when there is more.
                    if count < room {
                        break;
                    }
                }
                Err(cause) => {
                    self.keep(reading.buffer.get(..held));
                    if cause.kind() == ErrorKind::Interrupted {
                        continue;
                    }
                    if cause.kind() != ErrorKind::WouldBlock {
                        listener.found(Found::Ended);
                    }
                    break;
                }
            }
        }
        sum
    }

    /// Takes in what was read to `new`, behind what was kept from before.
    fn take_in(
        &mut self,
        reading: &mut Reading,
        mut new: Range<usize>,
        listener: &mut impl Listener,
    ) {
        let mut start = 0;
        if self.state == State::Head {
            let read = reading.buffer.get(..new.end).unwrap_or_default();
            let Some(head) = http::head(read) else {
                return self.keep(Some(read));
            };
            if !matches!(head.status, 200 | 101) {
                listener.found(Found::Refused(String::from_utf8_lossy(read).into_owned()));
                return;
            }
            start = head.length;
            new.start = head.length;
            let chunked = read.get(..start).is_some_and(http::is_chunked);
            self.chunks = chunked.then(Chunks::default);
            self.state = State::FirstEvent;
        }
        if let (Some(chunks), Some(new_bytes)) =
            (&mut self.chunks, reading.buffer.get_mut(new.clone()))
        {
            new.end = new.start + chunks.decode(new_bytes);
        }
        let mut rest = reading.buffer.get(start..new.end).unwrap_or_default();
        if self.state == State::FirstEvent {
            let Some(end) = reading.first_event_end(rest) else {
                return self.keep(Some(rest));
            };
            rest = rest.get(end..).unwrap_or_default();
            self.state = State::Open;
            listener.found(Found::Opened);
        }
        let scanned = reading.scanner.scan(rest, |stamp| listener.stamped(stamp));
        let tail = rest.get(scanned.tail..).unwrap_or_default();
        if reading.is_farewell(tail) {
            listener.found(Found::Slow);
        }
        self.keep(rest.get(scanned.unread..));
    }

    fn take_carry(&mut self, buffer: &mut [u8]) -> usize {
        let held = self.carry.len();
        if held > 0
            && let Some(place) = buffer.get_mut(..held)
        {
            place.copy_from_slice(&self.carry);
            self.carry.clear();
        }
        held
    }

    fn keep(&mut self, bytes: Option<&[u8]>) {
        self.carry.extend_from_slice(bytes.unwrap_or_default());
    }
}

/// The connection is not made yet, or its buffer is full: neither is an error.
fn is_patience(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}
