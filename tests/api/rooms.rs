//! Chat rooms: made, spoken in, read back, and who is there.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answers::is_time;
use crate::answers::{answer, invalid, refusal};
use crate::crowd::crowd;
use crate::support::{DEADLINE, TestApp, until};

async fn say(app: &TestApp, token: &str, room: &str, text: &str) -> Value {
    let path = format!("/api/rooms/{room}/messages");
    answer(app.post(token, &path).json(&json!({"text": text})), 201).await
}

async fn present(app: &TestApp, token: &str, room: &str) -> Value {
    answer(app.get(token, &format!("/api/rooms/{room}/presence")), 200).await["users"].take()
}

#[tokio::test]
async fn a_room_is_made_and_listed() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let named = answer(
        app.post(&bob, "/api/rooms")
            .json(&json!({"id": "lobby", "name": "The lobby"})),
        201,
    )
    .await;
    let unnamed = answer(
        app.post(&bob, "/api/rooms")
            .json(&json!({"name": "대화방"})),
        201,
    )
    .await;

    assert_eq!(
        (&named["id"], &named["name"]),
        (&json!("lobby"), &json!("The lobby"))
    );
    assert!(is_time(named["createdAt"].as_str().unwrap()));
    assert!(!unnamed["id"].as_str().unwrap().is_empty());
    let rooms = answer(app.get(&bob, "/api/rooms"), 200).await;
    let rooms = rooms.as_array().unwrap();
    assert!(rooms.iter().all(|room| room["online"] == 0), "{rooms:?}");
    let names: Vec<&str> = rooms
        .iter()
        .map(|room| room["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"The lobby") && names.contains(&"대화방"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_room_id_is_taken_once() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;

    let again = app
        .post(&bob, "/api/rooms")
        .json(&json!({"id": "lobby", "name": "Another"}));

    refusal(again, 409, "room_exists").await;
}

#[tokio::test]
async fn a_room_is_checked_field_by_field() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let post = |body: Value| app.post(&bob, "/api/rooms").json(&body);

    for id in ["", "a b", "a/b", "a.b", "é", "a\nb", &"x".repeat(65)] {
        eprintln!("{id:?}");
        invalid(post(json!({"id": id, "name": "A room"})), "id").await;
    }
    for name in [String::new(), "a\nb".to_owned(), "x".repeat(101)] {
        invalid(post(json!({"name": name})), "name").await;
    }
    refusal(post(json!({})), 422, "missing_field").await;
    refusal(
        post(json!({"name": "A", "topic": "b"})),
        422,
        "unknown_field",
    )
    .await;
    answer(
        post(json!({"id": "x".repeat(64), "name": "방".repeat(100)})),
        201,
    )
    .await;
}

#[tokio::test]
async fn a_message_is_an_alarm_of_the_room() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let body = json!({"text": "Hello <b>", "clientId": "c1"});

    let mut message = answer(app.post(&bob, "/api/rooms/lobby/messages").json(&body), 201).await;
    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;

    assert_eq!(history["items"], json!([message]));
    assert_eq!(history["next"], Value::Null);
    assert_eq!(history["meta"]["cursor"], message["id"]);
    assert!(is_time(message["createdAt"].take().as_str().unwrap()));
    assert_eq!(
        message,
        json!({"id": message["id"], "topic": "room:lobby", "alarmType": "CHAT_MESSAGE", "fromUserId": "bob",
            "targetId": message["targetId"], "data": {"text": "Hello <b>", "clientId": "c1", "senderRole": "user"},
            "url": message["url"], "createdAt": null, "expiresAt": null, "seenAt": null, "readAt": null})
    );
}

#[tokio::test]
async fn the_role_of_the_sender_is_told() {
    let app = TestApp::spawn().await;
    app.room("lobby").await;

    let message = say(&app, &app.admin(), "lobby", "I am the admin").await;

    assert_eq!(
        message["data"],
        json!({"text": "I am the admin", "clientId": null, "senderRole": "admin"})
    );
    assert_eq!(message["fromUserId"], "admin");
}

#[tokio::test]
async fn the_history_of_a_room_has_pages_newest_first() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    app.room("other").await;
    let mut said = Vec::new();
    for i in 0..5 {
        said.push(
            say(&app, &bob, "lobby", &format!("{i}")).await["id"]
                .as_i64()
                .unwrap(),
        );
        say(&app, &bob, "other", "elsewhere").await;
    }
    said.reverse();

    let mut read: Vec<i64> = Vec::new();
    let mut path = "/api/rooms/lobby/messages?limit=2".to_owned();
    loop {
        let page = answer(app.get(&bob, &path), 200).await;
        let items = page["items"].as_array().unwrap();
        read.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        path = format!("/api/rooms/lobby/messages?limit=2&before={next}");
    }

    assert_eq!(read, said);
    for query in ["limit=0", "limit=101", "before=x"] {
        let path = format!("/api/rooms/lobby/messages?{query}");
        refusal(app.get(&bob, &path), 422, "invalid_field").await;
    }
}

#[tokio::test]
async fn an_unknown_room_is_not_found() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    refusal(
        app.get(&bob, "/api/rooms/nowhere/messages"),
        404,
        "room_not_found",
    )
    .await;
    let message = app
        .post(&bob, "/api/rooms/nowhere/messages")
        .json(&json!({"text": "x"}));
    refusal(message, 404, "room_not_found").await;
    refusal(
        app.get(&bob, "/api/rooms/nowhere/presence"),
        404,
        "room_not_found",
    )
    .await;
}

#[tokio::test]
async fn a_text_is_1_to_4000_characters() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let post = |body: Value| app.post(&bob, "/api/rooms/lobby/messages").json(&body);

    for text in [String::new(), "  \n\t ".to_owned(), "x".repeat(4001)] {
        invalid(post(json!({"text": text})), "text").await;
    }
    for client in [String::new(), "x".repeat(129)] {
        invalid(post(json!({"text": "x", "clientId": client})), "clientId").await;
    }
    refusal(post(json!({})), 422, "missing_field").await;
    refusal(post(json!({"text": "x", "to": "y"})), 422, "unknown_field").await;
    // Four bytes each: the limit counts characters, and a long message passes a body limit meant for it.
    let longest = "🔔".repeat(4000);
    let message = answer(post(json!({"text": longest})), 201).await;
    assert!(message["data"]["text"] == longest, "kept whole");
}

#[tokio::test]
async fn a_message_sent_again_is_stored_once() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    app.room("other").await;
    let body = json!({"text": "x", "clientId": "c1"});
    let post = |token: &str, room: &str| {
        answer(
            app.post(token, &format!("/api/rooms/{room}/messages"))
                .json(&body),
            201,
        )
    };

    let first = join_all((0..5).map(|_| post(&bob, "lobby"))).await;
    let hers = post(&carol, "lobby").await;
    let elsewhere = post(&bob, "other").await;

    assert!(
        first.iter().all(|message| *message == first[0]),
        "{first:?}"
    );
    assert_ne!(hers["id"], first[0]["id"]);
    assert_ne!(elsewhere["id"], first[0]["id"]);
    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_is_present_is_who_has_a_stream_on_that_room() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    app.room("other").await;

    let first = app.connected(&bob, "/api/stream?room=lobby").await;
    let second = app
        .connected(&bob, "/api/stream?room=lobby&room=other")
        .await;
    let _everywhere = app.connected(&carol, "/api/stream?rooms=all").await;

    assert_eq!(
        present(&app, &carol, "lobby").await,
        json!([{"id": "bob", "displayName": "bob"}])
    );
    let rooms = answer(app.get(&carol, "/api/rooms"), 200).await;
    let lobby = rooms
        .as_array()
        .unwrap()
        .iter()
        .find(|room| room["id"] == "lobby")
        .unwrap();
    assert_eq!(lobby["online"], 1);

    drop(second);
    until("nobody in the other room", DEADLINE, async || {
        (present(&app, &carol, "other").await == json!([])).then_some(())
    })
    .await;
    assert_eq!(
        present(&app, &carol, "lobby")
            .await
            .as_array()
            .unwrap()
            .len(),
        1,
        "their first stream is still there"
    );
    drop(first);
    until("nobody in the lobby", DEADLINE, async || {
        (present(&app, &carol, "lobby").await == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn joining_and_leaving_is_told_once_however_many_streams_one_has() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    let mut watch = app.connected(&carol, "/api/stream?room=lobby").await;
    let mut everywhere = app.connected(&app.service(), "/api/stream?rooms=all").await;
    let mut elsewhere = app.connected(&carol, "/api/stream").await;

    let first = app.connected(&bob, "/api/stream?room=lobby").await;
    let joined = next_about(&mut watch, "bob").await;
    assert_eq!(
        joined,
        json!({"roomId": "lobby", "joined": ["bob"], "left": []})
    );
    assert_eq!(next_about(&mut everywhere, "bob").await, joined);

    let second = app.connected(&bob, "/api/stream?room=lobby").await;
    drop(first);
    app.wait_for_connections(4, DEADLINE).await;
    say(&app, &bob, "lobby", "still here").await;
    assert_eq!(
        watch.next_event(DEADLINE).await.name(),
        "message",
        "no presence in between"
    );

    drop(second);
    let left = next_about(&mut watch, "bob").await;
    assert_eq!(
        left,
        json!({"roomId": "lobby", "joined": [], "left": ["bob"]})
    );
    app.publish(json!({"user": "carol"}), "T").await;
    assert_eq!(
        elsewhere.next_event(DEADLINE).await.name(),
        "alarm",
        "presence is for those in the room"
    );
}

#[tokio::test]
async fn everybody_in_a_big_room_hears_the_number_and_who_came_once() {
    const MEMBERS: usize = 201;
    let app = TestApp::spawn().await;
    app.room("hall").await;
    let members = crowd(&app, MEMBERS).await;
    let watching = members
        .iter()
        .map(async |token| app.connected(token, "/api/stream?room=hall").await);
    let mut streams = join_all(watching).await;
    // All announcements are told in one order, so this one is the last of those about the members.
    let early = app.user("early").await;
    let _early = app.connected(&early, "/api/stream?room=hall").await;
    join_all(
        streams
            .iter_mut()
            .map(async |stream| next_about(stream, "early").await),
    )
    .await;

    let zoe = app.user("zoe").await;
    let zoes = app.connected(&zoe, "/api/stream?room=hall").await;
    let heard = join_all(
        streams
            .iter_mut()
            .map(async |stream| next_about(stream, "zoe").await),
    )
    .await;
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/rooms/hall/presence?limit=90{after}");
        let page = answer(app.get(&zoe, &path), 200).await;
        assert_eq!(page["count"], MEMBERS + 2);
        pages.push(page["users"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    drop(zoes);
    let left = join_all(
        streams
            .iter_mut()
            .map(async |stream| next_about(stream, "zoe").await),
    )
    .await;

    assert_eq!(pages, [90, 90, MEMBERS + 2 - 180]);
    for event in heard {
        assert_eq!(
            event,
            json!({"roomId": "hall", "count": MEMBERS + 2, "joined": ["zoe"], "left": []})
        );
    }
    for event in left {
        assert_eq!(
            event,
            json!({"roomId": "hall", "count": MEMBERS + 1, "joined": [], "left": ["zoe"]})
        );
    }
}

async fn next_about(stream: &mut crate::support::SseClient, user: &str) -> Value {
    loop {
        let event = stream.next_named("presence", DEADLINE).await;
        assert_eq!(event.id, None, "presence is not replayed");
        let presence = event.json();
        if presence.to_string().contains(user) {
            return presence;
        }
    }
}

#[tokio::test]
async fn an_alarm_for_a_room_reaches_those_in_it() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    let mut inside = app.connected(&bob, "/api/stream?room=lobby").await;
    let mut outside = app.connected(&carol, "/api/stream").await;

    let id = app.publish(json!({"room": "lobby"}), "RING").await;
    app.publish(json!({"user": "carol"}), "HERS").await;

    let message = inside.next_named("message", DEADLINE).await;
    assert_eq!(message.number(), id);
    assert_eq!(message.json()["alarmType"], "RING");
    let first = outside.next_event(DEADLINE).await;
    assert_eq!(first.json()["alarmType"], "HERS");
}
