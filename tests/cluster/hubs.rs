//! Hubs on one database, and what is asked of each.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, SseClient, TestApp, until};

/// The promise is a second; the rest is a debug build on a slow machine that does other things as well.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);

/// A fresh database of the shared server. The folder names it.
pub(crate) fn database() -> String {
    let folder = tempfile::tempdir().unwrap();
    Postgres::shared().database_of(folder.path())
}

/// A hub on a database.
pub(crate) async fn hub(url: &str) -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", url)
        .spawn()
        .await
}

/// The status of a request in somebody's name.
pub(crate) async fn status(hub: &TestApp, token: &str) -> u16 {
    let answer = hub.get(token, "/api/auth/me").send().await;
    answer.unwrap().status().as_u16()
}

/// Waits until requests are answered with a status, and tells how long that took.
pub(crate) async fn answers(hub: &TestApp, token: &str, wanted: u16) {
    let begin = Instant::now();
    until(&format!("answered {wanted}"), WITHIN, async || {
        (status(hub, token).await == wanted).then_some(())
    })
    .await;
    eprintln!("{wanted} after {:?}", begin.elapsed());
}

/// The stream ends for a reason.
pub(crate) async fn ends(mut stream: SseClient, reason: &str) -> Value {
    let begin = Instant::now();
    let bye = stream.bye(reason, WITHIN).await;
    eprintln!("bye {reason} after {:?}", begin.elapsed());
    bye
}

pub(crate) async fn sign_out(hub: &TestApp, token: &str) -> u16 {
    let answer = hub.post(token, "/api/auth/logout").send().await;
    answer.unwrap().status().as_u16()
}

/// Changes an account in the name of an administrator.
pub(crate) async fn change(hub: &TestApp, id: &str, change: Value) {
    let path = format!("/api/users/{id}");
    let changing = hub.put(&hub.admin(), &path).json(&change);
    assert_eq!(changing.send().await.unwrap().status(), 200);
}

/// Ends all streams of a user in the name of an administrator.
pub(crate) async fn kick(hub: &TestApp, id: &str) {
    let path = format!("/api/admin/users/{id}/disconnect");
    let answer = hub.post(&hub.admin(), &path).send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

/// Closes one stream in the name of an administrator; gives the status.
pub(crate) async fn disconnect(hub: &TestApp, client_id: &str) -> u16 {
    let path = format!("/api/admin/connections/{client_id}");
    let answer = hub.delete(&hub.admin(), &path).send().await;
    answer.unwrap().status().as_u16()
}

/// Publishes to a user; gives the id.
pub(crate) async fn publish(hub: &TestApp, to: &str) -> i64 {
    hub.publish(json!({"user": to}), "TEST").await
}
