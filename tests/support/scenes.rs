//! The actions of browser tests outside of the windows: people who send messages, a hub with data, a network that is cut.

use diesel::SqliteConnection;
use diesel::connection::{Connection, SimpleConnection};
use serde_json::{Value, json};

use crate::chromium::Window;
use crate::support::TestApp;

/// The texts a room shows, in their order.
pub(crate) const TEXTS: &str =
    "[...document.querySelectorAll('#messages .text')].map((one) => one.textContent)";

/// Says something in a room by the wire.
pub(crate) async fn say(app: &TestApp, token: &str, room: &str, text: &str) {
    let said = app
        .post(token, &format!("/api/rooms/{room}/messages"))
        .json(&json!({"text": text}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(said.status(), 201, "{text}");
}

/// Waits until a room shows exactly these texts.
pub(crate) async fn shows_exactly(window: &Window, texts: &[String]) {
    let texts = Value::from(texts);
    window
        .holds(&format!(
            "JSON.stringify({TEXTS}) === JSON.stringify({texts})"
        ))
        .await;
}

pub(crate) const PAGES: [(&str, &str); 11] = [
    ("rooms", "/rooms"),
    ("room", "/rooms/tower"),
    ("inbox", "/alarms"),
    ("admin", "/admin"),
    ("recent", "/admin/recent"),
    ("person", "/admin/users/dora"),
    ("keys", "/admin/keys"),
    ("delivery", "/admin/alarms/5"),
    ("compare", "/compare"),
    ("embed", "/demo/embed"),
    ("missing", "/nowhere"),
];

/// Something to see on every page.
pub(crate) async fn furnish(app: &TestApp) {
    app.room("tower").await;
    let key =
        json!({"name": "shop", "scopes": ["publish:user", "tokens"], "topics": ["user:shop-*"]});
    let made = app.post(&app.admin(), "/api/admin/keys").json(&key).send();
    assert_eq!(made.await.expect("an answer").status(), 201);
    let dora = app.user("dora").await;
    for text in ["Who rings at noon?", "오늘 정오에는 누가 종을 울리나요?"] {
        let said = app
            .post(&dora, "/api/rooms/tower/messages")
            .json(&json!({"text": text}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(said.status(), 201);
    }
    let said = app
        .post(&app.admin(), "/api/rooms/tower/messages")
        .json(&json!({"text": "안녕하세요"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(said.status(), 201);
    let comment = json!({
        "to": {"user": "admin"}, "alarmType": "NEW_COMMENT_ON_POST", "fromUserId": "dora",
        "data": {"title": "Who rings at noon?"}, "url": "/rooms/tower",
    });
    publish(app, &comment).await;
    app.publish(json!({"everyone": true}), "MAINTENANCE").await;
    app.publish(json!({"user": "dora"}), "NEW_FOLLOWER").await;
}

pub(crate) async fn network(window: &Window, offline: bool) {
    let conditions =
        json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    window.cdp("Network.enable", json!({})).await;
    window
        .cdp("Network.emulateNetworkConditions", conditions)
        .await;
}

/// Changes what the hub has stored behind its back.
pub(crate) fn in_the_database(app: &TestApp, sql: &str) {
    let file = app.folder().join("campanile-data/campanile.db");
    let file = file.to_str().expect("a path in UTF-8");
    let mut database = SqliteConnection::establish(file).expect("the database");
    let sql = format!("PRAGMA busy_timeout = 10000; {sql}");
    database.batch_execute(&sql).expect("a change");
}

/// So that the page which needs it fails.
pub(crate) fn rename_table(app: &TestApp, table: &str) {
    in_the_database(app, &format!("ALTER TABLE {table} RENAME TO away"));
}

/// Runs a copied command as the person would who pasted it into a shell.
pub(crate) async fn run_in_a_shell(command: String, token: String) -> Value {
    let shell = tokio::task::spawn_blocking(move || {
        std::process::Command::new("sh")
            .args([
                "-c",
                &format!("{command} --silent --show-error --max-time 20"),
            ])
            .env("CAMPANILE_TOKEN", token)
            .output()
    });
    let output = shell.await.expect("the shell").expect("its output");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}: {output:?}"))
}

/// Publishes an alarm with all its fields.
pub(crate) async fn publish(app: &TestApp, alarm: &Value) {
    let stored = app.post(&app.service(), "/api/alarms").json(alarm).send();
    assert_eq!(stored.await.expect("an answer").status(), 201, "{alarm}");
}
