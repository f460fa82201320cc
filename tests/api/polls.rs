//! What an idle hub costs: nothing.

use serde_json::json;

use crate::answers::refusal;
use crate::database;
use crate::support::{AppBuilder, DEADLINE, SseClient, until};

#[tokio::test]
async fn a_lone_hub_looks_at_its_log_only_after_a_commit_that_failed() {
    if !database::is_sqlite() {
        return;
    }
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    let heads = async || {
        app.figure("campanile_store_reads_total{kind=\"head\"}")
            .await
    };

    let at_first = heads().await;
    heartbeats(&mut stream, 3).await;
    assert_eq!(heads().await, at_first, "it knows all of its log");

    let lock = database::lock(&app);
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let publish = app.post(&app.service(), "/api/alarms").json(&body);
    refusal(publish, 503, "unavailable").await;
    until(
        "it looks, as the alarm may be stored",
        DEADLINE,
        async || (heads().await > at_first).then_some(()),
    )
    .await;
    drop(lock);
    let mut later = app.connected(&bob, "/api/stream").await;
    let mut looked = heads().await;
    loop {
        heartbeats(&mut later, 3).await;
        let now = heads().await;
        if now == looked {
            break;
        }
        assert!(
            now < at_first + 20.0,
            "it has seen that the alarm is not stored"
        );
        looked = now;
    }
    assert_eq!(app.publish(json!({"user": "bob"}), "T").await, 2);
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), 2);
}

/// Waits for signs of life of a stream on which nothing else comes: one a second.
async fn heartbeats(stream: &mut SseClient, count: usize) {
    for _ in 0..count {
        let _beat = stream.next_item(DEADLINE).await.expect("a heartbeat");
    }
}
