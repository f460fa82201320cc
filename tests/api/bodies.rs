//! Bodies and fields as some platforms write them, and the words in which a wrong one is told.

use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::support::TestApp;

#[tokio::test]
async fn a_byte_order_mark_before_json_is_no_part_of_it() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let body = r#"{"to":{"user":"bob"},"alarmType":"T"}"#;
    let send = |body: String| {
        app.post(&service, "/api/alarms")
            .header("Idempotency-Key", "key")
            .header("Content-Type", "application/json")
            .body(body)
    };

    let marked = answer(send(format!("\u{feff}{body}")), 201).await;
    let plain = answer(send(body.to_owned()), 201).await;

    assert_eq!(marked, plain, "the same body");
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_told_in_the_words_of_json() {
    let app = TestApp::spawn().await;
    let (service, bob) = (app.service(), app.user("bob").await);
    let bodies = [
        (&service, "/api/alarms", Value::Null),
        (
            &service,
            "/api/alarms",
            json!({"to": {"user": "bob"}, "alarmType": "T", "expiresInSeconds": "5"}),
        ),
        (
            &service,
            "/api/alarms",
            json!({"to": {"users": "bob"}, "alarmType": "T"}),
        ),
        (&service, "/api/users", json!({})),
        (&service, "/api/users", json!(["bob"])),
        (&service, "/api/rooms", json!(5)),
        (&bob, "/api/alarms/seen", json!("x")),
        (&bob, "/api/alarms/seen", json!({"upTo": "1"})),
    ];

    for (token, path, body) in bodies {
        let problem = refusal(app.post(token, path).json(&body), 422, "invalid_field").await;
        let detail = problem["detail"].as_str().unwrap();
        for word in ["struct", "u64", "i64", "usize", "sequence", "map"] {
            assert!(!detail.contains(word), "{path} {body}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_field_that_comes_on_two_lines_is_read_whole_or_refused() {
    let app = TestApp::spawn().await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    let get = || app.client.get(app.url("/api/auth/me"));

    // Another scheme, which a proxy may have asked for, hides no token.
    let me = get()
        .header("Authorization", "Basic eDp5")
        .bearer_auth(&bob);
    assert_eq!(answer(me, 200).await["id"], "bob");
    refusal(
        get().bearer_auth(&bob).bearer_auth(&carol),
        401,
        "invalid_token",
    )
    .await;
    let two = format!("/api/stream?token={bob}&token={carol}");
    refusal(app.client.get(app.url(&two)), 401, "invalid_token").await;
    let for_two = get().bearer_auth(&bob);
    let for_two = for_two
        .header("Campanile-User", "bob")
        .header("Campanile-User", "carol");
    refusal(for_two, 412, "other_user").await;

    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let keyed = app.post(&app.service(), "/api/alarms").json(&body);
    let keyed = keyed
        .header("Idempotency-Key", "one")
        .header("Idempotency-Key", "two");
    let problem = refusal(keyed, 422, "invalid_field").await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("Idempotency-Key")
    );
}
