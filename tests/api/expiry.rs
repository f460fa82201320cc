//! Alarms that time takes: every open stream hears of it within two seconds.

use std::time::Duration;

use serde_json::json;

use crate::answers::answer;
use crate::database;
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp};

async fn publish(app: &TestApp, to: serde_json::Value, seconds: u64) -> i64 {
    let body = json!({"to": to, "alarmType": "T", "expiresInSeconds": seconds});
    let answer = answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
    answer["alarms"][0]["id"].as_i64().unwrap()
}

/// The `state` event that says that these alarms expired. The promise is two seconds; a slow machine is given more.
async fn expired(stream: &mut SseClient, ids: &[i64], unseen: i64, life: Duration) {
    let state = stream.next_named("state", life + DEADLINE).await;
    let data = state.json();
    assert_eq!(data["ids"], json!(ids), "{data}");
    assert_eq!(data["expired"], true, "{data}");
    assert_eq!(
        (data["unseen"].as_i64(), data["unread"].as_i64()),
        (Some(unseen), Some(unseen))
    );
    assert!(data["head"].as_i64().unwrap() >= ids[0], "{data}");
}

#[tokio::test]
async fn an_alarm_that_expires_is_told_to_every_stream_of_those_it_was_for() {
    let app = TestApp::spawn().await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    let mut bobs = [
        app.connected(&bob, "/api/stream").await,
        app.connected(&bob, "/api/stream").await,
    ];
    let mut carols = app.connected(&carol, "/api/stream").await;

    let life = Duration::from_secs(1);
    let own = publish(&app, json!({"user": "bob"}), 1).await;
    for stream in &mut bobs {
        expired(stream, &[own], 0, life).await;
    }
    let shared = publish(&app, json!({"everyone": true}), 1).await;
    for stream in bobs.iter_mut().chain([&mut carols]) {
        expired(stream, &[shared], 0, life).await;
    }
    let top = answer(app.get(&bob, "/api/alarms/top"), 200).await;
    assert_eq!(top["meta"]["unseen"], 0);
}

#[tokio::test]
async fn an_expiry_survives_a_restart() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.publish(json!({"user": "bob"}), "STAYS").await;
    let id = publish(&app, json!({"user": "bob"}), 6).await;

    app.restart().await;

    let mut stream = app.connected(&bob, "/api/stream").await;
    expired(&mut stream, &[id], 1, Duration::from_secs(6)).await;
}

#[tokio::test]
async fn a_mark_above_the_head_is_told_as_the_head() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    let body = json!({"upTo": 9_007_199_254_740_991_i64});
    answer(app.post(&bob, "/api/alarms/seen").json(&body), 200).await;

    let state = stream.next_named("state", DEADLINE).await.json();
    assert_eq!(state["upTo"], id, "{state}");
}

#[tokio::test]
async fn alarms_that_are_pruned_are_told_like_those_that_expire() {
    // Enough that a stream is open long before the last batch is pruned.
    const OLD: i64 = 40_000;
    let days = ("CAMPANILE_RETENTION_DAYS", "1");
    let mut app = AppBuilder::default().env(days.0, days.1).spawn().await;
    let bob = app.user("bob").await;
    app.stop().await;
    database::execute(
        &app,
        &format!(
            "WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < {OLD})
               INSERT INTO alarms (id, topic, alarm_type, data, created_at)
               SELECT id, 'user:bob', 'OLD', 'null', 1000 FROM ids;
             UPDATE log_head SET last_id = {OLD};"
        ),
    );

    app.restart().await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let (mut told, mut unread) = (Vec::new(), Vec::new());
    while told.last() != Some(&OLD) {
        let state = stream.next_named("state", DEADLINE).await.json();
        assert_eq!(state["expired"], true, "{state}");
        let ids = state["ids"].as_array().unwrap().iter();
        told.extend(ids.map(|id| id.as_i64().unwrap()));
        unread.push(state["unread"].as_i64().unwrap());
    }

    let all: Vec<i64> = (told[0]..=OLD).collect();
    assert_eq!(told, all, "each of them, once");
    assert!(unread.is_sorted_by(|before, after| before >= after));
    assert_eq!(unread.last(), Some(&0));
}
