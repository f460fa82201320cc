//! Bursts larger than any queue: a client that reads gets all of it on one stream, and what is held meanwhile is bounded.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::answers::{answer, refusal, send};
use crate::socket::{begun, unread};
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign, until};

/// A burst takes its time on a busy machine.
const BURST_WITHIN: Duration = Duration::from_secs(60);

async fn users(app: &TestApp, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|number| format!("u{number}")).collect();
    let body: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    answer(app.post(&app.service(), "/api/users").json(&body), 200).await;
    ids
}

/// The ids of so many alarms, which must come in order on this one stream.
async fn alarms(stream: &mut SseClient, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let event = stream.next_event(BURST_WITHIN).await;
        match event.name() {
            "alarm" => ids.push(event.number()),
            "bye" => panic!("cut off after {}: {event:?}", ids.len()),
            _ => {}
        }
    }
    assert!(ids.is_sorted(), "in order");
    ids
}

#[tokio::test]
async fn a_reader_of_the_whole_log_takes_one_publish_to_a_thousand_users_on_one_stream() {
    let app = TestApp::spawn().await;
    let ids = users(&app, 1_000).await;
    let mut stream = app.connected(&app.service(), "/api/stream?topic=*").await;

    for _ in 0..3 {
        let body = json!({"to": {"users": ids}, "alarmType": "T"});
        answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
    }

    let seen = alarms(&mut stream, 3_000).await;
    assert_eq!(seen, (1..=3_000).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_reader_takes_many_large_alarms_at_once_on_one_stream() {
    let app = TestApp::spawn().await;
    let ids = users(&app, 66).await;
    let mut stream = app.connected(&app.service(), "/api/stream?topic=*").await;

    let data = "x".repeat(16_000);
    let body = json!({"to": {"users": ids}, "alarmType": "T", "data": data});
    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;

    assert_eq!(alarms(&mut stream, 66).await.len(), 66);
}

#[tokio::test]
async fn readers_take_a_hundred_large_alarms_published_at_once_on_one_stream() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(app.connected(&bob, "/api/stream").await);
    }

    let data = "x".repeat(15_000);
    let body = json!({"to": {"everyone": true}, "alarmType": "T", "data": data});
    let service = app.service();
    let publish = (0..100).map(|_| answer(app.post(&service, "/api/alarms").json(&body), 201));
    let reading = join_all(streams.iter_mut().map(|stream| alarms(stream, 100)));
    let (_published, seen) = futures::join!(join_all(publish), reading);

    for ids in seen {
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), 100);
    }
}

#[tokio::test]
async fn polls_are_bounded_in_bytes_and_count_as_streams_until_they_are_sent() {
    // So few that the last has its page long before the first is cut off, as nobody reads it.
    const STREAMS: usize = 8;
    const LAST_FORTY: &str = "/api/stream?rooms=all&cursor=110";
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", &STREAMS.to_string())
        .alone()
        .spawn()
        .await;
    app.user("bob").await;
    app.room("42").await;
    let bob = sign(&Claims::of("bob", "user"));
    let text = "\u{1f514}".repeat(4_000);
    for _ in 0..150 {
        let path = "/api/rooms/42/messages";
        answer(app.post(&bob, path).json(&json!({"text": text})), 201).await;
    }
    let poll = |cursor: i64| {
        let path = format!("/api/stream?rooms=all&cursor={cursor}");
        app.get(&bob, &path).header("Accept", "application/json")
    };

    let (mut cursor, mut seen, mut polls) = (0, Vec::new(), 0);
    loop {
        let response = send(poll(cursor)).await;
        let body = response.bytes().await.unwrap();
        assert!(body.len() < 1_500_000, "{} bytes", body.len());
        let page: Value = serde_json::from_slice(&body).unwrap();
        let ids = page["events"].as_array().unwrap().iter();
        seen.extend(ids.map(|event| event["id"].as_i64().unwrap()));
        cursor = page["cursor"].as_i64().unwrap();
        polls += 1;
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, (1..=150).collect::<Vec<i64>>());
    assert!(polls > 1);

    let before = app.resident_kib() / 1_024;
    let mut unread_polls = Vec::new();
    while unread_polls.len() < STREAMS {
        let poll = unread(&app, &bob, LAST_FORTY, "application/json").await;
        let begin = until("an answer begins", DEADLINE, async || {
            Some(begun(&poll)).filter(|begin| begin.len() >= 12)
        });
        // The last page that was read above may still count.
        if begin.await.starts_with(b"HTTP/1.1 200") {
            unread_polls.push(poll);
        }
    }
    refusal(poll(0), 429, "too_many_streams").await;
    let held = (app.resident_kib() / 1_024).saturating_sub(before);
    assert!(held < 150, "{STREAMS} unread polls hold {held} MiB");

    // Read at last: the whole answer is there.
    let mut first = unread_polls.pop().unwrap();
    drop(unread_polls);
    let mut answer = vec![0; 600_000];
    first.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}
