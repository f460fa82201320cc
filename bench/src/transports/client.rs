//! One client on one connection that it keeps: it opens its transport, hears its room, and counts what goes over the wire.

use std::io::{ErrorKind, Read, Write};

use memchr::memmem;
use mio::net::TcpStream;

use crate::http;
use crate::stamp::{Scanner, Stamp};
use crate::transports::frame::{self, Kind};
use crate::transports::transport::Transport;

/// A client and how far it is.
pub(super) struct Client {
    transport: Transport,
    authorization: String,
    room: String,
    socket: TcpStream,
    outbox: Vec<u8>,
    inbox: Vec<u8>,
    state: State,
    cursor: Option<u64>,
    pub(super) traffic: Traffic,
}

/// The bytes that a client sent and received, as the payload of TCP.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first answer's head is waited for.
    Head,
    /// The first event is waited for.
    Greeting,
    Open,
}

/// The buffer and the patterns that all clients share for reading.
pub(super) struct Tools {
    pub(super) buffer: Vec<u8>,
    pub(super) scanner: Scanner,
}

/// The result of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Its transport is open: what is published from now on concerns it.
    Opened,
    /// A poll was answered; whether there is more at once.
    Answered { more: bool },
    /// The server answered something else than was asked for.
    Refused(String),
    /// The connection is closed.
    Ended,
}

impl Client {
    pub(super) fn new(
        transport: Transport,
        authorization: String,
        room: String,
        socket: TcpStream,
    ) -> Self {
        Self {
            transport,
            authorization,
            room,
            socket,
            outbox: Vec::new(),
            inbox: Vec::new(),
            state: State::Head,
            cursor: None,
            traffic: Traffic::default(),
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Sends its request: the first, or the next poll.
    pub(super) fn ask(&mut self) -> std::io::Result<()> {
        let request = self
            .transport
            .request(&self.authorization, &self.room, self.cursor);
        self.traffic.requests += 1;
        self.outbox.extend_from_slice(request.as_bytes());
        self.flush()
    }

    /// Sends what is left to send.
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        while !self.outbox.is_empty() {
            match self.socket.write(&self.outbox) {
                Ok(count) => {
                    self.traffic.sent += count as u64;
                    drop(self.outbox.drain(..count));
                }
                Err(cause) if is_patience(cause.kind()) => break,
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Reads what is there; every stamp goes to `stamped`.
    pub(super) fn read(
        &mut self,
        tools: &mut Tools,
        mut stamped: impl FnMut(Stamp),
    ) -> Option<Found> {
        loop {
            let room = tools.buffer.len();
            match self.socket.read(&mut tools.buffer) {
                Ok(0) => return Some(Found::Ended),
                Ok(count) => {
                    self.traffic.received += count as u64;
                    let read = tools.buffer.get(..count).unwrap_or_default();
                    self.inbox.extend_from_slice(read);
                    // A short read has emptied the socket; epoll tells when there is more.
                    if count < room {
                        break;
                    }
                }
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) if is_patience(cause.kind()) => break,
                Err(_) => return Some(Found::Ended),
            }
        }
        if self.transport.asks() {
            return self.take_answer(&tools.scanner, &mut stamped);
        }
        if self.state == State::Head {
            let head = http::head(&self.inbox)?;
            if head.status != self.welcome() {
                return Some(self.refusal());
            }
            self.inbox.drain(..head.length);
            self.state = State::Greeting;
        }
        match self.transport {
            Transport::WebSocket => self.take_frames(&tools.scanner, &mut stamped),
            _ => self.take_stream(&tools.scanner, &mut stamped),
        }
    }

    /// The status of a stream that opens.
    fn welcome(&self) -> u16 {
        if self.transport == Transport::WebSocket {
            101
        } else {
            200
        }
    }

    fn refusal(&self) -> Found {
        Found::Refused(String::from_utf8_lossy(&self.inbox).into_owned())
    }

    /// One poll at a time is under transport, so one answer at most is there.
    fn take_answer(&mut self, scanner: &Scanner, stamped: &mut impl FnMut(Stamp)) -> Option<Found> {
        let (status, length) = http::answer(&self.inbox)?;
        let cursor = cursor(&self.inbox);
        if status != 200 || cursor.is_none() {
            return Some(self.refusal());
        }
        self.cursor = cursor;
        scanner.scan(&self.inbox, stamped);
        let more = memmem::find(&self.inbox, b"\"more\":true").is_some();
        self.inbox.drain(..length.min(self.inbox.len()));
        if self.state == State::Open {
            return Some(Found::Answered { more });
        }
        self.state = State::Open;
        Some(Found::Opened)
    }

    fn take_stream(&mut self, scanner: &Scanner, stamped: &mut impl FnMut(Stamp)) -> Option<Found> {
        let opened = self.greeted_by(&self.inbox)?;
        let scanned = scanner.scan(&self.inbox, stamped);
        self.inbox.drain(..scanned.unread);
        self.open(opened)
    }

    fn take_frames(&mut self, scanner: &Scanner, stamped: &mut impl FnMut(Stamp)) -> Option<Found> {
        let mut found = None;
        let mut read = 0;
        while let Some(frame) = frame::first(self.inbox.get(read..).unwrap_or_default()) {
            match frame.kind {
                Kind::Text => {
                    let opened = self.greeted_by(frame.payload).unwrap_or(false);
                    scanner.scan(frame.payload, &mut *stamped);
                    read += frame.length;
                    found = self.open(opened).or(found);
                }
                Kind::Ping => {
                    self.outbox.extend(frame::pong(frame.payload));
                    read += frame.length;
                }
                Kind::Close => return Some(Found::Ended),
                Kind::Other => read += frame.length,
            }
        }
        self.inbox.drain(..read);
        if self.flush().is_err() {
            return Some(Found::Ended);
        }
        found
    }

    /// Returns `Some(true)` if these bytes open the stream, `Some(false)` if it is open already, and `None` if it is not open yet.
    fn greeted_by(&self, bytes: &[u8]) -> Option<bool> {
        if self.state == State::Open {
            return Some(false);
        }
        memmem::find(bytes, GREETING).map(|_at| true)
    }

    fn open(&mut self, opened: bool) -> Option<Found> {
        opened.then(|| {
            self.state = State::Open;
            Found::Opened
        })
    }
}

/// The cursor an answer ends with: what comes before may hold a user's own words.
fn cursor(answer: &[u8]) -> Option<u64> {
    let at = memmem::rfind(answer, CURSOR)? + CURSOR.len();
    let digits = answer.get(at..)?.split(|byte| !byte.is_ascii_digit());
    std::str::from_utf8(digits.into_iter().next()?)
        .ok()?
        .parse()
        .ok()
}

/// The connection is not made yet, or its buffer is full: neither is an error.
fn is_patience(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}

/// In the first event of every stream, written as each transport does.
const GREETING: &[u8] = b"heartbeatSeconds";

const CURSOR: &[u8] = b"],\"cursor\":";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_the_answers_own_and_not_one_an_alarm_carries() {
        let answer = br#"{"events":[{"data":{"x":[1],"cursor":7}}],"cursor":913,"more":false}"#;

        assert_eq!(cursor(answer), Some(913));
        assert_eq!(cursor(b"{}"), None);
    }
}
