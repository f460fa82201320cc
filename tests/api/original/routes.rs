//! The routes of the original, which its pages still call.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::is_time;
use crate::answers::{answer, problem, refusal, send};
use crate::support::{DEADLINE, Event, SseClient, TestApp};

async fn ring(app: &TestApp, token: &str, sender: &str, room: &str) -> u16 {
    let path = format!("/room/publish?sender={sender}&roomId={room}");
    send(app.post(token, &path)).await.status().as_u16()
}

fn unnamed(event: &Event) -> Value {
    assert_eq!(event.event, None, "{event:?}");
    event.json()
}

#[tokio::test]
async fn the_original_alarm_stream_says_connect_completed_and_then_carries_alarms() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let before = app.publish(json!({"user": "bob"}), "T").await;

    let request = app.request(Method::GET, &format!("/api/main/alarm/sub?token={bob}"));
    let mut stream = SseClient::open(request).await;
    let first = stream.next_event(DEADLINE).await;
    let id = app.publish(json!({"user": "bob"}), "NEW").await;
    let second = stream.next_event(DEADLINE).await;

    assert_eq!(
        (first.name(), first.data.as_str()),
        ("alarm", "connect completed")
    );
    assert_eq!(first.number(), before);
    assert_eq!((second.name(), second.number()), ("alarm", id));
    assert_eq!(second.json()["alarmType"], "NEW");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
}

#[tokio::test]
async fn the_original_alarm_stream_resumes() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let first = app.publish(json!({"user": "bob"}), "T").await;
    let second = app.publish(json!({"everyone": true}), "T").await;

    let request = app
        .get(&bob, "/api/main/alarm/sub")
        .header("Last-Event-ID", first.to_string());
    let mut stream = SseClient::open(request).await;

    let connect = stream.next_event(DEADLINE).await;
    assert_eq!(
        (connect.data.as_str(), connect.number()),
        ("connect completed", first)
    );
    assert_eq!(stream.next_event(DEADLINE).await.number(), second);
}

#[tokio::test]
async fn the_original_alarm_stream_carries_alarms_only() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.stream(&bob, "/api/main/alarm/sub").await;
    stream.next_event(DEADLINE).await;
    let first = app.publish(json!({"user": "bob"}), "T").await;
    assert_eq!(stream.next_event(DEADLINE).await.number(), first);

    app.publish(json!({"room": "lobby"}), "T").await;
    answer(app.post(&bob, &format!("/api/alarms/{first}/read")), 200).await;
    let last = app.publish(json!({"user": "bob"}), "T").await;

    let next = stream.next_event(DEADLINE).await;
    assert_eq!((next.name(), next.number()), ("alarm", last));
}

#[tokio::test]
async fn the_original_lists_are_the_new_ones() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for _ in 0..7 {
        app.publish(json!({"user": "bob"}), "T").await;
    }

    for (old, new) in [
        ("/api/main/alarm", "/api/alarms"),
        ("/api/main/alarm?limit=2", "/api/alarms?limit=2"),
        ("/api/main/alarm/top", "/api/alarms/top"),
    ] {
        assert_eq!(
            answer(app.get(&bob, old), 200).await,
            answer(app.get(&bob, new), 200).await
        );
    }
    refusal(
        app.get(&bob, "/api/main/alarm?limit=0"),
        422,
        "invalid_field",
    )
    .await;
}

#[tokio::test]
async fn the_original_delete_takes_a_pair() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "targetId": 17});
    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;

    let half = send(app.delete(&bob, "/api/main/alarm?targetId=17")).await;
    let deleted = answer(
        app.delete(&bob, "/api/main/alarm?targetId=17&alarmType=T"),
        200,
    )
    .await;

    assert_eq!(half.status(), 422);
    assert_eq!(deleted, json!({"deleted": 1}));
}

#[tokio::test]
async fn the_original_room_stream_says_connected_and_then_rings() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    app.room("attic").await;
    let mut streams = Vec::new();
    for path in ["/room/subscribe?id=bob", "/room/subscribe/?id=bob"] {
        let mut stream = app.stream(&bob, path).await;
        let first = stream.next_event(DEADLINE).await;
        assert_eq!(
            (first.name(), first.data.as_str()),
            ("connect", "connected!")
        );
        assert_ne!(first.id.as_deref(), Some(""));
        streams.push(stream);
    }

    assert_eq!(ring(&app, &carol, "carol", "lobby").await, 202);
    assert_eq!(ring(&app, &app.admin(), "admin", "attic").await, 202);
    let chat = app
        .post(&carol, "/api/rooms/lobby/messages")
        .json(&json!({"text": "Hello"}));
    answer(chat, 201).await;

    for stream in &mut streams {
        let by_user = unnamed(&stream.next_event(DEADLINE).await);
        let by_admin = unnamed(&stream.next_event(DEADLINE).await);
        let chat = unnamed(&stream.next_event(DEADLINE).await);
        for (data, kind, room, sender, role) in [
            (&by_user, "ALARM", "lobby", "carol", "user"),
            (&by_admin, "ALARM", "attic", "admin", "admin"),
            (&chat, "MESSAGE", "lobby", "carol", "user"),
        ] {
            assert_eq!(data["type"], kind, "{data}");
            assert_eq!(data["roomId"], room, "{data}");
            assert_eq!(data["sender"], sender, "{data}");
            assert!(
                data["senderRole"]
                    .as_str()
                    .unwrap()
                    .eq_ignore_ascii_case(role),
                "{data}"
            );
            assert!(is_time(data["createdAt"].as_str().unwrap()), "{data}");
        }
        assert_ne!(
            by_user["message"], by_admin["message"],
            "worded differently"
        );
        assert_eq!(chat["message"], "Hello");
    }
}

#[tokio::test]
async fn a_ring_is_stored_and_reaches_the_new_stream_as_well() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream?room=lobby").await;

    assert_eq!(ring(&app, &bob, "bob", "lobby").await, 202);

    let message = stream.next_named("message", DEADLINE).await.json();
    assert_eq!(message["alarmType"], "ROOM_RING");
    assert_eq!(message["fromUserId"], "bob");
    assert_eq!(message["data"]["senderRole"], "user");
    assert!(!message["data"]["text"].as_str().unwrap().is_empty());
    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"][0]["id"], message["id"]);
}

#[tokio::test]
async fn the_original_publish_checks_its_parameters() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;

    let path = "/room/publish?sender=carol&roomId=lobby";
    refusal(app.post(&bob, path), 403, "forbidden").await;
    let path = "/room/publish?sender=bob&roomId=nowhere";
    refusal(app.post(&bob, path), 404, "room_not_found").await;
    for query in ["", "?sender=bob", "?roomId=lobby"] {
        let status = send(app.post(&bob, &format!("/room/publish{query}")))
            .await
            .status();
        assert_eq!(status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_get_publishes_for_a_bearer_token_only() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let path = "/room/publish?sender=bob&roomId=lobby";

    let with_cookie = app
        .request(Method::GET, path)
        .header("Cookie", format!("campanile_session={bob}"))
        .header("Origin", &app.base_url);
    let refused = send(with_cookie).await;
    assert_eq!(refused.headers()["allow"], "POST");
    problem(refused, 405, "method_not_allowed").await;
    assert_eq!(send(app.get(&bob, path)).await.status(), 202);

    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_original_room_stream_is_for_the_caller_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;

    for path in [
        "/room/subscribe?id=carol",
        "/room/subscribe/?id=carol",
        "/room/subscribe?id=BOB",
    ] {
        refusal(app.get(&bob, path), 403, "forbidden").await;
    }
    for path in ["/room/subscribe", "/room/subscribe?id="] {
        let status = send(app.get(&bob, path)).await.status();
        assert!([403, 422].contains(&status.as_u16()), "{path}: {status}");
    }
}
