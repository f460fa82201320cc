//! Event streams: what they carry, in which order, and what is sent in silence.

use std::collections::HashSet;

use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::entries::{expect_entries, next_entry};
use crate::support::{AppBuilder, DEADLINE, Item, SseClient, TestApp};

#[tokio::test]
async fn a_stream_begins_with_its_headers_a_retry_and_connect() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let head = app.publish(json!({"user": "bob"}), "T").await;

    let mut stream = app.stream(&bob, "/api/stream").await;
    let Some(Item::Retry(retry)) = stream.next_item(DEADLINE).await else {
        panic!("retry comes first");
    };
    let connect = stream.next_event(DEADLINE).await;

    assert!((2000..=5000).contains(&retry), "{retry}");
    assert!(
        stream.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/event-stream")
    );
    assert_eq!(
        stream.headers["cache-control"],
        "no-cache, no-store, no-transform"
    );
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    assert!(stream.headers.contains_key("x-request-id"));
    assert_eq!((connect.name(), connect.number()), ("connect", head));
    let mut data = connect.json();
    let client = data["clientId"].take();
    assert!(!client.as_str().unwrap().is_empty());
    assert_eq!(
        data,
        json!({"clientId": null, "userId": "bob", "cursor": head, "head": head, "gap": false, "unseen": 1, "unread": 1,
            "version": 0, "heartbeatSeconds": 15})
    );
}

#[tokio::test]
async fn the_retry_is_another_for_each_connection() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let mut retries = HashSet::new();
    for _ in 0..8 {
        let stream = app.connected(&bob, "/api/stream").await;
        assert_eq!(stream.retries.len(), 1);
        retries.insert(stream.retries[0]);
    }

    assert!(retries.len() > 3, "{retries:?}");
}

#[tokio::test]
async fn the_first_connect_of_an_empty_log_has_an_id_too() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let mut stream = app.stream(&bob, "/api/stream").await;
    let connect = stream.next_event(DEADLINE).await;

    assert_eq!(connect.number(), 0);
}

#[tokio::test]
async fn an_alarm_on_the_stream_is_the_alarm_of_the_inbox() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "fromUserId": "alice", "targetId": 5,
        "data": {"a": 1}, "url": "/x", "expiresInSeconds": 600});

    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;

    let alarm = stream.next_event(DEADLINE).await;
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(alarm.name(), "alarm");
    assert_eq!(alarm.json(), inbox["items"][0]);
    assert_eq!(inbox["items"][0]["id"], alarm.number());
}

#[tokio::test]
async fn a_stream_carries_my_topics_and_the_rooms_i_name() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    app.room("attic").await;
    app.room("cellar").await;
    let mut bobs = app
        .connected(&bob, "/api/stream?room=lobby&room=attic")
        .await;
    let mut admins = app.connected(&app.admin(), "/api/stream").await;

    app.publish(json!({"user": "carol"}), "T").await;
    let for_bob = app.publish(json!({"user": "bob"}), "T").await;
    let for_admins = app.publish(json!({"role": "admin"}), "T").await;
    app.publish(json!({"room": "cellar"}), "T").await;
    let in_lobby = app.publish(json!({"room": "lobby"}), "T").await;
    let in_attic = app.publish(json!({"room": "attic"}), "T").await;
    let for_all = app.publish(json!({"everyone": true}), "T").await;

    expect_entries(&mut bobs, &[for_bob, in_lobby, in_attic, for_all]).await;
    expect_entries(&mut admins, &[for_admins, for_all]).await;
}

#[tokio::test]
async fn rooms_all_is_every_room_also_one_made_later() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream?rooms=all").await;

    app.room("attic").await;
    let first = app.publish(json!({"room": "lobby"}), "T").await;
    let second = app.publish(json!({"room": "attic"}), "T").await;

    let event = next_entry(&mut stream).await;
    assert_eq!((event.name(), event.number()), ("message", first));
    expect_entries(&mut stream, &[second]).await;
}

#[tokio::test]
async fn a_back_end_may_listen_to_any_topic_or_the_whole_log() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let service = app.service();
    let mut one = app
        .connected(&service, "/api/stream?topic=user:bob&topic=room:lobby")
        .await;
    let mut whole = app.connected(&service, "/api/stream?topic=*").await;

    let for_bob = app.publish(json!({"user": "bob"}), "T").await;
    let for_carol = app.publish(json!({"user": "carol"}), "T").await;
    let for_admins = app.publish(json!({"role": "admin"}), "T").await;
    let in_lobby = app.publish(json!({"room": "lobby"}), "T").await;

    expect_entries(&mut one, &[for_bob, in_lobby]).await;
    expect_entries(&mut whole, &[for_bob, for_carol, for_admins, in_lobby]).await;
    let mut replay = app
        .connected(&service, "/api/stream?topic=*&cursor=0")
        .await;
    expect_entries(&mut replay, &[for_bob, for_carol, for_admins, in_lobby]).await;
}

#[tokio::test]
async fn a_user_who_names_a_topic_is_refused() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    for topic in ["user:carol", "user:bob", "role:admin", "*", "everyone"] {
        refusal(
            app.get(&bob, &format!("/api/stream?topic={topic}")),
            403,
            "forbidden",
        )
        .await;
    }
}

#[tokio::test]
async fn a_stream_checks_what_it_is_asked_for() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let service = app.service();
    let many: String = (0..101).map(|i| format!("&room=room{i}")).collect();

    for path in [
        "/api/stream?room=a%0Ab".to_owned(),
        "/api/stream?room=".to_owned(),
        "/api/stream?rooms=some".to_owned(),
        format!("/api/stream?{}", &many[1..]),
    ] {
        eprintln!("{path}");
        refusal(app.get(&bob, &path), 422, "invalid_field").await;
    }
    for topic in ["nothing", "user:", "user:a%0Ab", "room:a%20b", "role:root"] {
        eprintln!("{topic}");
        let path = format!("/api/stream?topic={topic}");
        refusal(app.get(&service, &path), 422, "invalid_field").await;
    }
    for accept in ["text/html", "image/png"] {
        let request = app.get(&bob, "/api/stream").header("Accept", accept);
        refusal(request, 406, "not_acceptable").await;
    }
    for accept in [
        "text/event-stream",
        "*/*",
        "text/*",
        "text/html, text/event-stream;q=0.5",
    ] {
        eprintln!("{accept}");
        SseClient::open(app.get(&bob, "/api/stream").header("Accept", accept)).await;
    }
}

#[tokio::test]
async fn a_hundred_rooms_may_be_named() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for i in 0..100 {
        app.room(&format!("room{i}")).await;
    }
    let rooms: Vec<String> = (0..100).map(|i| format!("room=room{i}")).collect();

    let mut stream = app
        .connected(&bob, &format!("/api/stream?{}", rooms.join("&")))
        .await;

    let id = app.publish(json!({"room": "room99"}), "T").await;
    expect_entries(&mut stream, &[id]).await;
}

#[tokio::test]
async fn silence_is_broken_by_comments_and_pings_in_turn() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let connect = stream.next_event(DEADLINE).await;
    assert_eq!(connect.json()["heartbeatSeconds"], 1);

    let mut pings = 0;
    let mut kinds = String::new();
    while kinds.len() < 4 {
        match stream.next_item(DEADLINE).await.unwrap() {
            Item::Comment(comment) => {
                assert_eq!(comment.trim(), "");
                kinds.push(':');
            }
            Item::Event(event) => {
                assert_eq!((event.name(), event.number()), ("ping", 0));
                assert_eq!(event.json(), json!({"cursor": 0}));
                pings += 1;
                kinds.push('p');
            }
            Item::Retry(retry) => panic!("retry {retry}"),
        }
    }

    assert!(kinds == ":p:p" || kinds == "p:p:", "{kinds}");
    assert_eq!(pings, 2);
}

#[tokio::test]
async fn a_stream_that_has_traffic_needs_no_heartbeat_and_a_ping_tells_the_position() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    let head = app.publish(json!({"user": "carol"}), "T").await;

    let ping = loop {
        let ping = stream.next_named("ping", DEADLINE).await.json();
        if ping["cursor"] != 0 {
            break ping;
        }
    };
    assert_eq!(
        ping,
        json!({"cursor": head}),
        "others' alarms move the position as well"
    );
}

#[tokio::test]
async fn no_value_of_an_alarm_can_break_the_framing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream?room=lobby").await;
    let nasty = "a\n\nid: 999\nevent: bye\rdata: x\r\n\r\n\u{0}\u{2028}\u{2029}\u{85}</script>";

    let body =
        json!({"to": {"user": "bob"}, "alarmType": "T", "data": {nasty: nasty}, "targetId": nasty});
    let published = send(app.post(&app.service(), "/api/alarms").json(&body))
        .await
        .status();
    let plain = json!({"to": {"user": "bob"}, "alarmType": "T", "data": {nasty: nasty}});
    answer(app.post(&app.service(), "/api/alarms").json(&plain), 201).await;
    let chat = json!({"text": nasty, "clientId": "c"});
    let said = send(app.post(&bob, "/api/rooms/lobby/messages").json(&chat))
        .await
        .status();

    if published == 201 {
        assert_eq!(next_entry(&mut stream).await.json()["targetId"], nasty);
    }
    assert_eq!(next_entry(&mut stream).await.json()["data"][nasty], nasty);
    if said == 201 {
        assert_eq!(next_entry(&mut stream).await.json()["data"]["text"], nasty);
    }
    let last = app.publish(json!({"user": "bob"}), "T").await;
    expect_entries(&mut stream, &[last]).await;
}

#[tokio::test]
async fn alarms_published_at_once_arrive_in_the_order_of_their_ids() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    let publishers = (0..200).map(|i| {
        let to = if i % 2 == 0 {
            json!({"user": "bob"})
        } else {
            json!({"everyone": true})
        };
        app.publish(to, "T")
    });
    let mut published = futures::future::join_all(publishers).await;

    published.sort_unstable();
    expect_entries(&mut stream, &published).await;
}

#[tokio::test]
async fn a_stream_names_only_rooms_that_exist_over_every_transport() {
    let app = TestApp::spawn().await;
    let (bob, service) = (app.user("bob").await, app.service());
    app.room("42").await;
    let refused = async |token: &str, path: &str, accept: &str| {
        let request = app.get(token, path).header("Accept", accept);
        refusal(request, 422, "unknown_room").await
    };

    let two = "/api/stream?room=42&room=nowhere&room=43";
    for accept in [
        "text/event-stream",
        "application/x-ndjson",
        "application/json",
    ] {
        let body = refused(&bob, two, accept).await;
        assert_eq!(body["rooms"], json!(["nowhere", "43"]), "{body}");
        assert_eq!(body["detail"], "there is no room nowhere, 43");
    }
    let body = refused(&service, "/api/stream?topic=room:43", "*/*").await;
    assert_eq!(body["rooms"], json!(["43"]));
    let head = app.client.head(app.url(two)).bearer_auth(&bob);
    assert_eq!(send(head).await.status(), 422);
    assert_eq!(app.connections().await.len(), 0);

    // One that exists later is found then.
    app.room("43").await;
    app.connected(&bob, "/api/stream?room=42&room=43").await;
}
