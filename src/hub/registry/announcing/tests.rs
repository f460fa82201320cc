//! Tests of how the members of a room are told, without an actor.

use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::noop_waker;

use super::*;
use crate::alarm::{AlarmId, Role, RoomId, SignerId, Timestamp, TopicFilter, UserId};
use crate::hub::channel::{Channel, Received};
use crate::hub::{Limits, NewClient, Start};
use crate::metrics::Metrics;

const MEMBERS: usize = 3 * TOLD_AT_ONCE;

fn registry() -> Registry {
    let limits = Limits {
        streams_per_user: 9,
        heartbeat: Duration::from_secs(15),
    };
    Registry::new(limits, AlarmId(0), Metrics::default())
}

/// Lets a user in who watches a room, and gives their end of the channel.
fn watch(registry: &mut Registry, user: &str, room: &str, now: Instant) -> Channel {
    let room = RoomId::parse(room).unwrap();
    let filter = TopicFilter {
        topics: [Topic::room(&room)].into_iter().collect(),
        ..TopicFilter::default()
    };
    let new = NewClient {
        user_id: UserId::parse(user).unwrap(),
        holder: None,
        role: Role::User,
        token_id: user.into(),
        signer: SignerId::SHARED_SECRET,
        api_key: None,
        issued_at: None,
        kicks: 0,
        expires_at: Timestamp::now().plus(Duration::from_secs(3_600)),
        filter: Arc::new(filter),
        rooms: vec![room],
        start: Start::Live,
        heartbeats: false,
        remote_address: IpAddr::from([127, 0, 0, 1]),
        user_agent: String::new(),
    };
    registry.subscribe(new, now).unwrap().channel
}

/// The number of presence events that wait in a channel; takes them.
fn heard(channel: &mut Channel) -> usize {
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    let mut count = 0;
    while let Poll::Ready(Received::Frame(_)) = channel.poll_frame(&mut context) {
        count += 1;
    }
    count
}

/// A big room of which everything is told, and its members.
fn big_room(registry: &mut Registry, now: Instant) -> Vec<Channel> {
    let mut members: Vec<Channel> = (0..MEMBERS)
        .map(|user| watch(registry, &format!("member{user}"), "hall", now))
        .collect();
    for minutes in 1..4 {
        let then = now + Duration::from_secs(60) * minutes;
        registry.announce(then);
        while registry.tell_some(then) {}
    }
    for member in &mut members {
        heard(member);
    }
    members
}

#[test]
fn a_big_room_is_told_some_members_at_a_time_and_each_once() {
    let (mut registry, now) = (registry(), Instant::now());
    let mut members = big_room(&mut registry, now);
    let later = now + Duration::from_secs(3_600);

    let _newcomer = watch(&mut registry, "newcomer", "hall", later);
    let told = |members: &mut [Channel]| members.iter_mut().map(heard).collect::<Vec<_>>();
    assert_eq!(told(&mut members).iter().sum::<usize>(), 0, "not at once");
    let mut rounds = Vec::new();
    loop {
        let more = registry.tell_some(later);
        rounds.push(told(&mut members));
        if !more {
            break;
        }
    }

    for round in &rounds {
        assert!(round.iter().sum::<usize>() <= TOLD_AT_ONCE, "{round:?}");
    }
    for member in 0..MEMBERS {
        assert_eq!(rounds.iter().map(|round| round[member]).sum::<usize>(), 1);
    }
}

#[test]
fn whoever_has_the_place_of_a_member_who_left_hears_nothing_of_the_room() {
    let (mut registry, now) = (registry(), Instant::now());
    let _members = big_room(&mut registry, now);
    let later = now + Duration::from_secs(3_600);
    let _newcomer = watch(&mut registry, "newcomer", "hall", later);

    for stream in registry.connections(later) {
        registry.disconnect(stream.client_id, later);
    }
    let mut others: Vec<Channel> = (0..MEMBERS)
        .map(|user| {
            watch(
                &mut registry,
                &format!("other{user}"),
                &format!("room{user}"),
                later,
            )
        })
        .collect();
    for other in &mut others {
        heard(other);
    }
    while registry.tell_some(later) {}

    assert_eq!(others.iter_mut().map(heard).sum::<usize>(), 0);
}
