//! What the hub promises of its database, tested from outside: one that is away, full, taken, or full of old alarms.
//!
//! The tests of PostgreSQL need the feature `postgres`; with `CAMPANILE_TEST_DATABASE=postgres` the others run on it as well.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and tells its figures on stderr"
)]

#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the wire, which use more of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod checkpoint;
mod disk;
mod one_hub;
#[cfg(feature = "postgres")]
mod outage;
#[cfg(feature = "postgres")]
mod proxy;
mod retention;
mod start;
#[cfg(feature = "postgres")]
mod two_hubs;
#[cfg(feature = "postgres")]
mod unheard;

use std::path::PathBuf;

use serde_json::{Value, json};

use support::TestApp;

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
