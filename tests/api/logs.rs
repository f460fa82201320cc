//! No secret ever reaches the log.

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, send};
use crate::support::{AppBuilder, Claims, DEADLINE, SECRET, SseClient, TestApp, sign};

/// The lines of a log in JSON.
fn lines(app: &TestApp) -> Vec<serde_json::Value> {
    let log = app.log();
    let lines = log.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn a_request_is_a_line_with_its_id_the_pattern_of_its_route_and_its_status() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_LOG_FORMAT", "json")
        .spawn()
        .await;
    let service = app.service();
    for (given, kept) in [
        ("trace-1.a_B", true),
        (&"x".repeat(64), true),
        (&"x".repeat(65), false),
        ("two words", false),
        ("a\u{e9}", false),
    ] {
        let request = app.get(&service, "/api/admin/users/hidden-name?token=hidden-token");
        let answered = send(request.header("X-Request-Id", given.as_bytes())).await;
        let id = answered.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(id == given, kept, "{given}");
        app.wait_for_log(&id).await;
    }
    app.stop().await;

    let lines = lines(&app);
    let line = lines
        .iter()
        .find(|line| line["request_id"] == "trace-1.a_B")
        .unwrap();
    assert_eq!(line["route"], "/api/admin/users/{id}", "{line}");
    assert_eq!(
        (&line["method"], &line["level"]),
        (&json!("GET"), &json!("INFO"))
    );
    assert_eq!(line["status"], 422, "{line}");
    assert!(line["milliseconds"].is_number(), "{line}");
    assert!(
        !app.log().contains("hidden-"),
        "neither the path nor the query"
    );
}

#[tokio::test]
async fn a_stream_is_told_when_it_opens_and_when_it_ends_and_nothing_that_it_carries() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_LOG_FORMAT", "json")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream?room=lobby").await;
    let text = json!({"text": "what nobody else may read"});
    answer(app.post(&bob, "/api/rooms/lobby/messages").json(&text), 201).await;
    stream.next_named("message", DEADLINE).await;
    let client = app.connections().await[0]["clientId"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(stream);
    app.wait_for_log("client gone").await;
    let mut kept = app.connected(&bob, "/api/stream").await;
    app.ask_to_stop();
    kept.bye("shutdown", DEADLINE).await;
    app.ended().await;

    let lines = lines(&app);
    let of = |client: &str| {
        lines
            .iter()
            .filter(|line| line["client_id"] == client)
            .collect::<Vec<_>>()
    };
    let [opened, ended] = of(&client)[..] else {
        panic!("two lines of {client}: {lines:?}");
    };
    assert_eq!(
        (&opened["transport"], &opened["http"]),
        (&json!("sse"), &json!("1.1"))
    );
    assert_eq!(opened["route"], "/api/stream");
    assert_eq!(ended["reason"], "client gone");
    assert!(ended["events"].as_u64().unwrap() >= 2, "{ended}");
    assert!(
        ended["bytes"].as_u64().unwrap() > 20 && ended["seconds"].is_number(),
        "{ended}"
    );
    assert!(
        lines.iter().any(|line| line["reason"] == "shutdown"),
        "{lines:?}"
    );
    assert!(!app.log().contains("nobody else"), "no text of a person");
}

#[tokio::test]
async fn an_unknown_format_of_the_log_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("CAMPANILE_LOG_FORMAT", "xml")];
    let output = crate::support::run(folder.path(), &["serve"], &settings, "").await;

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("CAMPANILE_LOG_FORMAT"));
}

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
    // A random text in base64 may hold the beginning of a token, but no dot.
    let is_of_words = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let mut words = decoded.split(|letter| !is_of_words(letter));
    let token = words.find(|word| {
        let begin = word.find("eyJ");
        begin.is_some_and(|begin| word[begin..].contains('.'))
    });
    assert_eq!(token, None, "what looks like a token is in the log");
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

/// As compose writes a variable that is not set.
#[tokio::test]
async fn an_empty_filter_of_the_log_is_an_unset_one() {
    for filter in ["", " \n", " info\r\n"] {
        let app = AppBuilder::default().env("RUST_LOG", filter).spawn().await;
        app.wait_for_log("listening on").await;
    }
}
