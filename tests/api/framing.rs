//! The framing that common parsers of streams and lines read: no line break inside of data, no block without an event.

use serde_json::{Value, json};

use crate::answers::{answer, problem, send};
use crate::support::{AppBuilder, DEADLINE, TestApp};

const BREAKS: &str = "a\u{85}b\u{2028}c\u{2029}d";

#[tokio::test]
async fn no_transport_carries_a_raw_line_break_of_unicode() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("42").await;
    let service = app.service();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": {BREAKS: [BREAKS]}});
    answer(app.post(&service, "/api/alarms").json(&body), 201).await;
    let said = json!({"text": BREAKS});
    answer(app.post(&bob, "/api/rooms/42/messages").json(&said), 201).await;

    let polled = app
        .get(&bob, "/api/stream?cursor=0&room=42")
        .header("Accept", "application/json");
    let text = send(polled).await.text().await.unwrap();
    assert!(!text.contains(['\u{85}', '\u{2028}', '\u{2029}']), "{text}");
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["events"][0]["data"]["data"], json!({BREAKS: [BREAKS]}));
    assert_eq!(page["events"][1]["data"]["data"]["text"], BREAKS);

    for path in [
        "/api/stream?cursor=0&room=42",
        "/room/subscribe?id=bob&cursor=0",
    ] {
        let mut stream = app.stream(&bob, path).await;
        let event = stream.next_named("message", DEADLINE).await;
        assert!(
            !event.data.contains(['\u{85}', '\u{2028}', '\u{2029}']),
            "{event:?}"
        );
        assert!(event.json().to_string().contains('\u{2028}'), "{event:?}");
    }
}

/// The bytes of a stream from its begin to some time after the first comment.
async fn beginning(app: &TestApp, token: &str, path: &str) -> (reqwest::header::HeaderMap, String) {
    let mut response = send(app.get(token, path)).await;
    let headers = response.headers().clone();
    let mut text = String::new();
    let read = async {
        while !text.contains("\n:\n") && !text.starts_with(":\n") {
            let chunk = response.chunk().await.unwrap().expect("no end");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(DEADLINE, read)
        .await
        .expect("a comment in time");
    (headers, text)
}

#[tokio::test]
async fn every_block_of_a_stream_is_an_event_and_a_comment_is_one_line() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        let (headers, text) = beginning(&app, &bob, path).await;
        assert!(
            !headers.contains_key("content-encoding"),
            "{path}: {headers:?}"
        );
        assert!(text.starts_with("retry: "), "{path}: {text:?}");
        for block in text
            .split("\n\n")
            .filter(|block| !block.trim_matches(['\n', ':']).is_empty())
        {
            let data = block
                .lines()
                .filter(|line| line.starts_with("data: "))
                .count();
            assert!(data == 1, "{path}: {block:?} in {text:?}");
        }
        assert!(
            !text.contains(":\n\n") && !text.contains(": \n"),
            "{path}: {text:?}"
        );
    }
    let (headers, _) = {
        let response = send(app.get(&app.admin(), "/api/admin/figures")).await;
        (response.headers().clone(), ())
    };
    assert!(!headers.contains_key("content-encoding"), "{headers:?}");
}

#[tokio::test]
async fn a_heartbeat_carries_the_position_as_its_id() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let id = app.publish(json!({"user": "carol"}), "T").await;

    loop {
        let ping = stream.next_named("ping", DEADLINE).await;
        assert_eq!(ping.json()["cursor"], ping.number());
        if ping.number() == id {
            break;
        }
    }
}

#[tokio::test]
async fn the_accept_header_is_read_as_a_list_with_weights() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for (lines, media_type) in [
        (
            &["application/json;q=0.1, text/event-stream"][..],
            "text/event-stream",
        ),
        (
            &["text/html", "application/x-ndjson"],
            "application/x-ndjson",
        ),
        (&["text/event-stream;q=0, */*;q=0.1"], "application/json"),
    ] {
        let request = lines
            .iter()
            .fold(app.get(&bob, "/api/stream"), |request, line| {
                request.header("Accept", *line)
            });
        let answer = send(request).await;
        assert_eq!(answer.headers()["content-type"], media_type, "{lines:?}");
    }
    for line in ["text/event-stream;q=0", "text/html"] {
        let request = app.get(&bob, "/api/stream").header("Accept", line);
        problem(send(request).await, 406, "not_acceptable").await;
    }
}
