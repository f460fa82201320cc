//! Publishing once, however often it is asked for: the publisher's key.

use futures::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answers::{answer, refusal};
use crate::database;
use crate::publishing::count;
use crate::support::TestApp;

fn keyed(app: &TestApp, token: &str, key: &str, body: &Value) -> RequestBuilder {
    app.post(token, "/api/alarms")
        .header("Idempotency-Key", key)
        .json(body)
}

#[tokio::test]
async fn the_same_key_again_gives_the_first_answer_and_stores_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let body = json!({"to": {"users": ["bob", "carol"]}, "alarmType": "T"});
    let service = app.service();

    let first = answer(keyed(&app, &service, "key-1", &body), 201).await;
    let again = answer(keyed(&app, &service, "key-1", &body), 201).await;
    let other = answer(keyed(&app, &service, "key-2", &body), 201).await;

    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(count(&app, &bob).await, 2);
}

#[tokio::test]
async fn the_same_key_sent_many_times_at_once_stores_one_alarm() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let service = app.service();

    let answers = join_all((0..20).map(|_| answer(keyed(&app, &service, "key", &body), 201))).await;

    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let service = app.service();
    let body = |alarm_type: &str| json!({"to": {"user": "bob"}, "alarmType": alarm_type});

    answer(keyed(&app, &service, "key", &body("ONE")), 201).await;
    refusal(
        keyed(&app, &service, "key", &body("TWO")),
        422,
        "idempotency_mismatch",
    )
    .await;

    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_publisher() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    let one = answer(keyed(&app, &app.service(), "key", &body), 201).await;
    let other = answer(keyed(&app, &app.admin(), "key", &body), 201).await;

    assert_ne!(one, other);
    assert_eq!(count(&app, &bob).await, 2);
}

#[tokio::test]
async fn a_key_outlives_a_restart() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let first = answer(keyed(&app, &app.service(), "key", &body), 201).await;

    app.restart().await;

    let again = answer(keyed(&app, &app.service(), "key", &body), 201).await;
    assert_eq!(first, again);
    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_key_is_1_to_128_characters() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    answer(keyed(&app, &service, &"k".repeat(128), &body), 201).await;
    for key in [String::new(), "k".repeat(129)] {
        refusal(keyed(&app, &service, &key, &body), 422, "invalid_field").await;
    }
}

#[tokio::test]
async fn a_refused_publish_does_not_use_up_its_key() {
    let app = TestApp::spawn().await;
    let service = app.service();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    refusal(keyed(&app, &service, "key", &body), 422, "unknown_user").await;
    app.user("bob").await;

    answer(keyed(&app, &service, "key", &body), 201).await;
}

#[tokio::test]
async fn the_same_meaning_in_other_words_is_the_same_body() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let service = app.service();
    let send = |body: &str| {
        app.post(&service, "/api/alarms")
            .header("Idempotency-Key", "key")
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    };

    let first = r#"{"to":{"user":"bob"},"alarmType":"T","data":{"a":"\u00e9","b":[1.50,2]}}"#;
    let again =
        r#" {"data" : {"b": [1.50, 2], "a": "é"}, "alarmType": "\u0054", "to": {"user": "bob"}}"#;
    let stored = answer(send(first), 201).await;
    assert_eq!(answer(send(again), 201).await, stored);
    for other in [
        r#"{"to":{"user":"bob"},"alarmType":"T","data":{"a":"\u00e9","b":[1.5,2]}}"#,
        r#"{"to":{"user":"bob"},"alarmType":"T","data":{"a":"\u00e9","b":[2,1.50]}}"#,
    ] {
        refusal(send(other), 422, "idempotency_mismatch").await;
    }
    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_body_that_an_earlier_version_recorded_by_its_bytes_is_recognised_for_a_day() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let service = app.service();
    // Not in the order of the form of today.
    let body = r#"{"to":{"user":"bob"},"alarmType":"T"}"#;
    let send = |app: &TestApp, body: &str| {
        app.post(&service, "/api/alarms")
            .header("Idempotency-Key", "key")
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    };
    let stored = answer(send(&app, body), 201).await;
    app.stop().await;
    let digest = Sha256::digest(body.as_bytes());
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let earlier = format!("UPDATE idempotency_keys SET body_hash = '{hash}'");
    database::execute(&app, &earlier);

    app.restart().await;
    assert_eq!(answer(send(&app, body), 201).await, stored);
    let other = body.replace("\"T\"", "\"U\"");
    refusal(send(&app, &other), 422, "idempotency_mismatch").await;
    assert_eq!(count(&app, &bob).await, 1);

    app.stop().await;
    database::execute(
        &app,
        "UPDATE idempotency_keys SET created_at = created_at - 86400001",
    );
    app.restart().await;
    assert_ne!(answer(send(&app, body), 201).await, stored);
}
