//! The state machine of a stream by property: whatever publishing, connecting, reading, going live, overflowing, cutting
//! and restarting come in whatever order, a client sees exactly the log. No actor, no clock, no database.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::noop_waker;
use proptest::prelude::*;

use crate::alarm::{
    Alarm, AlarmId, AlarmType, Payload, Role, RoomId, SignerId, Timestamp, Topic, TopicFilter,
    UserId,
};
use crate::hub::channel::{Channel, Received};
use crate::hub::properties::events::{Event, events};
use crate::hub::registry::Registry;
use crate::hub::{Bye, ClientId, EventName, Frame, Handover, Limits, NewClient, Next, Start};
use crate::metrics::Metrics;

mod events;
mod scenarios;

const TOPICS: [&str; 3] = ["user:bob", "everyone", "room:42"];
const CLIENTS: usize = 4;

struct World {
    log: Vec<Arc<Frame>>,
    delivered: usize,
    registry: Registry,
    now: Instant,
    page: usize,
    clients: Vec<Client>,
    spills: usize,
}

struct Client {
    filter: Arc<TopicFilter>,
    /// The position of its first stream.
    from: Option<AlarmId>,
    /// The last id it saw, or where it began.
    cursor: AlarmId,
    connection: Option<Connection>,
}

struct Connection {
    client_id: ClientId,
    channel: Channel,
    handover: Handover,
}

impl World {
    fn new(page: usize) -> Self {
        Self {
            log: Vec::new(),
            delivered: 0,
            registry: registry(AlarmId(0)),
            now: Instant::now(),
            page,
            clients: filters().into_iter().map(Client::new).collect(),
            spills: 0,
        }
    }

    fn carry_out(&mut self, event: &Event) {
        match *event {
            Event::Commit { topic, count } => self.commit(topic, count),
            Event::Deliver { count } => self.deliver(count),
            Event::Connect(client) => self.connect(client),
            Event::Step { client, count } => (0..count).for_each(|_| _ = self.step(client)),
            Event::Cut { client, heard } => self.cut(client, heard),
            Event::Kick(client) => {
                if let Some(connection) = &self.clients[client].connection {
                    self.registry.close(connection.client_id, Bye::Kicked);
                }
            }
            Event::Tell => self
                .registry
                .notify(&bob(), &Frame::state(&"seen", None), self.now),
            Event::Sweep { seconds } => {
                self.now += Duration::from_secs(seconds);
                self.registry.sweep(self.now, Timestamp::now());
            }
            Event::Restart => self.restart(),
        }
    }

    fn commit(&mut self, topic: usize, count: usize) {
        for _ in 0..count {
            let id = i64::try_from(self.log.len()).unwrap() + 1;
            self.log
                .push(Frame::alarm(Arc::new(alarm(id, TOPICS[topic]))));
        }
    }

    /// Commits alarms of 15 KiB each.
    fn commit_large(&mut self, topic: usize, count: usize) {
        for _ in 0..count {
            let id = i64::try_from(self.log.len()).unwrap() + 1;
            let large = Alarm {
                data: Payload::of(&"x".repeat(15 * 1024)).unwrap(),
                ..alarm(id, TOPICS[topic])
            };
            self.log.push(Frame::alarm(Arc::new(large)));
        }
    }

    fn deliver(&mut self, count: usize) {
        let end = self.log.len().min(self.delivered + count);
        for frame in &self.log[self.delivered..end] {
            self.registry.deliver(frame, self.now);
        }
        self.delivered = end;
    }

    fn connect(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if client.connection.is_some() {
            return;
        }
        let start = if client.from.is_some() {
            Start::After(client.cursor)
        } else {
            Start::Live
        };
        let new = new_client(&client.filter, start);
        let opened = self.registry.subscribe(new, self.now).unwrap();
        let position = self.registry.position();
        let handover = match &opened.missed {
            Some(_) => Handover::live(position),
            None => Handover::replay(client.cursor),
        };
        for frame in opened.missed.iter().flatten() {
            client.see(frame, &self.log);
        }
        if client.from.is_none() {
            client.from = Some(position);
            client.cursor = position;
        }
        client.connection = Some(Connection {
            client_id: opened.client_id,
            channel: opened.channel,
            handover,
        });
    }

    /// Does the next thing that one client needs; true if there was anything to do.
    fn step(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        let Some(connection) = &mut client.connection else {
            return false;
        };
        let next = connection.handover.next();
        if next != Next::Live && connection.channel.closed().is_some() {
            client.connection = None;
            return true;
        }
        match next {
            Next::AskHead => connection.handover.head_is(id_at(self.log.len())),
            Next::Attach => {
                let (id, after) = (connection.client_id, connection.handover.after());
                let attached = self.registry.go_live(id, after, self.now);
                let missed = connection.handover.attached(attached);
                missed.iter().for_each(|frame| client.see(frame, &self.log));
            }
            Next::Read { after, up_to } => {
                let (found, read_up_to) = page(&self.log, &client.filter, after..up_to, self.page);
                connection.handover.read_up_to(read_up_to);
                found.iter().for_each(|frame| client.see(frame, &self.log));
            }
            Next::Live => {
                let waker = noop_waker();
                match connection
                    .channel
                    .poll_frame(&mut Context::from_waker(&waker))
                {
                    Poll::Pending => return false,
                    Poll::Ready(Received::Closed) => client.connection = None,
                    Poll::Ready(Received::Frame(frame)) => {
                        connection.channel.passed();
                        if connection.handover.passes(&frame) {
                            client.see(&frame, &self.log);
                        }
                    }
                    Poll::Ready(Received::Spilled(after)) => {
                        self.spills += 1;
                        // The log may have been read beyond what was delivered.
                        let after = after.max(connection.handover.after());
                        let id = connection.client_id;
                        let Some(rejoined) = self.registry.rejoin(id, after, self.now) else {
                            return true;
                        };
                        let (missed, handover) = match rejoined.missed {
                            Some((missed, position)) => (missed, Handover::live(position)),
                            None => (Vec::new(), Handover::replay(after)),
                        };
                        connection.handover = handover;
                        missed.iter().for_each(|frame| client.see(frame, &self.log));
                    }
                }
            }
        }
        true
    }

    fn cut(&mut self, number: usize, heard: bool) {
        if let Some(connection) = self.clients[number].connection.take()
            && heard
        {
            self.registry.disconnect(connection.client_id, self.now);
        }
    }

    /// The alarms that were committed and not delivered are known to the next Broadcaster from the start.
    fn restart(&mut self) {
        self.delivered = self.log.len();
        self.registry = registry(id_at(self.log.len()));
        for client in &mut self.clients {
            client.connection = None;
        }
    }

    fn client_id(&self, number: usize) -> ClientId {
        self.clients[number].connection.as_ref().unwrap().client_id
    }

    fn closed(&self, number: usize) -> Option<Bye> {
        let connection = self.clients[number].connection.as_ref().unwrap();
        connection.channel.closed()
    }

    /// Everybody comes back and reads on until nothing is left.
    fn settle(&mut self) {
        self.deliver(usize::MAX - self.delivered);
        for number in 0..CLIENTS {
            self.connect(number);
            while self.step(number) {
                self.connect(number);
            }
        }
    }
}

impl Client {
    fn new(filter: TopicFilter) -> Self {
        Self {
            filter: Arc::new(filter),
            from: None,
            cursor: AlarmId(0),
            connection: None,
        }
    }

    fn see(&mut self, frame: &Arc<Frame>, log: &[Arc<Frame>]) {
        if matches!(frame.event(), EventName::Ping | EventName::Comment) {
            let due = self.due(log);
            assert!(
                due.is_none_or(|due| frame.id() < Some(due)),
                "a heartbeat is a cursor: {:?} skips {due:?}",
                frame.id()
            );
        }
        let Some(id) = frame.as_alarm().map(|alarm| alarm.id) else {
            return;
        };
        assert_eq!(Some(id), self.due(log), "out of turn");
        self.cursor = id;
    }

    /// The reference: what a client is to see next is the next entry of the log, after what it has, that concerns it.
    fn due(&self, log: &[Arc<Frame>]) -> Option<AlarmId> {
        let later = &log[usize::try_from(self.cursor.0).unwrap()..];
        let next = later.iter().find(|frame| concerns(&self.filter, frame));
        next.and_then(|frame| frame.id())
    }
}

/// A page as the store reads it: the next alarms that a filter lets through, and the id it has looked up to.
fn page(
    log: &[Arc<Frame>],
    filter: &TopicFilter,
    range: Range<AlarmId>,
    most: usize,
) -> (Vec<Arc<Frame>>, AlarmId) {
    let (after, up_to) = (range.start.0, range.end.0);
    let rows = &log[usize::try_from(after).unwrap()..usize::try_from(up_to).unwrap()];
    let mine = rows.iter().filter(|frame| concerns(filter, frame));
    let found: Vec<Arc<Frame>> = mine.take(most).cloned().collect();
    let last = found.last().and_then(|frame| frame.id());
    let read_up_to = last.filter(|_| found.len() == most).unwrap_or(range.end);
    (found, read_up_to)
}

fn concerns(filter: &TopicFilter, frame: &Frame) -> bool {
    filter.lets_through(&frame.as_alarm().unwrap().topic)
}

fn filters() -> [TopicFilter; CLIENTS] {
    let of = |topics: &[&str]| TopicFilter {
        topics: topics
            .iter()
            .map(|topic| Topic::parse(topic).unwrap())
            .collect(),
        ..TopicFilter::default()
    };
    [
        of(&["user:bob", "everyone"]),
        of(&["room:42"]),
        TopicFilter {
            all_rooms: true,
            ..of(&["everyone", "room:42"])
        },
        TopicFilter {
            everything: true,
            ..of(&["user:bob"])
        },
    ]
}

fn registry(position: AlarmId) -> Registry {
    let limits = Limits {
        streams_per_user: 1_000,
        heartbeat: Duration::from_secs(15),
    };
    Registry::new(limits, position, Metrics::default())
}

fn new_client(filter: &Arc<TopicFilter>, start: Start) -> NewClient {
    NewClient {
        user_id: bob(),
        holder: None,
        role: Role::User,
        token_id: "".into(),
        signer: SignerId::SHARED_SECRET,
        api_key: None,
        issued_at: None,
        kicks: 0,
        expires_at: Timestamp::now().plus(Duration::from_secs(3_600)),
        filter: Arc::clone(filter),
        rooms: named_rooms(filter),
        start,
        heartbeats: true,
        remote_address: IpAddr::from([127, 0, 0, 1]),
        user_agent: String::new(),
    }
}

fn named_rooms(filter: &TopicFilter) -> Vec<RoomId> {
    let names = filter.topics.iter().map(Topic::as_str);
    names
        .filter_map(|topic| topic.strip_prefix("room:"))
        .map(|id| RoomId::parse(id).unwrap())
        .collect()
}

pub(super) fn alarm(id: i64, topic: &str) -> Alarm {
    Alarm {
        id: AlarmId(id),
        topic: Topic::parse(topic).unwrap(),
        alarm_type: AlarmType::parse("TEST").unwrap(),
        from_user_id: None,
        target_id: None,
        data: Payload::null(),
        url: None,
        created_at: Timestamp::from_millis(0),
        expires_at: None,
        seen_at: None,
        read_at: None,
    }
}

fn bob() -> UserId {
    UserId::parse("bob").unwrap()
}

fn id_at(length: usize) -> AlarmId {
    AlarmId(i64::try_from(length).unwrap())
}

proptest! {
    #[test]
    fn every_client_sees_exactly_the_log_whatever_happens(events in events(), page in 1..600_usize) {
        let mut world = World::new(page);

        for event in &events {
            world.carry_out(event);
        }
        world.settle();

        for client in &world.clients {
            prop_assert_eq!(client.due(&world.log), None, "nothing is left to see");
        }
    }
}
