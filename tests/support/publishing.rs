//! Publishing as a back end does, and reading an inbox.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::answer;
use crate::support::TestApp;

/// Publishes as a back end does.
pub(crate) fn publish(app: &TestApp, body: &Value) -> RequestBuilder {
    app.post(&app.service(), "/api/alarms").json(body)
}

/// Publishes `count` alarms to a user, and gives their ids.
pub(crate) async fn publish_many(app: &TestApp, user: &str, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.publish(json!({"user": user}), "T").await);
    }
    ids
}

/// A page of the inbox.
pub(crate) async fn list(app: &TestApp, token: &str, query: &str) -> Value {
    answer(app.get(token, &format!("/api/alarms{query}")), 200).await
}

/// The ids of a page, in its order.
pub(crate) fn ids(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect()
}

/// The number of the caller's alarms, up to 100.
pub(crate) async fn count(app: &TestApp, token: &str) -> usize {
    inbox(app, token).await["items"].as_array().unwrap().len()
}

pub(crate) async fn inbox(app: &TestApp, token: &str) -> Value {
    answer(app.get(token, "/api/alarms?limit=100"), 200).await
}
