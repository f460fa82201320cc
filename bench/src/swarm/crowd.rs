//! Everybody in the swarm, and what happens to them when the kernel says so.

use mio::event::Event;
use mio::{Interest, Registry, Token};

use crate::clock::Clock;
use crate::error::Result;
use crate::http::Template;
use crate::stamp::Stamp;
use crate::swarm::endpoint::Endpoint;
use crate::swarm::phase::Phase;
use crate::swarm::publisher::{Answer, Publisher};
use crate::swarm::reading::Reading;
use crate::swarm::sources::Sources;
use crate::swarm::stream::{Found, Listener, Stream};

/// Streams and publishers.
pub(crate) struct Crowd {
    endpoints: Vec<Endpoint>,
    registry: Registry,
    clock: Clock,
    sources: Sources,
    reading: Reading,
    streams: Vec<Stream>,
    publishers: Vec<Publisher>,
    // The number of the first user, or of the room.
    first: usize,
    phase: Option<Phase>,
    opened: Vec<usize>,
    ends: Ends,
    refusal: Option<String>,
}

/// Streams that ended without the bench's doing.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ends {
    /// Told that they were too slow.
    pub(crate) slow: u64,
    /// Closed, told or not.
    pub(crate) cut_off: u64,
    /// Bytes all streams read so far.
    pub(crate) bytes: u64,
}

/// Hears one stream for the crowd.
struct Ears<'a> {
    phase: Option<&'a mut Phase>,
    stream: usize,
    now: u64,
    opened: bool,
    ended: bool,
    slow: bool,
    refusal: Option<String>,
}

impl Listener for Ears<'_> {
    fn stamped(&mut self, stamp: Stamp) {
        if let Some(phase) = self.phase.as_deref_mut() {
            phase.deliver(self.stream, &stamp, self.now);
        }
    }

    fn found(&mut self, found: Found) {
        match found {
            Found::Opened => self.opened = true,
            Found::Slow => self.slow = true,
            Found::Ended => self.ended = true,
            Found::Refused(answer) => {
                self.ended = true;
                self.refusal = Some(answer);
            }
        }
    }
}

impl Crowd {
    pub(crate) fn new(endpoints: Vec<Endpoint>, registry: Registry, clock: Clock) -> Self {
        let first = endpoints.first();
        let (begin, end) = first.map_or((&b""[..], &b""[..]), |one| {
            (one.first_event, one.first_event_end)
        });
        Self {
            endpoints,
            registry,
            clock,
            sources: Sources::new(),
            reading: Reading::new(begin, end),
            streams: Vec::new(),
            publishers: Vec::new(),
            first: 0,
            phase: None,
            opened: Vec::new(),
            ends: Ends::default(),
            refusal: None,
        }
    }

    pub(crate) fn begin_at(&mut self, first: usize) {
        self.first = first;
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The streams whose first event came since somebody asked.
    pub(crate) fn take_opened(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.opened)
    }

    /// A stream the server refused is an error of the bench's set-up, or a limit worth knowing.
    pub(crate) fn complain(&mut self) -> Result<()> {
        match self.refusal.take() {
            Some(answer) => Err(format!("a stream was refused: {answer}").into()),
            None => Ok(()),
        }
    }

    /// Begins one more stream.
    pub(crate) fn begin(&mut self, request: Vec<u8>) -> Result<()> {
        let stream = self.connect(self.streams.len(), request)?;
        self.streams.push(stream);
        Ok(())
    }

    /// Closes a stream and begins it again.
    pub(crate) fn begin_anew(&mut self, index: usize) -> Result<()> {
        let Some(stream) = self.streams.get_mut(index) else {
            return Ok(());
        };
        let request = stream.close();
        self.replace(index, request)
    }

    /// Closes a stream and begins another one in its place.
    pub(crate) fn replace(&mut self, index: usize, request: Vec<u8>) -> Result<()> {
        if let Some(stream) = self.streams.get_mut(index) {
            stream.close();
        }
        let stream = self.connect(index, request)?;
        if let Some(place) = self.streams.get_mut(index) {
            *place = stream;
        }
        Ok(())
    }

    fn connect(&mut self, index: usize, request: Vec<u8>) -> Result<Stream> {
        let address = self.endpoint(index)?.subscribe;
        let mut stream = Stream::new(self.sources.connect(address)?, request);
        // On the loopback network the connection is nearly always made by now, and the request need not wait a turn.
        stream.send()?;
        if let Some(socket) = stream.socket() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.registry.register(socket, Token(index), interest)?;
        }
        Ok(stream)
    }

    /// The server of a stream or a publisher: they take turns.
    fn endpoint(&self, index: usize) -> Result<Endpoint> {
        let place = index % self.endpoints.len().max(1);
        let endpoint = self.endpoints.get(place).copied();
        endpoint.ok_or_else(|| "there is no server".into())
    }

    pub(crate) fn move_to(&mut self, endpoint: Endpoint) {
        self.publishers.clear();
        self.endpoints = vec![endpoint];
    }

    pub(crate) fn close(&mut self) {
        self.streams.clear();
        self.opened.clear();
    }

    /// Connects so many publishers in place of those there were.
    pub(crate) fn hire(&mut self, count: usize, template: &Template) -> Result<()> {
        self.publishers = (0..count)
            .map(|_| Publisher::new(template.clone()))
            .collect();
        (0..count).try_for_each(|index| self.connect_publisher(index))
    }

    fn connect_publisher(&mut self, index: usize) -> Result<()> {
        let address = self.endpoint(index)?.publish;
        let connection = self.sources.connect(address)?;
        if let Some(publisher) = self.publishers.get_mut(index) {
            let socket = publisher.connect(connection);
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.registry
                .register(socket, Token(PUBLISHERS + index), interest)?;
        }
        Ok(())
    }

    pub(crate) fn enter(&mut self, mut phase: Phase) {
        for (index, stream) in self.streams.iter().enumerate() {
            if !stream.is_open() {
                phase.lose(index);
            }
        }
        self.phase = Some(phase);
    }

    pub(crate) fn leave(&mut self) -> Option<Phase> {
        self.phase.take()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.phase.as_ref().is_none_or(Phase::is_settled)
    }

    /// Sends what may be sent now; answers whether there was something.
    pub(crate) fn publish_due(&mut self) -> Result<bool> {
        let Some(phase) = self.phase.as_mut() else {
            return Ok(false);
        };
        let now = self.clock.nanos();
        let mut sent = false;
        let mut closed = Vec::new();
        while let Some((lane, stamp, user)) = phase.next(now) {
            sent = true;
            let Some(publisher) = self.publishers.get_mut(lane) else {
                return Err("a publisher was not connected".into());
            };
            if publisher.send(&stamp, self.first + user) != Answer::None {
                closed.push(lane);
            }
        }
        for lane in closed {
            self.answered(lane, Answer::Closed { unanswered: true });
        }
        Ok(sent)
    }

    /// Something happened on a connection.
    pub(crate) fn handle(&mut self, event: &Event) {
        let Token(token) = event.token();
        if let Some(index) = token.checked_sub(PUBLISHERS) {
            self.handle_publisher(index, event);
        } else {
            self.handle_stream(token, event);
        }
    }

    fn handle_publisher(&mut self, index: usize, event: &Event) {
        let Some(publisher) = self.publishers.get_mut(index) else {
            return;
        };
        let answer = publisher.handle(event);
        self.answered(index, answer);
    }

    fn answered(&mut self, index: usize, answer: Answer) {
        let now = self.clock.nanos();
        let phase = self.phase.as_mut();
        match answer {
            Answer::None => return,
            Answer::Status { status, last } => {
                if let Some(phase) = phase {
                    phase.answer(index, (200..300).contains(&status), now);
                }
                if !last {
                    return;
                }
            }
            Answer::Closed { unanswered } => {
                if let Some(phase) = phase.filter(|_| unanswered) {
                    phase.answer(index, false, now);
                }
            }
        }
        if let Err(cause) = self.connect_publisher(index) {
            self.refusal = Some(format!("a publisher cannot connect: {cause}"));
        }
    }

    fn handle_stream(&mut self, index: usize, event: &Event) {
        let now = self.clock.nanos();
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        let mut ears = Ears {
            phase: self.phase.as_mut(),
            stream: index,
            now,
            opened: false,
            ended: false,
            slow: false,
            refusal: None,
        };
        if event.is_writable()
            && let Err(cause) = stream.send()
        {
            ears.found(Found::Refused(cause.to_string()));
        }
        if !ears.ended {
            self.ends.bytes += stream.read(&mut self.reading, &mut ears) as u64;
        }
        let Ears {
            opened,
            ended,
            slow,
            refusal,
            ..
        } = ears;
        self.ends.slow += u64::from(slow);
        self.refusal = self.refusal.take().or(refusal);
        if opened {
            self.opened.push(index);
        }
        if ended {
            stream.close();
            self.ends.cut_off += 1;
            if let Some(phase) = self.phase.as_mut() {
                phase.lose(index);
            }
        }
    }
}

/// Tokens from here on are publishers; below are streams.
const PUBLISHERS: usize = 1 << 24;
