//! The hub that stores no alarm, by which a measurement tells what storing costs.

use std::path::Path;

use serde_json::json;

use crate::answers::{answer, refusal};
use crate::support::{AppBuilder, DEADLINE};

/// It takes a database file only.
fn unwritten(folder: &Path) -> AppBuilder {
    let file = format!("sqlite://{}", folder.join("campanile.db").display());
    AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &file)
        .env("CAMPANILE_BENCH_WITHOUT_STORE", "on")
}

#[tokio::test]
async fn a_hub_without_a_store_delivers_with_ids_and_says_loudly_that_it_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = unwritten(folder.path()).spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    let first = app.publish(json!({"user": "bob"}), "FIRST").await;
    let second = app.publish(json!({"user": "bob"}), "SECOND").await;

    assert_eq!(second, first + 1);
    for id in [first, second] {
        let heard = stream.next_named("alarm", DEADLINE).await;
        assert_eq!(heard.number(), id);
    }
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"], json!([]), "{inbox}");
    assert!(app.log().contains("NO ALARM IS STORED"), "{}", app.log());
}

#[tokio::test]
async fn an_alarm_for_somebody_unknown_is_refused_without_a_store_too() {
    let folder = tempfile::tempdir().unwrap();
    let app = unwritten(folder.path()).spawn().await;
    let alarm = json!({"to": {"user": "nobody"}, "alarmType": "FIRST"});

    let refused = app.post(&app.service(), "/api/alarms").json(&alarm);

    refusal(refused, 422, "unknown_user").await;
}
