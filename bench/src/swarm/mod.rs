//! The clients of a measurement, all in one thread: streams that read, publishers that write, and one epoll between them.

mod chunks;
mod comings;
mod crowd;
mod endpoint;
mod phase;
mod plan;
mod publisher;
mod reading;
mod sources;
mod stream;
mod together;

use std::time::Duration;

use mio::{Events, Poll};

use crate::clock::{Clock, Stopwatch, nanos};
use crate::error::Result;
use crate::http::Template;
use crate::stamp::Stamp;
use crate::swarm::crowd::Crowd;

pub(crate) use comings::Comings;
pub(crate) use crowd::Ends;
pub(crate) use endpoint::Endpoint;
pub(crate) use phase::Phase;
pub(crate) use plan::{Audience, Pacing, Plan, Waiting};
pub(crate) use publisher::{Answer, Publisher};
pub(crate) use sources::Sources;
pub(crate) use together::publish_in_turn;

/// All clients.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    crowd: Crowd,
    phases: u32,
    // Time spent with events, waiting left out.
    busy: Duration,
    // True while others may run on the bench's core.
    is_interrupted: bool,
    owed: Option<Phase>,
}

impl Swarm {
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self> {
        Self::over(vec![endpoint])
    }

    /// Clients whose users begin at a number: what they publish goes to a user, or to a room, that many places further.
    pub(crate) fn beginning_at(endpoint: Endpoint, first: usize) -> Result<Self> {
        let mut swarm = Self::new(endpoint)?;
        swarm.crowd.begin_at(first);
        Ok(swarm)
    }

    /// The clients of several servers, which take turns: stream number i is at server number i, modulo their number, and so are publishers.
    pub(crate) fn over(endpoints: Vec<Endpoint>) -> Result<Self> {
        let poll = Poll::new()?;
        let crowd = Crowd::new(endpoints, poll.registry().try_clone()?, Clock::start());
        Ok(Self {
            poll,
            events: Events::with_capacity(4_096),
            crowd,
            phases: 0,
            busy: Duration::ZERO,
            is_interrupted: false,
            owed: None,
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

    /// Streams and publishers go to another server from now on.
    pub(crate) fn move_to(&mut self, endpoint: Endpoint) {
        self.crowd.move_to(endpoint);
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
        let mut nobody = Comings::new(Vec::new(), self.crowd.streams(), 0, 0.0);
        self.publish_beside(plan, &mut nobody)
    }

    /// The same to those streams that stay, while others come and go.
    pub(crate) fn publish_beside(&mut self, plan: &Plan, comings: &mut Comings) -> Result<Phase> {
        let (stay, come) = (comings.stay(), comings.come());
        let start = self.begin(plan, stay)?;
        let stop = start + nanos(plan.lasting);
        let gathering = gathering(plan, stay);
        loop {
            let now = self.crowd.clock().nanos();
            if now < stop {
                comings.turn(&mut self.crowd, start, come)?;
                self.publish_due()?;
            } else if self.crowd.is_settled() || now > stop + nanos(DRAINING) {
                break;
            }
            match plan.waiting {
                Waiting::Awake | Waiting::Behind => self.turn_awake(now + gathering)?,
                Waiting::Asleep => self.turn(Some(NAP))?,
            }
        }
        self.end()
    }

    /// Begins a measurement; answers the time.
    fn begin(&mut self, plan: &Plan, readers: usize) -> Result<u64> {
        self.phases += 1;
        self.is_interrupted = plan.waiting == Waiting::Behind;
        let start = self.crowd.clock().nanos();
        self.crowd
            .enter(Phase::new(self.phases, plan, readers, start)?);
        Ok(start)
    }

    fn end(&mut self) -> Result<Phase> {
        self.crowd
            .leave()
            .ok_or_else(|| "no measurement was running".into())
    }

    fn publish_due(&mut self) -> Result<()> {
        let watch = Stopwatch::start(self.is_interrupted);
        if self.crowd.publish_due()? {
            self.busy += watch.elapsed();
        }
        Ok(())
    }

    /// The books of alarms that are sent while nobody is there, and their stamps.
    pub(crate) fn owe(&mut self, plan: &Plan, readers: usize, alarms: usize) -> Result<Vec<Stamp>> {
        self.phases += 1;
        let now = self.crowd.clock().nanos();
        let mut phase = Phase::new(self.phases, plan, readers, now)?;
        let stamps = (0..alarms).filter_map(|_| phase.owe(now)).collect();
        self.owed = Some(phase);
        Ok(stamps)
    }

    /// A stamp no measurement counts.
    pub(crate) fn stamp_of_none(&self) -> Stamp {
        Stamp {
            phase: 0,
            lane: 0,
            lane_sequence: 1,
            sequence: 1,
            sent: 0,
        }
    }

    /// Opens all streams at once, and reads until each has got what it was owed.
    pub(crate) fn come_back(&mut self, requests: Vec<Vec<u8>>) -> Result<Phase> {
        let Some(mut phase) = self.owed.take() else {
            return Err("nobody is owed anything".into());
        };
        let start = self.crowd.clock().nanos();
        phase.count_from(start);
        self.crowd.enter(phase);
        for part in requests.chunks(AT_A_TIME) {
            for request in part {
                self.crowd.begin(request.clone())?;
            }
            self.turn_awake(0)?;
        }
        while !self.crowd.is_settled() && self.crowd.clock().nanos() < start + nanos(COMING_BACK) {
            self.turn_awake(0)?;
            self.crowd.complain()?;
        }
        // A repeated event arrives soon after the first one.
        self.rest(Duration::from_millis(500))?;
        self.end()
    }

    /// The time spent with events since somebody asked.
    pub(crate) fn take_busy(&mut self) -> Duration {
        std::mem::take(&mut self.busy)
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

    /// The ends of streams that the bench did not close itself.
    pub(crate) fn ends(&self) -> &Ends {
        self.crowd.ends()
    }

    /// Never sleeps: being woken would cost the server, and more than the reading. Looks again no earlier than `not_before`, and
    /// counts the time in which there was something to do.
    fn turn_awake(&mut self, not_before: u64) -> Result<()> {
        let watch = Stopwatch::start(self.is_interrupted);
        self.turn(Some(Duration::ZERO))?;
        if !self.events.is_empty() {
            self.busy += watch.elapsed();
        }
        while self.crowd.clock().nanos() < not_before {
            std::hint::spin_loop();
        }
        Ok(())
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

/// The time between two looks at what came, in nanoseconds. Nobody notices so little where one alarm takes milliseconds to reach its
/// last reader; a turn then finds many events.
fn gathering(plan: &Plan, readers: usize) -> u64 {
    match plan.audience {
        Audience::Everyone => GATHERING.min(nanos(GATHERING_PER_READER) * readers as u64),
        Audience::OneUser => 0,
    }
}

/// Epoll waits whole milliseconds and mio rounds up: what is due sooner is waited for awake, on a core nobody else uses.
pub(crate) fn whole_milliseconds(nanos: u64) -> Duration {
    Duration::from_millis(nanos / 1_000_000)
}
/// The longest sleep of the bench between two checks of whether a measurement is over.
const NAP: Duration = Duration::from_millis(1);

/// The most events are let gather for one turn, in nanoseconds.
const GATHERING: u64 = 200_000;

/// The same where there are few readers.
const GATHERING_PER_READER: Duration = Duration::from_nanos(200);

/// Connections begun between two looks at what came.
const AT_A_TIME: usize = 64;

/// The time after which the missing events of a reader that has not come back count as lost.
const COMING_BACK: Duration = Duration::from_secs(30);

/// The slowest peer opens 10,000 streams in ten seconds.
const OPENING: Duration = Duration::from_secs(60);

/// The time after which a missing event counts as lost.
const DRAINING: Duration = Duration::from_secs(5);
