//! Publishing to a hub whose database may fail, and the file of that database.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{AppBuilder, SseClient, TestApp};

/// A hub on a database, and a stream of bob's.
pub(crate) async fn hub_with_stream(url: &str) -> (TestApp, SseClient) {
    let app = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", url)
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let stream = app.connected(&bob, "/api/stream").await;
    (app, stream)
}

/// The status of an answer to publishing one alarm for bob, and its id if it was stored.
pub(crate) async fn publish(app: &TestApp, data: &Value) -> (u16, Option<i64>) {
    let answer = app
        .post(&app.service(), "/api/alarms")
        .json(&json!({"to": {"user": "bob"}, "alarmType": "T", "data": data}))
        .send()
        .await
        .expect("an answer");
    let status = answer.status().as_u16();
    if status == 503 {
        assert!(answer.headers().contains_key("retry-after"));
    }
    let body: Value = answer.json().await.expect("JSON");
    (status, body["alarms"][0]["id"].as_i64())
}

/// The file of a server that runs on the default database.
pub(crate) fn database_file(app: &TestApp) -> PathBuf {
    app.folder().join("campanile-data/campanile.db")
}
