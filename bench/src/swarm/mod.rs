//! The clients of a measurement, all in one thread: streams that read, publishers that write, and one epoll between them.

mod crowd;
mod phase;
mod publisher;
mod reading;
mod sources;
mod stream;

use std::net::SocketAddr;
use std::time::Duration;

use mio::{Events, Poll};

use crate::clock::{Clock, nanos};
use crate::error::Result;
use crate::http::Template;
use crate::swarm::crowd::Crowd;

pub(crate) use crowd::Ends;
pub(crate) use phase::{Audience, Pacing, Phase};
pub(crate) use publisher::{Answer, Publisher};
pub(crate) use sources::Sources;

/// The server as the clients see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    /// Where streams are opened.
    pub(crate) subscribe: SocketAddr,
    /// Where alarms are published.
    pub(crate) publish: SocketAddr,
    /// What every stream begins with.
    pub(crate) first_event: &'static [u8],
}

/// All clients.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    crowd: Crowd,
    phases: u32,
}

/// How long a publishing measurement runs, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) audience: Audience,
    pub(crate) publishers: usize,
    pub(crate) pacing: Pacing,
    pub(crate) lasting: Duration,
}

impl Swarm {
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self> {
        let poll = Poll::new()?;
        let crowd = Crowd::new(endpoint, poll.registry().try_clone()?, Clock::start());
        Ok(Self {
            poll,
            events: Events::with_capacity(1_024),
            crowd,
            phases: 0,
        })
    }

    /// Opens a stream for each request, `at_once` of them under way at a time; answers how long it took.
    pub(crate) fn open(&mut self, requests: Vec<Vec<u8>>, at_once: usize) -> Result<Duration> {
        let start = self.crowd.clock().nanos();
        let deadline = start + nanos(OPENING);
        let mut waiting = requests.into_iter();
        let mut under_way = 0;
        loop {
            while under_way < at_once {
                let Some(request) = waiting.next() else { break };
                self.crowd.begin(request)?;
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(Duration::from_nanos(self.crowd.clock().nanos() - start));
            }
            self.turn(Some(Duration::from_millis(100)))?;
            under_way -= self.crowd.take_opened().len();
            self.crowd.complain()?;
            if self.crowd.clock().nanos() > deadline {
                return Err(format!("{under_way} streams did not open").into());
            }
        }
    }

    /// Opens streams, each until its first event, closes them and opens others; answers how many a second.
    pub(crate) fn churn(
        &mut self,
        request: &[u8],
        at_once: usize,
        lasting: Duration,
    ) -> Result<f64> {
        let start = self.crowd.clock().nanos();
        let mut done = 0_u64;
        for _ in 0..at_once {
            self.crowd.begin(request.to_vec())?;
        }
        while self.crowd.clock().nanos() < start + nanos(lasting) {
            self.turn(Some(Duration::from_millis(100)))?;
            for index in self.crowd.take_opened() {
                done += 1;
                self.crowd.begin_anew(index)?;
            }
            self.crowd.complain()?;
        }
        let took = self.crowd.clock().nanos() - start;
        self.close();
        Ok(done as f64 * 1e9 / took as f64)
    }

    /// Closes every stream.
    pub(crate) fn close(&mut self) {
        self.crowd.close();
    }

    /// Connects the publishers anew.
    pub(crate) fn publishers(&mut self, count: usize, template: &Template) -> Result<()> {
        self.crowd.hire(count, template)
    }

    /// Publishes after a plan, and reads until everything has come or nothing more does.
    pub(crate) fn publish(&mut self, plan: &Plan) -> Result<Phase> {
        self.phases += 1;
        let start = self.crowd.clock().nanos();
        let stop = start + nanos(plan.lasting);
        self.crowd
            .enter(Phase::new(self.phases, plan, self.crowd.streams(), start)?);
        loop {
            let now = self.crowd.clock().nanos();
            let wait = if now < stop {
                self.crowd.publish_due()?.min(stop.saturating_sub(now))
            } else if self.crowd.is_settled() || now > stop + nanos(DRAINING) {
                break;
            } else {
                nanos(Duration::from_millis(10))
            };
            self.turn(Some(whole_milliseconds(wait)))?;
        }
        self.crowd
            .leave()
            .ok_or_else(|| "no measurement was running".into())
    }

    /// Reads what comes for a while.
    pub(crate) fn rest(&mut self, lasting: Duration) -> Result<()> {
        let end = self.crowd.clock().nanos() + nanos(lasting);
        loop {
            let left = end.saturating_sub(self.crowd.clock().nanos());
            if left == 0 {
                return Ok(());
            }
            self.turn(Some(Duration::from_nanos(left)))?;
        }
    }

    /// How streams ended that the bench did not close.
    pub(crate) fn ends(&self) -> &Ends {
        self.crowd.ends()
    }

    fn turn(&mut self, wait: Option<Duration>) -> Result<()> {
        match self.poll.poll(&mut self.events, wait) {
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            self.crowd.handle(event);
        }
        Ok(())
    }
}

/// Epoll waits whole milliseconds and mio rounds up: what is due sooner is waited for awake, on a core nobody else uses.
pub(crate) fn whole_milliseconds(nanos: u64) -> Duration {
    Duration::from_millis(nanos / 1_000_000)
}

/// The slowest peer opens 10,000 streams in ten seconds.
const OPENING: Duration = Duration::from_secs(60);

/// What has not come by then is lost.
const DRAINING: Duration = Duration::from_secs(5);
