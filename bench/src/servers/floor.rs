//! The physical limit: a bare epoll loop that knows its subscribers and writes one ready chunk to each. It checks nobody, stores nothing,
//! parses as little as the bench's own requests allow, and ends with its parent.

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::Command;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{
    BACKLOG, alarm_text, channel, endpoint, free_address, own_binary, user_channel,
};
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(crate) struct Floor {
    running: Running,
    address: SocketAddr,
}

impl Floor {
    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(own_binary()?);
        command.arg("floor").arg(address.to_string());
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

impl Server for Floor {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let channel = user_channel(user, audience);
        Ok(http::get(&format!("/{channel}"), "").into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let path = format!("/{}", channel(audience));
        Template::new(&http::post(&path, "", &alarm_text(audience)))
    }
}

/// The process.
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    // Asked to listen again, the kernel only takes the longer queue: a storm of connections fits in.
    rustix::net::listen(&listener, BACKLOG)?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1_024);
    let mut hub = Hub::default();
    loop {
        match poll.poll(&mut events, None) {
            Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                hub.accept(&listener, poll.registry())?;
            } else {
                hub.handle(event.token().0, event.is_writable());
            }
        }
    }
}

#[derive(Default)]
struct Hub {
    peers: Vec<Option<Peer>>,
    vacant: Vec<usize>,
    channels: HashMap<Vec<u8>, Vec<usize>>,
}

struct Peer {
    socket: TcpStream,
    inbox: Vec<u8>,
    // The bytes that the kernel did not accept; nearly always empty.
    outbox: VecDeque<u8>,
    channel: Option<Vec<u8>>,
}

impl Hub {
    fn accept(&mut self, listener: &TcpListener, registry: &mio::Registry) -> Result<()> {
        while let Ok((mut socket, _)) = listener.accept() {
            socket.set_nodelay(true)?;
            let place = self.vacant.pop().unwrap_or(self.peers.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut socket, Token(place), interest)?;
            let peer = Some(Peer {
                socket,
                inbox: Vec::new(),
                outbox: VecDeque::new(),
                channel: None,
            });
            match self.peers.get_mut(place) {
                Some(vacant) => *vacant = peer,
                None => self.peers.push(peer),
            }
        }
        Ok(())
    }

    fn handle(&mut self, place: usize, writable: bool) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        if writable {
            peer.flush();
        }
        if !peer.read() {
            return self.forget(place);
        }
        while let Some(request) = self.take_request(place) {
            match request {
                Request::Subscribe(channel) => self.subscribe(place, channel),
                Request::Publish(channel, text) => self.publish(place, &channel, &text),
            }
        }
    }

    fn take_request(&mut self, place: usize) -> Option<Request> {
        let peer = self.peers.get_mut(place)?.as_mut()?;
        let (request, length) = Request::parse(&peer.inbox)?;
        peer.inbox.drain(..length);
        Some(request)
    }

    fn subscribe(&mut self, place: usize, channel: Vec<u8>) {
        self.channels
            .entry(channel.clone())
            .or_default()
            .push(place);
        if let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) {
            peer.channel = Some(channel);
            peer.inbox = Vec::new();
            peer.write(STREAM_HEAD);
        }
    }

    fn publish(&mut self, place: usize, channel: &[u8], text: &[u8]) {
        let mut event = b"event: alarm\nid: 12345\ndata: ".to_vec();
        event.extend_from_slice(text);
        event.extend_from_slice(b"\n\n");
        let mut chunk = format!("{:x}\r\n", event.len()).into_bytes();
        chunk.append(&mut event);
        chunk.extend_from_slice(b"\r\n");
        for subscriber in self.channels.get(channel).into_iter().flatten() {
            if let Some(peer) = self.peers.get_mut(*subscriber).and_then(Option::as_mut) {
                peer.write(&chunk);
            }
        }
        if let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) {
            peer.write(PUBLISHED);
        }
    }

    fn forget(&mut self, place: usize) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.vacant.push(place);
        let subscribers = peer
            .channel
            .and_then(|channel| self.channels.get_mut(&channel));
        if let Some(subscribers) = subscribers
            && let Some(at) = subscribers.iter().position(|other| *other == place)
        {
            subscribers.swap_remove(at);
        }
    }
}

impl Peer {
    /// Returns true if the connection is still open.
    fn read(&mut self) -> bool {
        let mut part = [0; 4_096];
        loop {
            match self.socket.read(&mut part) {
                Ok(0) => return false,
                Ok(count) => self
                    .inbox
                    .extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(cause) => {
                    return matches!(cause.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let taken = if self.outbox.is_empty() {
            self.socket.write(bytes).unwrap_or(0)
        } else {
            0
        };
        self.outbox.extend(bytes.get(taken..).unwrap_or_default());
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let (front, _) = self.outbox.as_slices();
            let Ok(count) = self.socket.write(front) else {
                return;
            };
            self.outbox.drain(..count);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Request {
    Subscribe(Vec<u8>),
    Publish(Vec<u8>, Vec<u8>),
}

impl Request {
    /// The request at the start of `bytes`, once it is all there, and its length.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (_, length) = http::answer(bytes)?;
        let head = http::head(bytes)?;
        let mut words = bytes.split(|byte| *byte == b' ');
        let method = words.next()?;
        let channel = words.next()?.to_vec();
        if method == b"GET" {
            return Some((Self::Subscribe(channel), length));
        }
        let body = bytes.get(head.length..length)?.to_vec();
        Some((Self::Publish(channel, body), length))
    }
}

const LISTENER: Token = Token(usize::MAX);

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n6\r\n: hi\n\n\r\n";

const PUBLISHED: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_and_taken_one_at_a_time() {
        let publish = http::post("/all", "", "text");
        let both = format!("{publish}{}", http::get("/all", ""));

        let (first, length) = Request::parse(both.as_bytes()).unwrap();
        let (second, rest) = Request::parse(&both.as_bytes()[length..]).unwrap();

        assert_eq!(first, Request::Publish(b"/all".to_vec(), b"text".to_vec()));
        assert_eq!(second, Request::Subscribe(b"/all".to_vec()));
        assert_eq!(length + rest, both.len());
    }
}
