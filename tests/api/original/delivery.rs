//! Faults of delivery in the notification server that this one replaces: alarms that were lost, repeated, misdirected or
//! delayed. There is one test for each, so that none comes back.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, problem, refusal, send};
use crate::crowd::{RawStream, crowd};
use crate::database::lock;
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

#[tokio::test]
async fn fault_one_stream_per_user_a_second_tab_does_not_silence_the_first() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut first = app.connected(&bob, "/api/stream").await;
    let mut second = app.connected(&bob, "/api/stream").await;
    let mut original = app.stream(&bob, "/api/main/alarm/sub").await;
    original.next_event(DEADLINE).await;

    let id = app.publish(json!({"user": "bob"}), "T").await;

    for tab in [&mut first, &mut second, &mut original] {
        assert_eq!(tab.next_named("alarm", DEADLINE).await.number(), id);
    }
}

#[tokio::test]
async fn fault_one_stream_per_user_closing_the_old_tab_does_not_remove_the_new() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let old = app.connected(&bob, "/api/stream").await;
    let mut new = app.connected(&bob, "/api/stream").await;

    drop(old);
    app.wait_for_connections(1, DEADLINE).await;
    let id = app.publish(json!({"user": "bob"}), "T").await;

    assert_eq!(new.next_named("alarm", DEADLINE).await.number(), id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_an_unsynchronised_map_coming_and_going_while_publishing_disturbs_nobody() {
    let app = TestApp::spawn().await;
    let tokens = crowd(&app, 20).await;
    let watcher = app.user("bob").await;
    let mut watch = app.connected(&watcher, "/api/stream").await;

    let comers = tokens.iter().map(|token| async {
        for _ in 0..10 {
            let mut stream = RawStream::open(app.address(), token, None)
                .await
                .expect("a stream");
            stream.wait_for("connect").await.expect("connect");
        }
    });
    let publishers = (0..5).map(|_| async {
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.push(app.publish(json!({"everyone": true}), "T").await);
        }
        ids
    });
    let (_, published) = tokio::join!(join_all(comers), join_all(publishers));

    let mut published = published.concat();
    published.sort_unstable();
    for id in published {
        assert_eq!(watch.next_named("alarm", DEADLINE).await.number(), id);
    }
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn fault_a_failing_database_evicts_no_healthy_client() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut streams = [
        app.connected(&bob, "/api/stream").await,
        app.connected(&carol, "/api/stream").await,
    ];

    let held = lock(&app);
    let body = json!({"to": {"everyone": true}, "alarmType": "FAILED"});
    let failed = send(app.post(&app.service(), "/api/alarms").json(&body)).await;
    assert!(failed.headers().contains_key("retry-after"));
    problem(failed, 503, "unavailable").await;
    for stream in &mut streams {
        stream.next_named("ping", DEADLINE).await;
    }
    drop(held);
    // A hub on a server refuses work until it has heard from the server again.
    until("ready", DEADLINE, async || {
        let ready = app.request(Method::GET, "/readyz").send().await.unwrap();
        (ready.status() == 200).then_some(())
    })
    .await;

    let id = app.publish(json!({"everyone": true}), "T").await;
    for stream in &mut streams {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_a_publish_that_waits_for_sockets_a_reader_that_stands_still_holds_nobody_up() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let stuck = RawStream::knock(app.address(), &bob, None).await.unwrap();
    app.wait_for_connections(1, DEADLINE).await;
    let mut reader = app.connected(&carol, "/api/stream").await;

    // Together far more than the sockets' buffers and the client's queue can take.
    let data = "x".repeat(16_000);
    let body = json!({"to": {"everyone": true}, "alarmType": "LARGE", "data": data});
    let publishing = async {
        for _ in 0..150 {
            let some =
                (0..10).map(|_| answer(app.post(&app.service(), "/api/alarms").json(&body), 201));
            tokio::time::timeout(DEADLINE, join_all(some))
                .await
                .expect("answers in time");
        }
    };
    let reading = async {
        for id in 1..=1500 {
            assert_eq!(reader.next_named("alarm", DEADLINE).await.number(), id);
        }
    };
    tokio::join!(publishing, reading);

    // The one that stood still was cut off, and misses nothing when it comes back.
    app.wait_for_connections(1, Duration::from_secs(60)).await;
    drop(stuck);
    let mut back = app.connected(&bob, "/api/stream?cursor=0").await;
    for id in 1..=1500 {
        assert_eq!(back.next_named("alarm", DEADLINE).await.number(), id);
    }
}

#[tokio::test]
async fn fault_nothing_replayed_an_alarm_for_a_user_who_is_away_waits_for_them() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let position = stream.next_event(DEADLINE).await.number();
    drop(stream);
    app.wait_for_connections(0, DEADLINE).await;

    let id = app.publish(json!({"user": "bob"}), "T").await;

    for path in ["/api/stream", "/api/main/alarm/sub"] {
        let mut back = app.stream(&bob, &format!("{path}?cursor={position}")).await;
        back.next_event(DEADLINE).await;
        assert_eq!(back.next_named("alarm", DEADLINE).await.number(), id);
    }
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"][0]["id"], id);
}

#[tokio::test]
async fn fault_stored_for_one_user_and_pushed_to_another_both_go_to_the_one_named() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut bobs = app.connected(&bob, "/api/stream").await;
    let mut carols = app.connected(&carol, "/api/stream").await;

    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "fromUserId": "carol"});
    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
    let hers = app.publish(json!({"user": "carol"}), "HERS").await;

    let pushed = bobs.next_named("alarm", DEADLINE).await.json();
    assert_eq!(
        (&pushed["topic"], &pushed["fromUserId"]),
        (&json!("user:bob"), &json!("carol"))
    );
    assert_eq!(carols.next_named("alarm", DEADLINE).await.number(), hers);
    let stored = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(stored["items"], json!([pushed]));
    let stored = answer(app.get(&carol, "/api/alarms"), 200).await;
    assert_eq!(stored["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fault_pushed_before_the_commit_what_is_pushed_is_already_in_the_inbox() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    for _ in 0..30 {
        let publishing = app.publish(json!({"user": "bob"}), "T");
        let looking = async {
            let pushed = stream.next_named("alarm", DEADLINE).await;
            let inbox = answer(app.get(&bob, "/api/alarms?limit=1"), 200).await;
            assert_eq!(inbox["items"][0]["id"], pushed.number());
        };
        tokio::join!(publishing, looking);
    }
}

#[tokio::test]
async fn fault_pushed_before_the_commit_a_failed_one_is_never_pushed() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    let held = lock(&app);
    let body = json!({"to": {"user": "bob"}, "alarmType": "FAILED"});
    let request = app.post(&app.service(), "/api/alarms").json(&body);
    refusal(request, 503, "unavailable").await;
    drop(held);
    let id = app.publish(json!({"user": "bob"}), "STORED").await;

    let first = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(
        (first.number(), &first.json()["alarmType"]),
        (id, &json!("STORED"))
    );
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fault_the_filter_chain_run_twice_a_request_is_handled_once() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream?room=lobby").await;

    let said = send(
        app.post(&bob, "/api/rooms/lobby/messages")
            .json(&json!({"text": "once"})),
    )
    .await;
    assert_eq!(said.headers().get_all("x-request-id").iter().count(), 1);
    let ring = send(app.post(&bob, "/room/publish?sender=bob&roomId=lobby")).await;
    assert_eq!(ring.status(), 202);
    let id = app.publish(json!({"user": "bob"}), "T").await;

    assert_eq!(id, 3, "three requests, three entries of the log");
    for expected in 1..=3 {
        let mut event = stream.next_event(DEADLINE).await;
        while event.id.is_none() {
            event = stream.next_event(DEADLINE).await;
        }
        assert_eq!(event.number(), expected);
    }
}

#[tokio::test]
async fn fault_an_empty_id_no_event_ever_has_one() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.room("lobby").await;

    for path in [
        "/api/stream?room=lobby",
        "/api/stream?cursor=",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        let mut stream = app.stream(&bob, path).await;
        let first = stream.next_event(DEADLINE).await;
        assert!(
            first.id.as_deref().is_none_or(|id| !id.is_empty()),
            "{path}: {first:?}"
        );
        if !path.starts_with("/room") {
            first.number();
        }
        answer(
            app.post(&bob, "/api/rooms/lobby/messages")
                .json(&json!({"text": "x"})),
            201,
        )
        .await;
        let id = app.publish(json!({"user": "bob"}), "T").await;
        answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;
        for _ in 0..2 {
            if let Some(event) = stream.event_or_end(DEADLINE).await {
                assert!(
                    event.id.as_deref().is_none_or(|id| !id.is_empty()),
                    "{path}: {event:?}"
                );
            }
            if path.starts_with("/room") || path.contains("main") {
                break;
            }
        }
    }
    // An empty Last-Event-ID is what a browser with such an id would send.
    let request = app.get(&bob, "/api/stream").header("Last-Event-ID", "");
    let mut stream = SseClient::open(request).await;
    stream.next_event(DEADLINE).await.number();
}
