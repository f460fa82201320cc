//! One connection that publishes, kept alive.

use std::io::{ErrorKind, Read, Write};

use mio::event::Event;
use mio::net::TcpStream;

use crate::http::{self, Template};
use crate::stamp::Stamp;

/// A publisher: one request at a time.
pub(crate) struct Publisher {
    socket: Option<TcpStream>,
    template: Template,
    outbox: Vec<u8>,
    inbox: Vec<u8>,
    busy: bool,
}

/// The answer on a publisher's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet.
    None,
    /// The status of the answer, and whether the server closes after it.
    Status { status: u16, last: bool },
    /// The connection is closed; whether a request was left without an answer.
    Closed { unanswered: bool },
}

impl Publisher {
    pub(crate) fn new(template: Template) -> Self {
        Self {
            socket: None,
            template,
            outbox: Vec::new(),
            inbox: Vec::new(),
            busy: false,
        }
    }

    pub(crate) fn connect(&mut self, socket: TcpStream) -> &mut TcpStream {
        self.inbox.clear();
        self.outbox.clear();
        self.busy = false;
        self.socket.insert(socket)
    }

    /// Sends one alarm.
    pub(crate) fn send(&mut self, stamp: &Stamp, user: usize) -> Answer {
        self.busy = true;
        self.outbox
            .extend_from_slice(self.template.fill(stamp, user));
        self.flush()
    }

    /// Something happened on its connection.
    pub(crate) fn handle(&mut self, event: &Event) -> Answer {
        let mut answer = Answer::None;
        if event.is_writable() {
            answer = self.flush();
        }
        if answer == Answer::None && event.is_readable() {
            answer = self.read();
        }
        answer
    }

    /// Sends what is left to send.
    fn flush(&mut self) -> Answer {
        let Some(socket) = self.socket.as_mut() else {
            return Answer::Closed {
                unanswered: self.busy,
            };
        };
        while !self.outbox.is_empty() {
            match socket.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(cause) if is_patience(cause.kind()) => break,
                Err(_) => {
                    return Answer::Closed {
                        unanswered: self.busy,
                    };
                }
            }
        }
        Answer::None
    }

    /// Reads an answer.
    fn read(&mut self) -> Answer {
        let mut part = [0; 4_096];
        let Some(socket) = self.socket.as_mut() else {
            return Answer::None;
        };
        loop {
            match socket.read(&mut part) {
                // The bytes before the end of the connection may still be an answer.
                Ok(0) if http::answer(&self.inbox).is_some() => break,
                Ok(0) => {
                    return Answer::Closed {
                        unanswered: self.busy,
                    };
                }
                Ok(count) => {
                    self.inbox
                        .extend_from_slice(part.get(..count).unwrap_or_default());
                    if count < part.len() {
                        break;
                    }
                }
                Err(cause) if is_patience(cause.kind()) => break,
                Err(_) => {
                    return Answer::Closed {
                        unanswered: self.busy,
                    };
                }
            }
        }
        match http::answer(&self.inbox) {
            Some((status, length)) => {
                let last = http::is_last(&self.inbox);
                self.inbox.drain(..length.min(self.inbox.len()));
                self.busy = false;
                Answer::Status { status, last }
            }
            None => Answer::None,
        }
    }
}

fn is_patience(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}
