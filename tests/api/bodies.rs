//! Bodies and fields as some platforms write them, and the words in which a wrong one is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, problem, refusal, send};
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
async fn a_whole_number_may_have_decimals_that_are_zero() {
    let app = TestApp::spawn().await;
    let (service, bob) = (app.service(), app.user("bob").await);
    let body = r#"{"to":{"user":"bob"},"alarmType":"T","expiresInSeconds":60.0}"#;

    answer(app.post(&service, "/api/alarms").body(body), 201).await;
    let seen = app.post(&bob, "/api/alarms/seen");
    let meta = answer(seen.body(r#"{"upTo":1e3}"#), 200).await;

    assert_eq!(meta["unseen"], 0);
}

/// It is a whole number: what is wrong is its size.
#[tokio::test]
async fn a_whole_number_that_is_too_large_is_told_so() {
    let app = TestApp::spawn().await;
    let (service, bob) = (app.service(), app.user("bob").await);
    let life = |number: &str| {
        format!(r#"{{"to":{{"user":"bob"}},"alarmType":"T","expiresInSeconds":{number}}}"#)
    };
    let up_to = |number: &str| format!(r#"{{"upTo":{number}}}"#);

    for (token, path, body) in [
        (&bob, "/api/alarms/seen", up_to("9223372036854775808")),
        (&bob, "/api/alarms/read", up_to("18446744073709551616")),
        (&bob, "/api/alarms/seen", up_to("-9223372036854775809")),
        (&bob, "/api/alarms/read", up_to("1e17")),
        (&service, "/api/alarms", life("18446744073709551616")),
        (&service, "/api/alarms", life("1e300")),
    ] {
        let problem = refusal(
            app.post(token, path).body(body.clone()),
            422,
            "invalid_field",
        )
        .await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("the number is out of range: at most "),
            "{body}: {detail}"
        );
    }
    for path in [
        "/api/alarms?limit=18446744073709551616",
        "/api/alarms?before=9223372036854775808",
        "/api/alarms?before=-9223372036854775809",
        "/api/stream?wait=18446744073709551616",
    ] {
        let problem = refusal(app.get(&bob, path), 422, "invalid_field").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("the number is out of range"),
            "{path}: {detail}"
        );
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_told_in_the_words_of_json() {
    let app = TestApp::spawn().await;
    let (service, bob, admin) = (app.service(), app.user("bob").await, app.admin());
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
        (
            &service,
            "/api/alarms",
            json!({"to": ["bob"], "alarmType": "T"}),
        ),
        (
            &service,
            "/api/alarms",
            json!([{"to": ["bob", null, null, null, null], "alarmType": "T"}]),
        ),
        (
            &service,
            "/api/alarms",
            json!({"to": {"role": "boss"}, "alarmType": "T"}),
        ),
        (
            &admin,
            "/api/admin/keys",
            json!({"name": "k", "scopes": ["all"]}),
        ),
        (&service, "/api/users", json!({})),
        (&service, "/api/users", json!(["bob"])),
        (&service, "/api/rooms", json!(5)),
        (&service, "/api/users", json!([["erin"]])),
        (&service, "/api/alarms", json!([[{"user": "bob"}, "T"]])),
        (&bob, "/api/alarms/seen", json!([1])),
        (&bob, "/api/rooms", json!([null, "A room"])),
        (&bob, "/api/alarms/seen", json!("x")),
        (&bob, "/api/alarms/seen", json!({"upTo": 1.5})),
        (&bob, "/api/alarms/seen", json!({"upTo": "1"})),
    ];

    for (token, path, body) in bodies {
        let problem = refusal(app.post(token, path).json(&body), 422, "invalid_field").await;
        let detail = problem["detail"].as_str().unwrap();
        for word in [
            "struct", "u64", "i64", "usize", "sequence", "map", "variant",
        ] {
            assert!(!detail.contains(word), "{path} {body}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_body_in_a_coding_is_told_that_none_is_taken() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let post = |coding: &str| {
        app.post(&service, "/api/alarms")
            .header("Content-Encoding", coding)
            .header("Content-Type", "application/json")
    };
    let body = r#"{"to":{"user":"bob"},"alarmType":"T"}"#;

    for (coding, named) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("identity, X-Gzip", "X-Gzip"),
    ] {
        for bytes in [&b"\x1f\x8b\x08\x00"[..], b"", body.as_bytes()] {
            let answer = send(post(coding).body(bytes.to_vec())).await;
            assert_eq!(answer.headers()["accept-encoding"], "identity");
            let problem = problem(answer, 415, "unsupported_encoding").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(named), "{detail}");
        }
    }
    for coding in ["identity", "Identity", ""] {
        answer(post(coding).body(body), 201).await;
    }
    // The rights of the caller come first.
    let stranger = app
        .request(Method::POST, "/api/alarms")
        .header("Content-Encoding", "gzip");
    refusal(stranger.body("x"), 401, "unauthorized").await;
}

#[tokio::test]
async fn json_is_taken_under_any_type_and_a_body_that_is_none_is_told_what_it_came_as() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let post = |kind: Option<&str>, body: &[u8]| {
        let post = app.post(&service, "/api/alarms").body(body.to_vec());
        match kind {
            Some(kind) => post.header("Content-Type", kind),
            None => post,
        }
    };
    let json = br#"{"to":{"user":"bob"},"alarmType":"T"}"#;

    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-8"),
    ] {
        answer(post(kind, json), 201).await;
    }
    let utf_16: Vec<u8> = "\u{feff}{}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (kind, body, words) in [
        (
            Some("application/x-www-form-urlencoded"),
            &b"to=bob&alarmType=T"[..],
            "application/x-www-form-urlencoded",
        ),
        (
            Some("multipart/form-data; boundary=x"),
            b"--x\r\n\r\n--x--",
            "multipart/form-data",
        ),
        (None, b"", "empty"),
        (Some("application/json"), b"{\"to\":\"\xff\"}", "UTF-8"),
        (Some("application/json"), &utf_16, "UTF-8"),
    ] {
        let problem = refusal(post(kind, body), 400, "malformed_json").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_told_by_its_rule_and_its_field() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("42").await;
    let service = app.service();
    let alarm = |rest: &str| format!(r#"{{"to":{{"user":"bob"}},"alarmType":"T",{rest}}}"#);
    let post = |token: &str, path: &str, body: String| {
        let post = app
            .post(token, path)
            .header("Content-Type", "application/json");
        post.body(body)
    };

    for (token, path, body, field) in [
        (&service, "/api/alarms", alarm(r#""data":"\ud800""#), "data"),
        (
            &service,
            "/api/alarms",
            alarm(r#""data":{"a":["\ud83d\u0041"]}"#),
            "data",
        ),
        (
            &service,
            "/api/alarms",
            alarm(r#""data":{"\udc00":1}"#),
            "data",
        ),
        (
            &service,
            "/api/alarms",
            alarm(r#""targetId":"\ud800""#),
            "targetId",
        ),
        (&service, "/api/alarms", alarm(r#""url":"/\udfff""#), "url"),
        (
            &bob,
            "/api/rooms/42/messages",
            r#"{"text":"a\ud800b"}"#.to_owned(),
            "text",
        ),
        (
            &bob,
            "/api/rooms",
            r#"{"name":"\ud83d"}"#.to_owned(),
            "name",
        ),
    ] {
        let problem = refusal(post(token, path, body.clone()), 422, "invalid_field").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(&format!("{field}: ")) && detail.contains("RFC 8259, section 8.2"),
            "{body}: {detail}"
        );
    }
    // Both halves are a character.
    answer(
        post(&service, "/api/alarms", alarm(r#""data":"\ud83d\ude00""#)),
        201,
    )
    .await;
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
