//! The hub that stores no alarm, by which a measurement tells what storing costs.

use std::path::Path;

use serde_json::json;

use crate::answers::{answer, refusal};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, run};

const UNWRITTEN: (&str, &str) = ("CAMPANILE_BENCH_WITHOUT_STORE", "on");

fn file_in(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("campanile.db").display())
}

/// It takes a database file only.
fn unwritten(folder: &Path) -> AppBuilder {
    AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &file_in(folder))
        .env(UNWRITTEN.0, UNWRITTEN.1)
}

/// A hub that does not start, and changes nothing.
async fn refused(folder: &Path, url: &str) {
    let settings = [("CAMPANILE_DATABASE_URL", url), UNWRITTEN];
    let output = run(folder, &["serve"], &settings, "").await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("takes a new database file only"), "{said}");
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

#[tokio::test]
async fn a_database_with_alarms_and_a_server_are_refused_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    let start = || AppBuilder::default().env("CAMPANILE_DATABASE_URL", &file);
    let mut app = start().spawn().await;
    app.user("bob").await;
    let stored = app.publish(json!({"user": "bob"}), "FIRST").await;
    app.stop().await;

    refused(folder.path(), &file).await;
    refused(folder.path(), &Postgres::shared().database("unwritten")).await;

    let app = start().spawn().await;
    let next = app.publish(json!({"user": "bob"}), "SECOND").await;
    assert_eq!(next, stored + 1);
}
