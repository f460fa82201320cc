//! The database file beside its write-ahead log: what is committed gets there without a commit's doing.

use std::fs;

use serde_json::json;

use crate::support::{DEADLINE, TestApp, on_postgres, until};
use crate::{database_file, publish};

const MARK: &str = "a text that stands nowhere else";

#[tokio::test]
async fn what_was_stored_is_soon_in_the_file_itself() {
    if on_postgres() {
        return;
    }
    let app = TestApp::spawn().await;
    app.user("bob").await;

    assert_eq!(publish(&app, &json!(MARK)).await.0, 201);

    until("the alarm in the file", DEADLINE, async || {
        let file = fs::read(database_file(&app)).unwrap();
        let mut windows = file.windows(MARK.len());
        windows.any(|some| some == MARK.as_bytes()).then_some(())
    })
    .await;
}
