//! Event streams: what they carry, how they resume, when they end.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, problem, refusal, send};
use crate::database::age_alarms;
use crate::support::{AppBuilder, Claims, DEADLINE, Event, Item, SseClient, TestApp, sign};

/// The next event that is an entry of the log.
async fn next_entry(stream: &mut SseClient) -> Event {
    loop {
        let event = stream.next_event(DEADLINE).await;
        if ["alarm", "message"].contains(&event.name()) {
            return event;
        }
        assert!(
            ["ping", "presence", "state"].contains(&event.name()),
            "{event:?}"
        );
    }
}

async fn expect_entries(stream: &mut SseClient, ids: &[i64]) {
    for id in ids {
        assert_eq!(next_entry(stream).await.number(), *id);
    }
}

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
        json!({"clientId": null, "cursor": head, "head": head, "gap": false, "unseen": 1, "unread": 1,
            "heartbeatSeconds": 15})
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
                assert_eq!((event.name(), &event.id), ("ping", &None));
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
async fn a_user_has_no_more_streams_than_allowed() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "3")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut streams = Vec::new();
    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        streams.push(app.stream(&bob, path).await);
    }

    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        let refused = send(app.get(&bob, path)).await;
        assert!(refused.headers().contains_key("retry-after"), "{path}");
        problem(refused, 429, "too_many_streams").await;
    }
    app.connected(&carol, "/api/stream").await;
    streams.pop();
    crate::support::until("a place for another stream", DEADLINE, async || {
        let again = send(app.get(&bob, "/api/stream")).await;
        (again.status() == 200).then_some(again)
    })
    .await;
}

#[tokio::test]
async fn opening_many_streams_at_once_does_not_get_round_the_limit() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "3")
        .spawn()
        .await;
    let bob = app.user("bob").await;

    let opened = (0..20).map(|_| send(app.get(&bob, "/api/stream")));
    let answers = futures::future::join_all(opened).await;

    let open = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .count();
    assert_eq!(open, 3);
    assert_eq!(app.connections().await.len(), 3);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let short = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(3)));
    let mut bearer = app.connected(&short, "/api/stream").await;
    let mut query =
        SseClient::open(app.request(Method::GET, &format!("/api/stream?token={short}"))).await;
    let mut legacy = app.stream(&short, "/api/main/alarm/sub").await;

    for stream in [&mut bearer, &mut query, &mut legacy] {
        let bye = stream.bye("expired", DEADLINE).await;
        assert_eq!(bye["reconnect"], true);
    }
    refusal(app.get(&short, "/api/stream"), 401, "invalid_token").await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_forgotten_within_a_second() {
    let app = AppBuilder::default().alone().spawn().await;
    let bob = app.user("bob").await;
    let streams = [
        app.connected(&bob, "/api/stream").await,
        app.stream(&bob, "/api/main/alarm/sub").await,
        app.stream(&bob, "/room/subscribe?id=bob").await,
    ];
    app.wait_for_connections(3, DEADLINE).await;

    let begin = Instant::now();
    drop(streams);
    app.wait_for_connections(0, Duration::from_secs(1)).await;

    eprintln!("forgotten after {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_replay_that_its_client_left_is_forgotten_too() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body =
        json!({"to": {"users": vec!["bob"; 1]}, "alarmType": "T", "data": "x".repeat(10_000)});
    let service = app.service();
    let publishing = (0..300).map(|_| answer(app.post(&service, "/api/alarms").json(&body), 201));
    futures::future::join_all(publishing).await;

    // Answered, but never read: the replay stands still half-way.
    let streams: Vec<SseClient> =
        futures::future::join_all((0..5).map(|_| app.stream(&bob, "/api/stream?cursor=0"))).await;
    drop(streams);

    app.wait_for_connections(0, DEADLINE).await;
}

#[tokio::test]
async fn a_query_token_may_be_anywhere_and_percent_encoded() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let encoded: String = bob.bytes().map(|byte| format!("%{byte:02X}")).collect();

    for path in [
        format!("/api/stream?token={bob}&room=lobby"),
        format!("/api/stream?room=lobby&token={bob}"),
        format!("/api/stream?room=lobby&token={encoded}&cursor=0"),
    ] {
        let mut stream = SseClient::open(app.request(Method::GET, &path)).await;
        assert_eq!(stream.next_event(DEADLINE).await.name(), "connect");
        let id = app.publish(json!({"room": "lobby"}), "T").await;
        let mut event = next_entry(&mut stream).await;
        while event.number() < id {
            event = next_entry(&mut stream).await;
        }
    }
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
