//! Stopping: quick, announced, and without losing what was promised.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answers::answer;
use crate::crowd::{connect, crowd};
use crate::support::{AppBuilder, DEADLINE, TestApp};

const CLIENTS: usize = 1000;

/// As many as one user may have.
const POLLS: usize = 30;

const LONGEST: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_with_a_thousand_streams_takes_less_than_five_seconds_and_each_gets_bye() {
    let mut app = AppBuilder::default().alone().spawn().await;
    let tokens = crowd(&app, CLIENTS).await;
    let mut waiting = JoinSet::new();
    for mut stream in connect(&app, &tokens).await {
        waiting.spawn(async move {
            let bye = stream.wait_for("bye").await.expect("bye before the end");
            let mut after = 0;
            while stream.read(|_| after += 1).await.expect("an orderly end") {}
            assert_eq!(after, 0, "nothing after bye");
            (bye, stream.retry)
        });
    }

    let (status, took) = app.stop().await;
    let byes = tokio::time::timeout(DEADLINE, waiting.join_all())
        .await
        .expect("every end in time");

    eprintln!("stopped {CLIENTS} streams in {took:?}");
    assert!(status.success(), "{status}");
    assert!(took < LONGEST, "{took:?}");
    assert_eq!(byes.len(), CLIENTS);
    for (bye, _) in &byes {
        let data: Value = serde_json::from_str(&bye.data).unwrap();
        assert_eq!(data, json!({"reason": "shutdown", "reconnect": true}));
    }
    let retries: BTreeSet<u64> = byes.iter().filter_map(|(_, retry)| *retry).collect();
    assert!(
        retries.len() > CLIENTS / 4,
        "they must not all come back at once: {} times",
        retries.len()
    );
}

#[tokio::test]
async fn streams_of_every_route_get_bye_at_the_stop() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut streams = [
        app.stream(&bob, "/api/stream").await,
        app.stream(&bob, "/api/stream?cursor=0").await,
        app.stream(&bob, "/api/main/alarm/sub").await,
        app.stream(&bob, "/room/subscribe?id=bob").await,
    ];
    app.wait_for_connections(4, DEADLINE).await;

    app.ask_to_stop();

    for stream in &mut streams {
        let bye = stream.bye("shutdown", DEADLINE).await;
        assert_eq!(bye["reconnect"], true);
    }
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn what_was_answered_while_stopping_is_there_after_the_next_start() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut publishers = JoinSet::new();
    let (first, mut begun) = tokio::sync::mpsc::channel(1);
    for _ in 0..4 {
        let request = app
            .post(&app.service(), "/api/alarms")
            .json(&json!({"to": {"user": "bob"}, "alarmType": "T"}));
        let first = first.clone();
        publishers.spawn(async move {
            let mut ids = Vec::new();
            while let Ok(answer) = request.try_clone().unwrap().send().await {
                if answer.status() != 201 {
                    assert_eq!(answer.status(), 503);
                    assert!(answer.headers().contains_key("retry-after"));
                    break;
                }
                let Ok(answer) = answer.json::<Value>().await else {
                    break;
                };
                ids.push(answer["alarms"][0]["id"].as_i64().unwrap());
                if ids.len() == 20 {
                    first.try_send(()).ok();
                }
            }
            ids
        });
    }

    tokio::time::timeout(DEADLINE, begun.recv())
        .await
        .expect("answers");
    let (status, took) = app.stop().await;
    let answered: Vec<i64> = publishers.join_all().await.concat();
    app.restart().await;

    assert!(status.success() && took < LONGEST, "{status} {took:?}");
    let mut stream = app.connected(&bob, "/api/stream?cursor=0").await;
    let newest = answered.iter().max().unwrap();
    let mut stored = BTreeSet::new();
    while !stored.contains(newest) {
        stored.insert(stream.next_named("alarm", DEADLINE).await.number());
    }
    assert!(answered.iter().all(|id| stored.contains(id)));
}

#[tokio::test]
async fn polls_that_wait_are_answered_at_the_stop_and_told_that_the_connection_ends() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let cursor = app.publish(json!({"user": "bob"}), "T").await;
    let path = format!("/api/stream?wait=60&cursor={cursor}");
    let polls: Vec<_> = (0..POLLS)
        .map(|_| {
            let poll = app.get(&bob, &path).header("Accept", "application/json");
            tokio::spawn(poll.send())
        })
        .collect();
    app.wait_for_connections(POLLS, DEADLINE).await;

    let (status, _took) = app.stop().await;

    for poll in polls {
        let answer = poll.await.unwrap().unwrap();
        assert_eq!(answer.headers()["connection"], "close");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["cursor"], cursor);
    }
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_stop_without_streams_is_quick() {
    let mut app = TestApp::spawn().await;
    app.user("bob").await;

    let (status, took) = app.stop().await;

    assert!(status.success(), "{status}");
    assert!(took < LONGEST, "{took:?}");
}

#[tokio::test]
async fn an_interrupt_from_the_keyboard_stops_as_well() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    app.interrupt();

    stream.bye("shutdown", DEADLINE).await;
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn a_client_comes_back_after_a_restart_and_misses_nothing() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let position = stream.next_event(DEADLINE).await.number();

    app.restart().await;
    let id = app.publish(json!({"user": "bob"}), "T").await;

    let mut stream = app
        .connected(&bob, &format!("/api/stream?cursor={position}"))
        .await;
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    answer(
        app.request(Method::GET, "/api/alarms").bearer_auth(&bob),
        200,
    )
    .await;
}
