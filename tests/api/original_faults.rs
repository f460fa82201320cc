//! The faults of the notification server this one replaces, one test for each, so that none comes back.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, problem, refusal, send};
use crate::auth::is_time;
use crate::crowd::{RawStream, crowd};
use crate::database::lock;
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign};

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
async fn fault_nothing_replayed_an_alarm_for_a_user_who_is_away_waits_for_him() {
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
async fn fault_a_token_cut_out_of_the_query_it_is_parsed_wherever_it_is() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let encoded = bob.replace('.', "%2E");

    for query in [
        format!("token={bob}"),
        format!("token={bob}&cursor=0"),
        format!("cursor=0&token={bob}"),
        format!("a=b=c&token={bob}&&d"),
        format!("token={encoded}"),
    ] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub?{query}");
        let mut stream = SseClient::open(app.request(Method::GET, &path)).await;
        assert_eq!(stream.next_event(DEADLINE).await.data, "connect completed");
    }
    for query in [
        format!("token={bob}="),
        format!("token={bob}%3D%3D"),
        "token==".to_owned(),
        "token=".to_owned(),
    ] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub?{query}");
        refusal(app.request(Method::GET, &path), 401, "invalid_token").await;
    }
    for query in ["", "?", "?x", "?xtoken=1"] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub{query}");
        refusal(app.request(Method::GET, &path), 401, "unauthorized").await;
    }
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
async fn fault_an_invalid_token_treated_as_none_it_is_refused_even_beside_a_good_one() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let expired = sign(&Claims::of("bob", "user").expired());

    for bad in ["garbage", &expired] {
        let beside_a_cookie = app
            .get(bad, "/api/stream")
            .header("Cookie", format!("campanile_session={bob}"));
        refusal(beside_a_cookie, 401, "invalid_token").await;
        let beside_a_query = app.get(bad, &format!("/api/stream?token={bob}"));
        refusal(beside_a_query, 401, "invalid_token").await;
        let in_the_query = app.request(Method::GET, &format!("/api/stream?token={bad}"));
        refusal(in_the_query, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn fault_a_token_checked_only_at_the_start_a_stream_ends_with_its_token() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let token = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(3)));
    let mut stream = app.connected(&token, "/api/stream").await;
    let mut legacy = app.stream(&token, "/room/subscribe?id=bob").await;

    stream.bye("expired", DEADLINE).await;
    legacy.bye("expired", DEADLINE).await;

    app.wait_for_connections(0, DEADLINE).await;
}

#[tokio::test]
async fn fault_anyone_may_subscribe_as_anyone_the_id_must_be_the_callers() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;

    refusal(app.get(&bob, "/room/subscribe?id=carol"), 403, "forbidden").await;
    let path = "/room/subscribe?id=carol";
    refusal(app.request(Method::GET, path), 401, "unauthorized").await;
}

#[tokio::test]
async fn fault_a_get_that_publishes_for_any_sender_the_sender_must_be_the_caller() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let path = "/room/publish?sender=carol&roomId=lobby";

    for method in [Method::GET, Method::POST] {
        let request = app.request(method.clone(), path);
        refusal(request, 401, "unauthorized").await;
        let request = app.request(method, path).bearer_auth(&bob);
        refusal(request, 403, "forbidden").await;
    }
    let by_link = app
        .request(Method::GET, "/room/publish?sender=bob&roomId=lobby")
        .header("Cookie", format!("campanile_session={bob}"));
    assert_eq!(send(by_link).await.status(), 405);

    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"], json!([]));
}

#[tokio::test]
async fn fault_255_character_payloads_a_long_one_arrives_whole() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let data = json!({"text": "긴 글 ".repeat(1500), "n": 1});
    assert!(data.to_string().len() > 10_000);

    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": data, "url": format!("/{}", "x".repeat(300))});
    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;

    let pushed = stream.next_named("alarm", DEADLINE).await.json();
    let stored = answer(app.get(&bob, "/api/alarms"), 200).await["items"][0].take();
    assert!(
        pushed["data"] == data && stored == pushed,
        "whole on both ways"
    );
}

#[tokio::test]
async fn fault_local_times_without_a_zone_every_time_is_utc_and_now() {
    let app = AppBuilder::default().env("TZ", "Asia/Seoul").spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let before = jiff::Timestamp::now();

    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "expiresInSeconds": 60});
    answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
    answer(app.post(&bob, "/api/alarms/1/read"), 200).await;
    let alarm = answer(app.get(&bob, "/api/alarms"), 200).await["items"][0].take();
    let rooms = answer(app.get(&bob, "/api/rooms"), 200).await;

    for (time, after) in [
        (&alarm["createdAt"], 0),
        (&alarm["seenAt"], 0),
        (&alarm["readAt"], 0),
        (&alarm["expiresAt"], 60),
        (&rooms[0]["createdAt"], 0),
    ] {
        let text = time.as_str().unwrap_or_else(|| panic!("a time: {alarm}"));
        assert!(is_time(text), "{text}");
        let time: jiff::Timestamp = text.parse().unwrap();
        let distance = time.duration_since(before).as_secs() - after;
        assert!((-30..30).contains(&distance), "{text} is {distance} s away");
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

#[tokio::test]
async fn fault_no_way_to_delete_one_alarm_one_of_a_pair_is_deleted_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "targetId": 17});
    let mut ids = Vec::new();
    for _ in 0..3 {
        let published = answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
        ids.push(published["alarms"][0]["id"].clone());
    }

    answer(app.delete(&bob, &format!("/api/alarms/{}", ids[1])), 204).await;

    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    let left: Vec<&Value> = inbox["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["id"])
        .collect();
    assert_eq!(left, [&ids[2], &ids[0]]);
}

#[tokio::test]
async fn fault_no_unread_state_each_alarm_is_unseen_and_unread_until_its_reader_says_so() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    let counts = async || {
        let meta = answer(app.get(&bob, "/api/alarms"), 200).await["meta"].take();
        (
            meta["unseen"].as_i64().unwrap(),
            meta["unread"].as_i64().unwrap(),
        )
    };

    assert_eq!(counts().await, (1, 1));
    answer(
        app.post(&bob, "/api/alarms/seen")
            .json(&json!({"upTo": id})),
        200,
    )
    .await;
    assert_eq!(counts().await, (0, 1));
    answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;
    assert_eq!(counts().await, (0, 0));
}

#[tokio::test]
async fn fault_no_paging_a_long_inbox_comes_in_pages() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    join_all((0..45).map(|_| app.publish(json!({"user": "bob"}), "T"))).await;

    let mut sizes = Vec::new();
    let mut path = "/api/main/alarm".to_owned();
    loop {
        let page = answer(app.get(&bob, &path), 200).await;
        sizes.push(page["items"].as_array().unwrap().len());
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        path = format!("/api/main/alarm?before={next}");
    }

    assert_eq!(sizes, [20, 20, 5]);
}
