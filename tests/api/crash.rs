//! The server's process is ended in the middle of its work: what it has answered must be true afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answers::answer;
use crate::crowd::crowd;
use crate::support::{DEADLINE, TestApp};

const PUBLISHERS: usize = 6;
const BEFORE_THE_END: usize = 200;

/// Key by key: the id it was answered with, or none for the one in flight when the server died.
type Keys = BTreeMap<String, Option<i64>>;

#[tokio::test]
async fn every_alarm_that_was_answered_survives_a_kill_and_none_is_there_twice() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut keys = Keys::new();

    for round in 0..3 {
        let mut stream = app.connected(&bob, "/api/stream").await;
        let pushed = tokio::spawn(async move {
            let mut ids = Vec::new();
            while let Some(event) = stream.event_or_end(DEADLINE).await {
                if event.name() == "alarm" {
                    ids.push(event.number());
                }
            }
            ids
        });
        keys.append(&mut publish_until_killed(&mut app, round).await);
        let pushed = pushed.await.unwrap();
        app.restart().await;

        let stored = inbox(&app, &bob).await;
        let answered: Vec<i64> = keys.values().filter_map(|id| *id).collect();
        let distinct: BTreeSet<i64> = stored.iter().copied().collect();
        assert_eq!(distinct.len(), stored.len(), "none is there twice");
        assert!(
            answered.iter().all(|id| distinct.contains(id)),
            "what was answered is there"
        );
        assert!(
            pushed.iter().all(|id| distinct.contains(id)),
            "what was pushed is there"
        );
        assert!(stored.len() <= keys.len(), "nothing that nobody published");
        assert_eq!(
            replayed(&app, &bob, stored.len()).await,
            stored,
            "all of it is replayed"
        );
        let dense: Vec<i64> = (1..=i64::try_from(stored.len()).unwrap()).collect();
        assert_eq!(stored, dense, "no hole");

        retry_every_key(&app, &mut keys).await;
        assert_eq!(
            inbox(&app, &bob).await.len(),
            keys.len(),
            "each key stored one alarm"
        );
    }
}

#[tokio::test]
async fn a_crowd_that_comes_back_after_a_kill_reads_the_log_once_for_each_cursor_at_most() {
    const MEMBERS: usize = 60;
    const MISSED: usize = 20;
    let mut app = TestApp::spawn().await;
    let members = crowd(&app, MEMBERS).await;
    app.user("nobody").await;
    let mut cursors = Vec::new();
    for _ in 0..3 {
        cursors.push(app.publish(json!({"user": "nobody"}), "CURSOR").await);
    }
    for _ in 0..MISSED {
        app.publish(json!({"everyone": true}), "MISSED").await;
    }
    app.kill().await;
    app.restart().await;
    let before = app.figure(REPLAY_READS).await;

    let coming = members.iter().enumerate().map(async |(number, token)| {
        let cursor = cursors[number % cursors.len()];
        let path = format!("/api/stream?cursor={cursor}");
        let mut stream = app.connected(token, &path).await;
        for _ in 0..MISSED {
            stream.next_named("alarm", DEADLINE).await;
        }
    });
    join_all(coming).await;

    let reads = app.figure(REPLAY_READS).await - before;
    assert!(reads <= cursors.len() as f64, "{reads}");
}

const REPLAY_READS: &str = "campanile_store_reads_total{kind=\"replay\"}";

async fn publish_until_killed(app: &mut TestApp, round: usize) -> Keys {
    let answered = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(tokio::sync::Notify::new());
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (answered, enough) = (Arc::clone(&answered), Arc::clone(&enough));
        let (client, url, token) = (app.client.clone(), app.url("/api/alarms"), app.service());
        publishers.spawn(async move {
            let mut keys = Keys::new();
            for number in 0.. {
                let key = format!("{round}-{publisher}-{number}");
                let Some(id) = publish(&client, &url, &token, &key).await else {
                    keys.insert(key, None);
                    break;
                };
                keys.insert(key, Some(id));
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == BEFORE_THE_END {
                    enough.notify_one();
                }
            }
            keys
        });
    }
    tokio::time::timeout(DEADLINE, enough.notified())
        .await
        .expect("enough answers");
    app.kill().await;
    let mut keys = Keys::new();
    for mut some in publishers.join_all().await {
        keys.append(&mut some);
    }
    keys
}

/// The id of the answer, or nothing when the server is gone.
async fn publish(client: &Client, url: &str, token: &str, key: &str) -> Option<i64> {
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let request = client
        .post(url)
        .bearer_auth(token)
        .header("Idempotency-Key", key)
        .json(&body);
    let answer = request.send().await.ok()?;
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.ok()?;
    answer["alarms"][0]["id"].as_i64()
}

async fn retry_every_key(app: &TestApp, keys: &mut Keys) {
    let (url, token) = (app.url("/api/alarms"), app.service());
    for (key, id) in keys.iter_mut() {
        let again = publish(&app.client, &url, &token, key).await;
        assert!(again.is_some());
        assert!(
            id.is_none() || *id == again,
            "{key}: {id:?} and then {again:?}"
        );
        *id = again;
    }
}

/// All ids of the inbox, oldest first.
async fn inbox(app: &TestApp, token: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut path = "/api/alarms?limit=100".to_owned();
    loop {
        let page = answer(app.get(token, &path), 200).await;
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        path = format!("/api/alarms?limit=100&before={next}");
    }
    ids.reverse();
    ids
}

async fn replayed(app: &TestApp, token: &str, count: usize) -> Vec<i64> {
    let mut stream = app.connected(token, "/api/stream?cursor=0").await;
    let mut ids = Vec::new();
    while ids.len() < count {
        ids.push(stream.next_named("alarm", DEADLINE).await.number());
    }
    ids
}
