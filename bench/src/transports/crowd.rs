//! All clients of one transport and the rooms' publishers, in one thread with one epoll.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};

use crate::clock::{Clock, nanos};
use crate::error::Result;
use crate::http::Template;
use crate::stamp::Scanner;
use crate::swarm::{Answer, Publisher, Sources, whole_milliseconds};
use crate::transports::books::Books;
use crate::transports::client::{Client, Found, Tools, Traffic};
use crate::transports::transport::Transport;

/// Everybody.
pub(super) struct Crowd {
    poll: Poll,
    clock: Clock,
    address: SocketAddr,
    sources: Sources,
    tools: Tools,
    transport: Transport,
    /// A place is empty once its client was cut off.
    clients: Vec<Option<Client>>,
    /// One for each room; a place is empty while its connection is not made, or was closed for being idle.
    publishers: Vec<Option<Publisher>>,
    template: Template,
    /// The time of the next poll of each client.
    polls: BinaryHeap<Reverse<(u64, usize)>>,
    poll_every: u64,
    books: Option<Books>,
    opened: usize,
    pub(super) cut_off: u64,
    refusal: Option<String>,
}

impl Crowd {
    pub(super) fn new(
        transport: Transport,
        address: SocketAddr,
        poll_every: Duration,
        template: Template,
    ) -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            clock: Clock::start(),
            address,
            sources: Sources::new(),
            tools: Tools {
                buffer: vec![0; BUFFER_BYTES],
                scanner: Scanner::new(),
            },
            transport,
            clients: Vec::new(),
            publishers: Vec::new(),
            template,
            polls: BinaryHeap::new(),
            poll_every: nanos(poll_every),
            books: None,
            opened: 0,
            cut_off: 0,
            refusal: None,
        })
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Opens a client for each pair of authorization and room, a few at a time, and waits until all are open.
    pub(super) fn open(&mut self, clients: Vec<(String, String)>) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let deadline = self.clock.nanos() + nanos(OPENING);
        let count = clients.len();
        let mut waiting = clients.into_iter();
        while self.opened < count {
            while self.clients.len() - self.opened < AT_ONCE {
                let Some((authorization, room)) = waiting.next() else {
                    break;
                };
                self.begin(authorization, room)?;
            }
            self.turn(&mut events, self.clock.nanos() + LONGEST_WAIT)?;
            if self.clock.nanos() > deadline {
                return Err(format!("only {} of {count} clients could open", self.opened).into());
            }
        }
        Ok(())
    }

    fn begin(&mut self, authorization: String, room: String) -> Result<()> {
        let socket = self.sources.connect(self.address)?;
        let index = self.clients.len();
        let mut client = Client::new(self.transport, authorization, room, socket);
        client.ask()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(client.socket(), Token(index), interest)?;
        self.clients.push(Some(client));
        Ok(())
    }

    fn connect_publisher(&mut self, room: usize) -> Result<()> {
        let mut publisher = Publisher::new(self.template.clone());
        let socket = publisher.connect(self.sources.connect(self.address)?);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(socket, Token(PUBLISHERS + room), interest)?;
        if room >= self.publishers.len() {
            self.publishers.resize_with(room + 1, || None);
        }
        if let Some(place) = self.publishers.get_mut(room) {
            *place = Some(publisher);
        }
        Ok(())
    }

    /// Publishes after a schedule, and reads until everything has come or nothing more does.
    pub(super) fn measure(&mut self, books: Books, stop: u64) -> Result<Books> {
        let mut events = Events::with_capacity(EVENTS);
        self.books = Some(books);
        loop {
            let now = self.clock.nanos();
            let settled = self
                .books
                .as_ref()
                .is_none_or(|books| books.is_settled(now));
            if settled || now > stop + nanos(DRAINING) {
                break;
            }
            self.turn(&mut events, now + LONGEST_WAIT)?;
        }
        self.books
            .take()
            .ok_or_else(|| "no measurement was running".into())
    }

    /// Reads what comes for a while.
    pub(super) fn rest(&mut self, lasting: Duration) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let end = self.clock.nanos() + nanos(lasting);
        while self.clock.nanos() < end {
            self.turn(&mut events, end)?;
        }
        Ok(())
    }

    /// The bytes that all clients together sent and received so far.
    pub(super) fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for client in self.clients.iter().flatten() {
            sum.sent += client.traffic.sent;
            sum.received += client.traffic.received;
            sum.requests += client.traffic.requests;
        }
        sum
    }

    /// One look at the sockets, at the latest when something is due, and what is due then.
    fn turn(&mut self, events: &mut Events, until: u64) -> Result<()> {
        let next_poll = self.polls.peek().map(|next| next.0.0);
        let next_alarm = self.books.as_ref().and_then(Books::due);
        let next = [next_poll, next_alarm]
            .into_iter()
            .flatten()
            .fold(until, u64::min);
        let wait = next.saturating_sub(self.clock.nanos());
        match self.poll.poll(events, Some(whole_milliseconds(wait))) {
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in events.iter() {
            let Token(token) = event.token();
            match token.checked_sub(PUBLISHERS) {
                Some(index) => self.handle_publisher(index, event),
                None => self.handle_client(token, event.is_writable()),
            }
        }
        self.ask_due();
        self.publish_due()?;
        match self.refusal.take() {
            Some(answer) => Err(format!("refused: {answer}").into()),
            None => Ok(()),
        }
    }

    fn handle_client(&mut self, index: usize, is_writable: bool) {
        let Some(Some(client)) = self.clients.get_mut(index) else {
            return;
        };
        if is_writable && client.flush().is_err() {
            return self.lose(index);
        }
        let (books, clock) = (&mut self.books, self.clock);
        let found = client.read(&mut self.tools, |stamp| {
            if let Some(books) = books {
                books.deliver(index, &stamp, clock.nanos());
            }
        });
        match found {
            None => {}
            Some(Found::Opened) => {
                self.opened += 1;
                if self.transport.asks() {
                    // Clients that began together do not ask together.
                    let own = self.poll_every / PHASES * (index as u64 % PHASES);
                    self.ask_again(index, false, own);
                }
            }
            Some(Found::Answered { more }) => self.ask_again(index, more, self.poll_every),
            Some(Found::Refused(answer)) => self.refusal = Some(answer),
            Some(Found::Ended) => self.lose(index),
        }
    }

    /// A long poll is asked again at once; a poll when its time has come, or when there is more.
    fn ask_again(&mut self, index: usize, more: bool, after: u64) {
        if self.transport == Transport::LongPolling || more {
            return self.ask(index);
        }
        self.polls
            .push(Reverse((self.clock.nanos() + after, index)));
    }

    fn ask(&mut self, index: usize) {
        if let Some(Some(client)) = self.clients.get_mut(index)
            && client.ask().is_err()
        {
            self.lose(index);
        }
    }

    fn ask_due(&mut self) {
        let now = self.clock.nanos();
        while let Some(Reverse((due, index))) = self.polls.peek().copied()
            && due <= now
        {
            self.polls.pop();
            self.ask(index);
        }
    }

    fn lose(&mut self, index: usize) {
        if let Some(client) = self.clients.get_mut(index) {
            *client = None;
            self.cut_off += 1;
        }
    }

    fn publish_due(&mut self) -> Result<()> {
        let now = self.clock.nanos();
        while let Some((room, stamp)) = self.books.as_mut().and_then(|books| books.next(now)) {
            if !matches!(self.publishers.get(room), Some(Some(_))) {
                self.connect_publisher(room)?;
            }
            let Some(Some(publisher)) = self.publishers.get_mut(room) else {
                continue;
            };
            let answer = publisher.send(&stamp, room);
            self.answered(room, answer);
        }
        Ok(())
    }

    fn handle_publisher(&mut self, room: usize, event: &Event) {
        let Some(Some(publisher)) = self.publishers.get_mut(room) else {
            return;
        };
        let answer = publisher.handle(event);
        self.answered(room, answer);
    }

    fn answered(&mut self, room: usize, answer: Answer) {
        let succeeded = match answer {
            Answer::None => return,
            Answer::Status { status, .. } => (200..300).contains(&status),
            Answer::Closed { unanswered } => {
                // The hub ends a connection that is idle for long; the next alarm makes another.
                if let Some(place) = self.publishers.get_mut(room) {
                    *place = None;
                }
                if !unanswered {
                    return;
                }
                false
            }
        };
        if let Some(books) = self.books.as_mut() {
            books.answered(room, succeeded);
        }
    }
}

/// Tokens from here on are publishers; below are clients.
const PUBLISHERS: usize = 1 << 24;

const EVENTS: usize = 1_024;

/// Epoll is looked at as often as this, whatever happens.
const LONGEST_WAIT: u64 = 100_000_000;

/// Polls are spread over so many moments of their interval.
const PHASES: u64 = 97;

/// The size of the buffer for one read.
const BUFFER_BYTES: usize = 64 * 1024;

/// Clients that open at a time: fewer than the hub's queue of connections to accept.
const AT_ONCE: usize = 64;

const OPENING: Duration = Duration::from_secs(30);

/// The time after which a missing event counts as lost.
const DRAINING: Duration = Duration::from_secs(5);
