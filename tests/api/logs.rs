//! No secret ever reaches the log.

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, send};
use crate::support::{AppBuilder, Claims, DEADLINE, SECRET, SseClient, TestApp, sign};

/// Every way a token can come in, good and bad, on routes that take it there and on routes that do not.
async fn use_tokens(app: &TestApp) -> Vec<String> {
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let session = app.sign_up("alice", "the password of alice").await;
    let expired = sign(&Claims::of("bob", "user").expired());
    let paths = [
        "/api/stream?room=lobby&",
        "/api/main/alarm/sub?",
        "/room/subscribe?id=bob&",
        "/api/alarms?",
        "/nothing?",
        "/rooms?",
    ];
    for token in [&bob, &expired, &session] {
        let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in paths {
            for query in [
                format!("token={token}"),
                format!("token={encoded}"),
                format!("Token={token}"),
                format!("%74oken={token}"),
            ] {
                send(app.request(Method::GET, &format!("{path}{query}"))).await;
            }
            send(app.get(token, path)).await;
            let cookie = format!("campanile_session={token}");
            send(app.request(Method::GET, path).header("Cookie", &cookie)).await;
            send(app.request(Method::POST, path).header("Cookie", &cookie)).await;
            let referer = app.url(&format!("{path}token={token}"));
            send(app.request(Method::GET, path).header("Referer", referer)).await;
        }
    }
    for password in ["the password of alice", "a wrong password"] {
        let login = json!({"userId": "alice", "password": password});
        send(app.request(Method::POST, "/api/auth/login").json(&login)).await;
    }
    answer(app.post(&session, "/api/auth/logout"), 204).await;
    let request = app.request(Method::GET, &format!("/api/stream?token={bob}"));
    let mut stream = SseClient::open(request).await;
    app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    vec![
        bob,
        expired,
        session,
        app.service(),
        "the password of alice".to_owned(),
        "a wrong password".to_owned(),
    ]
}

async fn no_secret_is_logged_at(filter: &str) {
    let mut app = AppBuilder::default().env("RUST_LOG", filter).spawn().await;

    let secrets = use_tokens(&app).await;
    app.stop().await;

    let log = app.log();
    assert!(log.len() > 500, "the log was on: {log}");
    let decoded = percent_encoding::percent_decode_str(&log)
        .decode_utf8_lossy()
        .into_owned();
    for secret in secrets.iter().map(String::as_str).chain([SECRET]) {
        // The signature is the secret part: whoever has it with the rest has the token.
        let tail = secret.rsplit('.').next().unwrap();
        for text in [&log, &decoded] {
            let line = text.lines().find(|line| line.contains(tail));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }
    assert!(
        !decoded.contains("eyJ"),
        "something that looks like a token is in the log"
    );
}

#[tokio::test]
async fn no_token_is_in_any_line_of_the_ordinary_log() {
    no_secret_is_logged_at("info").await;
}

#[tokio::test]
async fn no_token_is_in_any_line_of_the_debug_log() {
    no_secret_is_logged_at("debug").await;
}

#[tokio::test]
async fn no_token_is_in_any_line_of_the_trace_log() {
    no_secret_is_logged_at("trace").await;
}
