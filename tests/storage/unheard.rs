//! A commit whose outcome the hub never hears: the alarm is stored, so it must reach its subscribers all the same.

use serde_json::{Value, json};

use crate::commit_proxy::Proxy;
use crate::stored::{hub_with_stream, publish};
use crate::support::postgres::Postgres;
use crate::support::{DEADLINE, SseClient, TestApp};

async fn hub_behind_proxy() -> (Proxy, TestApp, SseClient) {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let (proxy, url) = Proxy::before(&url).await;
    let (app, stream) = hub_with_stream(&url).await;
    (proxy, app, stream)
}

/// Publishes with a key, so that the same can be asked again.
async fn publish_keyed(app: &TestApp, key: &str) -> (u16, Option<i64>) {
    let answer = app
        .post(&app.service(), "/api/alarms")
        .header("Idempotency-Key", key)
        .json(&json!({"to": {"user": "bob"}, "alarmType": "T"}))
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["alarms"][0]["id"].as_i64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_whose_commit_was_not_heard_of_is_delivered_in_its_place() {
    let (proxy, app, mut stream) = hub_behind_proxy().await;
    assert_eq!(publish(&app, &Value::Null).await, (201, Some(1)));

    proxy.swallow_answers_to_commits(1);
    assert_eq!(publish(&app, &json!("unheard")).await, (503, None));
    assert_eq!(proxy.left(), 0);
    assert_eq!(publish(&app, &Value::Null).await, (201, Some(3)));

    for id in 1..=3 {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_delivered_even_if_nobody_publishes_again() {
    let (proxy, app, mut stream) = hub_behind_proxy().await;

    proxy.swallow_answers_to_commits(1);
    assert_eq!(publish_keyed(&app, "once").await, (503, None));

    let event = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(event.number(), 1);
    // The publisher does what it was told to, and hears of the alarm that is there.
    assert_eq!(publish_keyed(&app, "once").await, (201, Some(1)));
    assert_eq!(publish(&app, &Value::Null).await, (201, Some(2)));
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_of_them_beside_many_publishers_leave_no_hole_and_no_repeat() {
    let (proxy, app, mut stream) = hub_behind_proxy().await;

    let mut refused = 0;
    let mut last = 0;
    for _round in 0..5 {
        proxy.swallow_answers_to_commits(2);
        // All of them may share a commit.
        for _turn in 0..3 {
            let some = (0..20).map(|_| publish(&app, &Value::Null));
            for (status, id) in futures::future::join_all(some).await {
                refused += usize::from(status != 201);
                last = last.max(id.unwrap_or_default());
            }
        }
    }
    while proxy.left() > 0 {
        publish(&app, &Value::Null).await;
    }
    let (status, id) = publish(&app, &Value::Null).await;
    assert_eq!(status, 201);

    let mut seen = Vec::new();
    while seen.last() != id.as_ref() {
        seen.push(stream.next_named("alarm", DEADLINE).await.number());
    }
    assert_eq!(seen, (1..=id.unwrap()).collect::<Vec<i64>>());
    assert!(refused > 0 && last > 0, "{refused} refused, {last} stored");
    eprintln!("{refused} unheard of among {} alarms", seen.len());
}
