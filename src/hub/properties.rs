//! The state machine of a stream by property: whatever publishing, connecting, reading, going live, overflowing, cutting
//! and restarting come in whatever order, a client sees exactly the log. No actor, no clock, no database.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::noop_waker;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::alarm::{
    Alarm, AlarmId, AlarmType, Payload, Role, RoomId, Timestamp, Topic, TopicFilter, UserId,
};
use crate::hub::channel::{Channel, Received};
use crate::hub::registry::Registry;
use crate::hub::{Bye, ClientId, Frame, Handover, Limits, NewClient, Next, Start};
use crate::metrics::Metrics;

const TOPICS: [&str; 3] = ["user:bob", "everyone", "room:42"];
const CLIENTS: usize = 4;

/// One thing that happens, to somebody.
#[derive(Debug, Clone)]
enum Event {
    /// The store commits alarms of a topic; nobody has heard of them yet.
    Commit { topic: usize, count: usize },
    /// The Broadcaster offers some of what was committed.
    Offer { count: usize },
    /// A client comes, or comes back with its cursor.
    Connect(usize),
    /// A client does the next thing it needs: asks, attaches, reads a page, or takes a live frame.
    Step { client: usize, count: usize },
    /// A client goes; the Broadcaster hears of it at once or finds out by itself.
    Cut { client: usize, heard: bool },
    /// The Broadcaster ends a stream.
    Kick(usize),
    /// All streams are told something that is not in the log.
    Tell,
    /// Time passes, and the Broadcaster looks for silence and stalls.
    Sweep { seconds: u64 },
    /// The process dies and starts again.
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let client = 0..CLIENTS;
    // Enough at once to fill a queue, at times.
    let count = prop_oneof![8 => 1..4_usize, 2 => 4..300_usize, 1 => 300..700_usize];
    let step =
        (client.clone(), count.clone()).prop_map(|(client, count)| Event::Step { client, count });
    let commit =
        (0..TOPICS.len(), count.clone()).prop_map(|(topic, count)| Event::Commit { topic, count });
    let cut =
        (client.clone(), any::<bool>()).prop_map(|(client, heard)| Event::Cut { client, heard });
    let event = prop_oneof![
        6 => commit,
        6 => count.prop_map(|count| Event::Offer { count }),
        6 => client.clone().prop_map(Event::Connect),
        20 => step,
        2 => cut,
        1 => client.prop_map(Event::Kick),
        1 => Just(Event::Tell),
        1 => (1..40_u64).prop_map(|seconds| Event::Sweep { seconds }),
        1 => Just(Event::Restart),
    ];
    vec(event, 1..120)
}

struct World {
    log: Vec<Arc<Frame>>,
    offered: usize,
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
            offered: 0,
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
            Event::Offer { count } => self.offer(count),
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
                .notify(&bob(), &Frame::state(&"seen"), self.now),
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

    fn offer(&mut self, count: usize) {
        let end = self.log.len().min(self.offered + count);
        for frame in &self.log[self.offered..end] {
            self.registry.offer(frame, self.now);
        }
        self.offered = end;
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
                let position = self.registry.go_live(connection.client_id, self.now);
                connection.handover.attached_at(position);
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
                        // The log may have been read beyond what was offered.
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

    /// The alarms that were committed and not offered are known to the next Broadcaster from the start.
    fn restart(&mut self) {
        self.offered = self.log.len();
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
        self.offer(usize::MAX - self.offered);
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
        role: Role::User,
        token_id: String::new(),
        issued_at: None,
        kicks: 0,
        expires_at: Timestamp::now().plus(Duration::from_secs(3_600)),
        filter: Arc::clone(filter),
        rooms: named_rooms(filter),
        start,
        heartbeats: true,
        remote_address: String::new(),
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

#[test]
fn a_client_that_overflows_goes_back_to_the_log_and_is_not_closed() {
    for burst in [513, 700, 5_000] {
        let mut world = World::new(500);
        world.connect(0);
        let stream = world.client_id(0);
        world.commit(1, burst);
        world.offer(burst);

        while world.step(0) {}

        assert_eq!(world.closed(0), None);
        assert_eq!(world.client_id(0), stream, "the same stream all along");
        assert_eq!(world.clients[0].cursor, id_at(burst));
        assert_eq!(world.spills, 1);
        world.commit(1, 1);
        world.offer(1);
        while world.step(0) {}
        assert_eq!(world.clients[0].cursor, id_at(burst + 1), "live again");
    }
}

#[test]
fn a_client_that_takes_a_little_at_a_time_is_never_cut_off() {
    let mut world = World::new(500);
    world.connect(0);
    world.commit(1, 3_000);
    world.offer(3_000);

    for _ in 0..100 {
        world.carry_out(&Event::Step {
            client: 0,
            count: 1,
        });
        world.carry_out(&Event::Sweep { seconds: 14 });
        assert_eq!(world.closed(0), None);
    }
}

#[test]
fn a_state_event_that_does_not_fit_comes_when_there_is_room() {
    let mut world = World::new(500);
    world.connect(0);
    world.commit(1, 600);
    world.offer(600);
    for change in ["first", "last"] {
        let state = Frame::state(&change);
        world.registry.notify(&bob(), &state, world.now);
    }

    while world.step(0) {}
    world.carry_out(&Event::Sweep { seconds: 1 });

    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    let connection = world.clients[0].connection.as_mut().unwrap();
    match connection.channel.poll_frame(&mut context) {
        Poll::Ready(Received::Frame(frame)) => assert_eq!(&**frame.data(), "\"last\""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_that_takes_nothing_is_ended_after_thirty_seconds() {
    let mut world = World::new(500);
    world.connect(0);
    world.commit(1, 1);
    world.offer(1);

    // The first look notes that something waits.
    for seconds in [0, 29] {
        world.carry_out(&Event::Sweep { seconds });
    }
    let before = world.closed(0);
    world.carry_out(&Event::Sweep { seconds: 2 });
    let after = world.closed(0);

    assert_eq!((before, after), (None, Some(Bye::Slow)));
}

/// Each leaving is told to the others: none of that may cut off the next, one call deep in the other.
#[test]
fn a_crowd_that_does_not_read_is_cut_off_together() {
    let (mut registry, now) = (registry(AlarmId(0)), Instant::now());
    let lobby = Arc::new(TopicFilter {
        topics: vec![Topic::parse("room:42").unwrap()],
        ..TopicFilter::default()
    });
    let crowd: Vec<_> = (0..5_000)
        .map(|number| NewClient {
            user_id: UserId::parse(format!("u{number}")).unwrap(),
            ..new_client(&lobby, Start::Live)
        })
        .map(|client| registry.subscribe(client, now).unwrap().channel)
        .collect();

    for id in 1..=1_000 {
        registry.offer(&Frame::alarm(Arc::new(alarm(id, "room:42"))), now);
    }
    assert!(crowd.iter().all(|channel| channel.closed().is_none()));
    for seconds in [0, 31] {
        let later = now + Duration::from_secs(seconds);
        registry.sweep(later, Timestamp::now());
    }

    assert!(
        crowd
            .iter()
            .all(|channel| channel.closed() == Some(Bye::Slow))
    );
    assert!(registry.online().is_empty());
}

#[test]
fn a_stream_counts_until_its_connection_is_gone() {
    let limits = Limits {
        streams_per_user: 1,
        heartbeat: Duration::from_secs(15),
    };
    let mut registry = Registry::new(limits, AlarmId(0), Metrics::default());
    let (filter, now) = (Arc::new(TopicFilter::default()), Instant::now());
    let stuck = registry
        .subscribe(new_client(&filter, Start::Live), now)
        .unwrap();

    registry.close(stuck.client_id, Bye::Slow);
    let before = registry
        .subscribe(new_client(&filter, Start::Live), now)
        .is_ok();
    registry.disconnect(stuck.client_id, now);
    let after = registry
        .subscribe(new_client(&filter, Start::Live), now)
        .is_ok();

    assert_eq!((before, after), (false, true));
}

#[test]
fn streams_that_a_stop_closes_are_counted_by_their_reason() {
    let limits = Limits {
        streams_per_user: 3,
        heartbeat: Duration::from_secs(15),
    };
    let metrics = Metrics::default();
    let mut registry = Registry::new(limits, AlarmId(0), metrics.clone());
    let (filter, now) = (Arc::new(TopicFilter::default()), Instant::now());
    let streams: Vec<_> = (0..3)
        .map(|_| registry.subscribe(new_client(&filter, Start::Live), now))
        .collect();

    assert_eq!(registry.close_everyone(Bye::Shutdown), streams.len());

    let text = metrics.text().unwrap();
    let counted = "campanile_streams_closed_total{reason=\"shutdown\"} 3";
    assert!(text.contains(counted), "{text}");
}
