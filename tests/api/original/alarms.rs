//! Faults of alarms and inboxes in the notification server that this one replaces: one test for each, so that none comes
//! back.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answers::answer;
use crate::answers::is_time;
use crate::support::{AppBuilder, DEADLINE, TestApp};

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
