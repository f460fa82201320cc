//! Many hubs: every alarm is at each of them, once and in order.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::hubs::{database, hub, publish};
use crate::support::{DEADLINE, SseClient, until};

/// Two seconds of a publisher.
const ALARMS: usize = 100;

/// A publisher's pause between two alarms: 50 a second.
const PAUSE: Duration = Duration::from_millis(20);

/// The ids of the alarms and the times at which they arrive.
async fn arrivals(mut stream: SseClient) -> Vec<(i64, Instant)> {
    let mut arrivals = Vec::with_capacity(ALARMS);
    while arrivals.len() < ALARMS {
        let id = stream.next_named("alarm", DEADLINE).await.number();
        arrivals.push((id, Instant::now()));
    }
    arrivals
}

#[tokio::test]
async fn what_is_published_at_any_of_four_hubs_is_at_all_of_them_in_order_and_once() {
    publish_at_each(4).await;
}

#[tokio::test]
#[ignore = "takes most of the connections of the server: ./test.sh --long"]
async fn what_is_published_at_any_of_sixteen_hubs_is_at_all_of_them_in_order_and_once() {
    publish_at_each(16).await;
}

/// Publishes at hubs in turn, and compares what arrives at each.
async fn publish_at_each(count: usize) {
    let url = database();
    let mut hubs = Vec::new();
    for _hub in 0..count {
        hubs.push(hub(&url).await);
    }
    let bob = hubs[0].user("bob").await;
    let mut readers = Vec::new();
    for hub in &hubs {
        until("the bell works", DEADLINE, async || {
            (hub.figure("campanile_bell_works").await == 1.0).then_some(())
        })
        .await;
        let stream = hub.connected(&bob, "/api/stream").await;
        readers.push(tokio::spawn(arrivals(stream)));
    }

    let mut sent = HashMap::new();
    let mut pace = tokio::time::interval(PAUSE);
    for at in 0..ALARMS {
        pace.tick().await;
        let begin = Instant::now();
        sent.insert(publish(&hubs[at % count], "bob").await, begin);
    }

    let mut times = Vec::new();
    let mut wanted: Vec<i64> = sent.keys().copied().collect();
    wanted.sort_unstable();
    for reader in readers {
        let arrivals = reader.await.unwrap();
        let ids: Vec<i64> = arrivals.iter().map(|(id, _at)| *id).collect();
        assert_eq!(ids, wanted);
        times.extend(arrivals.iter().map(|(id, at)| at.duration_since(sent[id])));
    }
    times.sort_unstable();
    let (median, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    eprintln!("{count} hubs, from publishing to arrival: p50 {median:?}, p99 {late:?}");
}
