//! Single cases of a stream: a full queue, a client that takes nothing, a crowd, a stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_client_that_overflows_goes_back_to_the_log_and_is_not_closed() {
    for burst in [513, 700, 5_000] {
        let mut world = World::new(500);
        world.connect(0);
        let stream = world.client_id(0);
        world.commit(1, burst);
        world.deliver(burst);

        while world.step(0) {}

        assert_eq!(world.closed(0), None);
        assert_eq!(world.client_id(0), stream, "the same stream all along");
        assert_eq!(world.clients[0].cursor, id_at(burst));
        assert_eq!(world.spills, 1);
        world.commit(1, 1);
        world.deliver(1);
        while world.step(0) {}
        assert_eq!(world.clients[0].cursor, id_at(burst + 1), "live again");
    }
}

#[test]
fn what_is_delivered_while_a_client_reads_is_given_to_it_without_the_log() {
    let mut world = World::new(500);
    world.connect(0);
    world.cut(0, true);
    world.commit(1, 300);
    // A new Broadcaster has nothing in memory.
    world.restart();
    world.connect(0);
    let next = |world: &World| {
        world.clients[0]
            .connection
            .as_ref()
            .unwrap()
            .handover
            .next()
    };
    while next(&world) != Next::Attach {
        assert!(world.step(0));
    }
    let read = world.clients[0].cursor;
    world.commit(1, 3);
    world.deliver(3);

    world.step(0);

    assert_eq!(next(&world), Next::Live, "nothing is left to read");
    assert_eq!(read, id_at(300));
    assert_eq!(world.clients[0].cursor, id_at(303));
}

#[test]
fn a_heartbeat_to_a_client_that_fell_behind_skips_no_alarm() {
    let mut world = World::new(500);
    world.connect(0);
    // Large alarms fill the queue by their bytes: a heartbeat still fits.
    world.commit_large(1, 100);
    world.deliver(100);

    world.carry_out(&Event::Sweep { seconds: 10 });
    assert!(world.step(0), "it reads, so it is not stalled");
    world.carry_out(&Event::Sweep { seconds: 10 });

    // The world's client checks each heartbeat as the cursor it is.
    while world.step(0) {}
    assert_eq!(world.clients[0].cursor, id_at(100));
}

#[test]
fn a_client_that_takes_a_little_at_a_time_is_never_cut_off() {
    let mut world = World::new(500);
    world.connect(0);
    world.commit(1, 3_000);
    world.deliver(3_000);

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
    world.deliver(600);
    for change in ["first", "last"] {
        let state = Frame::state(&change, None);
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
    world.deliver(1);

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
        registry.deliver(&Frame::alarm(Arc::new(alarm(id, "room:42"))), now);
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

    let text = metrics
        .text(crate::metrics::Exposition::Prometheus)
        .unwrap();
    let counted = "campanile_streams_closed_total{reason=\"shutdown\"} 3";
    assert!(text.contains(counted), "{text}");
}

/// One token of the Mercure protocol may be that of all visitors of a site, so its streams are nobody's.
#[test]
fn subscribers_of_updates_are_no_streams_of_a_user() {
    let limits = Limits {
        streams_per_user: 1,
        heartbeat: Duration::from_secs(15),
    };
    let mut registry = Registry::new(limits, AlarmId(0), Metrics::default());
    registry.counts.share();
    let updates = TopicFilter {
        updates: Some(Arc::default()),
        ..TopicFilter::default()
    };
    let filter = Arc::new(updates);
    let now = Instant::now();
    let opened: Vec<_> = (0..3)
        .map(|_| registry.subscribe(new_client(&filter, Start::Live), now))
        .map(|opened| opened.unwrap())
        .collect();

    registry.tell_counts_again();
    assert_eq!(registry.take_untold_counts(), []);
    assert!(registry.rights(None).is_empty(), "they have no account");
    assert!(opened.iter().all(|one| one.channel.closed().is_none()));

    registry.disconnect(opened[0].client_id, now);
    assert_eq!(registry.take_untold_counts(), []);
    assert_eq!(registry.connections(now).len(), 2);
}
