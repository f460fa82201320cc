//! The resumption of a stream: the position in the log, the events that are replayed, and the cases that are a gap.

use serde_json::{Value, json};

use crate::answers::answer;
use crate::database::age_alarms;
use crate::entries::{expect_entries, next_entry};
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp};

#[tokio::test]
async fn a_stream_resumes_after_the_last_event_id_or_the_cursor() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let first = app.publish(json!({"user": "bob"}), "T").await;
    app.publish(json!({"user": "carol"}), "T").await;
    let third = app.publish(json!({"everyone": true}), "T").await;
    let fourth = app.publish(json!({"user": "bob"}), "T").await;

    let mut by_cursor = app
        .stream(&bob, &format!("/api/stream?cursor={first}"))
        .await;
    let by_header = app
        .get(&bob, "/api/stream")
        .header("Last-Event-ID", first.to_string());
    let mut by_header = SseClient::open(by_header).await;
    let both = app
        .get(&bob, "/api/stream?cursor=0")
        .header("Last-Event-ID", third.to_string());
    let mut by_both = SseClient::open(both).await;

    for stream in [&mut by_cursor, &mut by_header] {
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(
            (connect.name(), connect.number()),
            ("connect", first),
            "the client's own cursor"
        );
        let data = connect.json();
        assert_eq!(
            (&data["cursor"], &data["head"]),
            (&json!(first), &json!(fourth))
        );
        assert_eq!((&data["gap"], &data["unread"]), (&json!(false), &json!(3)));
        expect_entries(stream, &[third, fourth]).await;
    }
    assert_eq!(
        by_both.next_event(DEADLINE).await.number(),
        third,
        "the header wins"
    );
    expect_entries(&mut by_both, &[fourth]).await;
    let live = app.publish(json!({"user": "bob"}), "T").await;
    for stream in [&mut by_cursor, &mut by_header, &mut by_both] {
        expect_entries(stream, &[live]).await;
    }
}

#[tokio::test]
async fn a_replay_is_of_what_the_caller_may_read_and_no_more() {
    let app = TestApp::spawn().await;
    app.publish(json!({"everyone": true}), "BEFORE_THE_ACCOUNT")
        .await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    app.room("attic").await;
    let for_bob = app.publish(json!({"user": "bob"}), "T").await;
    app.publish(json!({"user": "carol"}), "T").await;
    app.publish(json!({"role": "admin"}), "T").await;
    let in_lobby = app.publish(json!({"room": "lobby"}), "T").await;
    app.publish(json!({"room": "attic"}), "T").await;
    let for_all = app.publish(json!({"everyone": true}), "T").await;
    answer(
        app.post(&carol, "/api/alarms/read")
            .json(&json!({"upTo": for_all})),
        200,
    )
    .await;

    let mut stream = app.connected(&bob, "/api/stream?room=lobby&cursor=0").await;

    expect_entries(&mut stream, &[for_bob, in_lobby, for_all]).await;
    let live = app.publish(json!({"user": "bob"}), "T").await;
    expect_entries(&mut stream, &[live]).await;
}

#[tokio::test]
async fn a_replayed_alarm_carries_the_state_of_its_reader() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let id = app.publish(json!({"everyone": true}), "T").await;
    answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;

    let mut bobs = app.connected(&bob, "/api/stream?cursor=0").await;
    let mut carols = app.connected(&carol, "/api/stream?cursor=0").await;

    assert!(next_entry(&mut bobs).await.json()["readAt"].is_string());
    assert_eq!(next_entry(&mut carols).await.json()["readAt"], Value::Null);
}

#[tokio::test]
async fn a_cursor_that_is_no_place_in_the_log_is_a_gap_and_no_error() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut head = app.publish(json!({"user": "bob"}), "T").await;

    for cursor in ["abc", "-1", "999", "1.5", "99999999999999999999999", "%00"] {
        eprintln!("{cursor}");
        let mut stream = app
            .stream(&bob, &format!("/api/stream?cursor={cursor}"))
            .await;
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(connect.json()["gap"], true, "{connect:?}");
        assert!(
            (0..=head).contains(&connect.number()),
            "a place in the log: {connect:?}"
        );
        head = app.publish(json!({"user": "bob"}), "LIVE").await;
        let mut event = next_entry(&mut stream).await;
        while event.number() < head {
            event = next_entry(&mut stream).await;
        }
        assert_eq!(event.number(), head);
    }
}

#[tokio::test]
async fn a_client_that_missed_five_thousand_gets_exactly_those_and_then_live_ones() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let users: Vec<Value> = (0..4).map(|i| json!({"id": format!("u{i}")})).collect();
    answer(app.post(&app.service(), "/api/users").json(&users), 200).await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let position = stream.next_event(DEADLINE).await.number();
    drop(stream);

    // Those of others lie in between: bob's are every fifth.
    let mut missed: Vec<i64> = Vec::new();
    let body = json!({"to": {"users": ["u0", "u1", "bob", "u2", "u3"]}, "alarmType": "T"});
    let service = app.service();
    while missed.len() < 5000 {
        let batch = (0..50).map(|_| answer(app.post(&service, "/api/alarms").json(&body), 201));
        for published in futures::future::join_all(batch).await {
            missed.push(published["alarms"][2]["id"].as_i64().unwrap());
        }
    }
    missed.sort_unstable();

    let mut stream = app
        .connected(&bob, &format!("/api/stream?cursor={position}"))
        .await;
    let publishing = async {
        let mut live = Vec::new();
        for _ in 0..50 {
            live.push(app.publish(json!({"user": "bob"}), "LIVE").await);
        }
        live
    };
    let reading = async {
        let mut read = Vec::new();
        for _ in 0..5050 {
            read.push(next_entry(&mut stream).await.number());
        }
        read
    };
    let (live, read) = tokio::join!(publishing, reading);

    missed.extend(live);
    assert_eq!(read, missed);
}

#[tokio::test]
async fn history_that_was_pruned_is_a_gap() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_RETENTION_DAYS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(app.publish(json!({"user": "bob"}), "OLD").await);
    }
    app.stop().await;
    age_alarms(&app);
    app.restart().await;
    let young = app.publish(json!({"user": "bob"}), "YOUNG").await;
    crate::support::until("the old ones pruned", DEADLINE, async || {
        let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
        (inbox["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    for (cursor, gap) in [(0, true), (old[0], true), (old[2], false)] {
        let mut stream = app
            .stream(&bob, &format!("/api/stream?cursor={cursor}"))
            .await;
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(connect.json()["gap"], gap, "after {cursor}: {connect:?}");
        expect_entries(&mut stream, &[young]).await;
    }
    assert_eq!(young, old[2] + 1, "ids go on");
}
