//! Nonsense through the front door: whatever comes in, what goes out is an answer of the contract, and never a 5xx.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{DEADLINE, TestApp};

/// Few in an ordinary run: each is a whole request.
const CASES: u32 = 64;

fn runner() -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").is_ok();
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if !asked {
        config.cases = CASES;
    }
    TestRunner::new(config)
}

/// Text that breaks readers: line ends, NUL, marks, quotes, percent signs, halves of escapes, the longest and the shortest.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop_oneof![
        Just("\r\n\r\ndata: x\r\n".to_owned()),
        Just("\0".to_owned()),
        Just("\u{feff}\u{2028}\u{2029}\u{85}".to_owned()),
        Just("%00%0d%0a%".to_owned()),
        Just("../../../etc/passwd".to_owned()),
        Just("' OR 1=1 --".to_owned()),
        Just("-1".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("\u{1f514}".repeat(70)),
        Just("a".repeat(20_000)),
    ];
    prop_oneof![2 => nasty, 3 => any::<String>(), 2 => "[ -~]{0,80}", 1 => "[0-9]{1,25}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        let field = prop_oneof![
            Just("to".to_owned()),
            Just("user".to_owned()),
            Just("users".to_owned()),
            Just("everyone".to_owned()),
            Just("room".to_owned()),
            Just("alarmType".to_owned()),
            Just("data".to_owned()),
            Just("text".to_owned()),
            Just("upTo".to_owned()),
            Just("id".to_owned()),
            Just("name".to_owned()),
            any::<String>(),
        ];
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((field, inner), 0..6).prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

/// A body: JSON of the wrong shape, or no JSON at all.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..300),
        1 => Just("[".repeat(20_000).into_bytes()),
    ]
}

const ROUTES: [(&str, &str); 14] = [
    ("POST", "/api/alarms"),
    ("POST", "/api/users"),
    ("PUT", "/api/users/{}"),
    ("POST", "/api/rooms"),
    ("POST", "/api/rooms/{}/messages"),
    ("GET", "/api/rooms/{}/messages?before={}&limit={}"),
    (
        "GET",
        "/api/alarms?before={}&limit={}&status={}&alarmType={}",
    ),
    ("DELETE", "/api/alarms?targetId={}&alarmType={}"),
    ("POST", "/api/alarms/seen"),
    ("POST", "/api/alarms/{}/read"),
    ("DELETE", "/api/admin/connections/{}"),
    ("POST", "/api/auth/signup"),
    ("POST", "/room/publish?sender={}&roomId={}"),
    ("GET", "/{}?{}"),
];

#[test]
fn no_request_whatever_is_in_it_is_answered_with_a_5xx() {
    let runtime = LazyLock::force(&RUNTIME);
    let app = runtime.block_on(TestApp::spawn());
    let token = app.admin();
    let strategy = (
        0..ROUTES.len(),
        vec(text(), 4),
        body(),
        proptest::option::of(text()),
    );

    runner()
        .run(&strategy, |(route, texts, body, key)| {
            let (method, path) = ROUTES[route];
            let path = filled(path, &texts);
            let request = app
                .request(Method::from_bytes(method.as_bytes()).unwrap(), &path)
                .bearer_auth(&token)
                .header("Idempotency-Key", header(&key.unwrap_or_default()))
                .body(body);
            assert_fine(runtime, request)
        })
        .unwrap();

    assert!(!app.log().contains("panicked"), "no handler panicked");
}

#[test]
fn no_token_query_or_cursor_is_answered_with_a_5xx_or_a_broken_stream() {
    let runtime = LazyLock::force(&RUNTIME);
    let app = runtime.block_on(TestApp::spawn());
    let admin = app.admin();
    runtime.block_on(app.publish(json!({"everyone": true}), "T"));
    let strategy = (vec(text(), 4), any::<bool>());

    runner()
        .run(&strategy, |(texts, known)| {
            let path = filled("/api/stream?cursor={}&room={}&topic={}&token={}", &texts);
            let request = app
                .request(Method::GET, &path)
                .header("Last-Event-ID", header(&texts[0]));
            let request = if known {
                request.bearer_auth(&admin)
            } else {
                request
            };
            assert_fine(runtime, request)
        })
        .unwrap();

    assert!(!app.log().contains("panicked"), "no handler panicked");
}

#[test]
fn whatever_is_said_in_a_room_comes_out_of_the_stream_as_it_was_said() {
    let runtime = LazyLock::force(&RUNTIME);
    let app = runtime.block_on(TestApp::spawn());
    runtime.block_on(app.room("42"));
    let token = runtime.block_on(app.user("bob"));
    let mut stream = runtime.block_on(app.connected(&token, "/api/stream?room=42"));

    let mut said = 0;
    for text in texts_that_break_frames() {
        let request = app
            .post(&token, "/api/rooms/42/messages")
            .json(&json!({"text": text}));
        let answer = runtime.block_on(request.send()).unwrap();
        assert_eq!(answer.status(), 201, "{text:?}");
        let event = runtime.block_on(stream.next_named("message", DEADLINE));
        assert_eq!(event.json()["data"]["text"], *text);
        said += 1;
    }
    assert_eq!(stream.comments.len() + said, said, "and nothing else came");
}

fn texts_that_break_frames() -> Vec<String> {
    let pieces = [
        "a\rb",
        "a\nb",
        "a\r\nb",
        "\n\ndata: forged\n\n",
        "\u{feff}a",
        "a\u{2028}b\u{2029}c\u{85}d",
        "\u{1f514}",
        "id: 1",
        ":",
        "\u{7f}\u{1b}[2J",
    ];
    let mut texts: Vec<String> = pieces.map(str::to_owned).to_vec();
    texts.push(pieces.concat().repeat(40));
    texts
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));

/// Puts the texts into a path, encoded as a client would, or as they are where that is a path at all.
fn filled(path: &str, texts: &[String]) -> String {
    let mut filled = path.to_owned();
    for text in texts {
        let short: String = text.chars().take(500).collect();
        let encoded =
            percent_encoding::utf8_percent_encode(&short, percent_encoding::NON_ALPHANUMERIC);
        filled = filled.replacen("{}", &encoded.to_string(), 1);
    }
    filled
}

/// The part of a text that a client can put into a header.
fn header(text: &str) -> Vec<u8> {
    let bytes = text
        .bytes()
        .filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 127));
    bytes.take(1_000).collect()
}

/// An answer of the contract, or the end of the connection where the request was none of HTTP.
fn assert_fine(
    runtime: &tokio::runtime::Runtime,
    request: reqwest::RequestBuilder,
) -> Result<(), TestCaseError> {
    let answer = runtime.block_on(async { tokio::time::timeout(DEADLINE, request.send()).await });
    let answer = answer.map_err(|_elapsed| TestCaseError::fail("no answer in time"))?;
    let answer = answer.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let status = answer.status();
    prop_assert!(!status.is_server_error(), "{}: {status}", answer.url());
    Ok(())
}
