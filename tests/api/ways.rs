//! The five ways of being told: the same promises, tested on each with the same code.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures::{SinkExt, Stream, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::answers::{answer, invalid, refusal, send};
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign};

/// How a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    EventStream,
    WebSocket,
    Lines,
    LongPolling,
    Polling,
}

const ALL: [Way; 5] = [
    Way::EventStream,
    Way::WebSocket,
    Way::Lines,
    Way::LongPolling,
    Way::Polling,
];

/// The ways that hold one connection open.
const STREAMING: [Way; 3] = [Way::EventStream, Way::WebSocket, Way::Lines];

/// One client, whichever way it is told.
struct Listener<'a> {
    app: &'a TestApp,
    token: String,
    query: String,
    /// The last id it saw, or the cursor of its last poll.
    cursor: Option<i64>,
    link: Link,
}

enum Link {
    EventStream(Box<SseClient>),
    WebSocket(Box<WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>>),
    Lines(
        Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
        Vec<u8>,
    ),
    Poll(Option<u64>, VecDeque<Value>),
}

impl<'a> Listener<'a> {
    async fn open(
        app: &'a TestApp,
        token: &str,
        way: Way,
        query: &str,
        cursor: Option<i64>,
    ) -> Self {
        let mut listener = Self {
            app,
            token: token.to_owned(),
            query: query.to_owned(),
            cursor,
            link: Link::Poll(None, VecDeque::new()),
        };
        if !STREAMING.contains(&way) && cursor.is_none() {
            // Where the log ends now, as a stream's `connect` tells.
            listener.poll().await;
        }
        let address = listener.address("");
        listener.link = match way {
            Way::EventStream => Link::EventStream(Box::new(app.stream(token, &address).await)),
            Way::WebSocket => {
                let request = web_socket_request(app, token, &address);
                Link::WebSocket(Box::new(
                    connect_async(request).await.expect("a handshake").0,
                ))
            }
            Way::Lines => {
                let request = app
                    .get(token, &address)
                    .header("Accept", "application/x-ndjson");
                let response = send(request).await;
                assert_eq!(response.headers()["content-type"], "application/x-ndjson");
                Link::Lines(Box::pin(response.bytes_stream()), Vec::new())
            }
            Way::LongPolling => Link::Poll(Some(20), VecDeque::new()),
            Way::Polling => Link::Poll(None, VecDeque::new()),
        };
        if STREAMING.contains(&way) {
            let connect = listener.event().await;
            assert_eq!(connect["event"], "connect", "{way:?}");
            assert_eq!(connect["id"], connect["data"]["cursor"], "{way:?}");
        }
        listener
    }

    fn address(&self, more: &str) -> String {
        let cursor = self
            .cursor
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        format!("/api/stream?{}{cursor}{more}", self.query)
    }

    /// The next event of any kind as `{event,id,data}`; null at the end.
    async fn event(&mut self) -> Value {
        let next = tokio::time::timeout(DEADLINE, self.wait_for_event());
        let event = next.await.expect("an event in time");
        if let Some(id) = event["id"].as_i64() {
            self.cursor = Some(id);
        }
        event
    }

    async fn wait_for_event(&mut self) -> Value {
        loop {
            match &mut self.link {
                Link::EventStream(stream) => {
                    let Some(event) = stream.event_or_end(DEADLINE).await else {
                        return Value::Null;
                    };
                    let id = event
                        .id
                        .as_ref()
                        .map(|id| id.parse::<i64>().expect("a number"));
                    return json!({"event": event.name(), "id": id, "data": event.json()});
                }
                Link::WebSocket(socket) => match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return serde_json::from_str(&text).expect("JSON");
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Value::Null,
                    Some(Ok(_)) => {}
                },
                Link::Lines(body, bytes) => {
                    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = bytes.drain(..=end).collect();
                        return serde_json::from_slice(&line).expect("JSON");
                    }
                    match body.next().await {
                        Some(Ok(more)) => bytes.extend_from_slice(&more),
                        Some(Err(_)) | None => return Value::Null,
                    }
                }
                Link::Poll(_, waiting) => match waiting.pop_front() {
                    Some(event) => return event,
                    None => {
                        if self.poll().await == 401 {
                            return Value::Null;
                        }
                    }
                },
            }
        }
    }

    /// Asks once; returns the status.
    async fn poll(&mut self) -> u16 {
        let Link::Poll(wait, _) = &self.link else {
            panic!("only polls are asked again");
        };
        let wait = wait
            .map(|seconds| format!("&wait={seconds}"))
            .unwrap_or_default();
        let request = self.app.get(&self.token, &self.address(&wait));
        let response = send(request.header("Accept", "application/json")).await;
        let status = response.status().as_u16();
        if status != 200 {
            return status;
        }
        let body: Value = response.json().await.expect("JSON");
        let events = body["events"].as_array().expect("events").clone();
        if let (Link::Poll(_, waiting), Some(cursor)) = (&mut self.link, body["cursor"].as_i64()) {
            waiting.extend(events);
            // The cursor of the answer counts once its events are taken.
            self.cursor = Some(cursor);
        }
        status
    }

    /// The ids of the next `count` alarms and messages; other events are passed over.
    async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let event = self.event().await;
            assert!(!event.is_null(), "the end after {ids:?}");
            if matches!(event["event"].as_str(), Some("alarm" | "message")) {
                assert_eq!(event["id"], event["data"]["id"]);
                ids.push(event["id"].as_i64().expect("an id"));
            }
        }
        ids
    }

    /// The `bye` that must come before the end.
    async fn bye(&mut self) -> Value {
        loop {
            let event = self.event().await;
            assert!(!event.is_null(), "a bye before the end");
            if event["event"] == "bye" {
                return event["data"].clone();
            }
        }
    }
}

fn web_socket_request(
    app: &TestApp,
    token: &str,
    path: &str,
) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    let url = format!("ws://{}{path}", app.address());
    let mut request = url.into_client_request().expect("a request");
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("ASCII");
    request.headers_mut().insert("Authorization", bearer);
    request
}

async fn publish_many(app: &TestApp, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.publish(json!({"user": "bob"}), "T").await);
    }
    ids
}

#[tokio::test]
async fn each_way_gives_what_was_missed_and_then_what_comes_once_and_in_order() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let missed = publish_many(&app, 3).await;
    app.publish(json!({"user": "carol"}), "T").await;

    let mut listeners = Vec::new();
    for way in ALL {
        let mut listener = Listener::open(&app, &bob, way, "room=lobby", Some(missed[0])).await;
        assert_eq!(listener.ids(2).await, missed[1..], "{way:?}");
        listeners.push((way, listener));
    }
    app.room("lobby").await;
    let alarm = app.publish(json!({"everyone": true}), "T").await;
    let said = app
        .post(&bob, "/api/rooms/lobby/messages")
        .json(&json!({"text": "hi"}));
    let said = answer(said, 201).await["id"].as_i64().unwrap();

    for (way, mut listener) in listeners {
        assert_eq!(listener.ids(2).await, [alarm, said], "{way:?}");
    }
}

#[tokio::test]
async fn a_client_may_change_its_way_and_carry_its_cursor_along() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let ids = publish_many(&app, 30).await;

    let mut cursor = Some(0);
    let mut seen = Vec::new();
    for way in ALL.into_iter().cycle().take(30) {
        let mut listener = Listener::open(&app, &bob, way, "", cursor).await;
        let got = listener.ids(1).await;
        // A poll may bring more than was asked for: only what was taken counts.
        cursor = got.last().copied();
        seen.extend(got);
    }

    assert_eq!(seen, ids);
}

#[tokio::test]
async fn each_way_survives_a_restart_of_the_hub() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let before = publish_many(&app, 2).await;
    app.kill().await;
    app.restart().await;
    let after = publish_many(&app, 2).await;

    for way in ALL {
        let mut listener = Listener::open(&app, &bob, way, "", Some(before[0])).await;
        assert_eq!(
            listener.ids(3).await,
            [before[1], after[0], after[1]],
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn each_way_that_waits_is_told_when_it_is_disconnected_and_why() {
    let app = TestApp::spawn().await;
    for way in [
        Way::EventStream,
        Way::WebSocket,
        Way::Lines,
        Way::LongPolling,
    ] {
        let id = format!("user-{way:?}");
        let token = app.user(&id).await;
        let mut listener = Listener::open(&app, &token, way, "", None).await;

        let (bye, ()) = tokio::join!(listener.bye(), async {
            let mine = async || {
                let clients = app.connections().await;
                let mine = clients
                    .iter()
                    .find(|client| client["userId"] == id.as_str());
                mine.map(|client| client["clientId"].as_str().unwrap().to_owned())
            };
            let client = crate::support::until("the client is listed", DEADLINE, mine).await;
            let kick = app.delete(&app.admin(), &format!("/api/admin/connections/{client}"));
            assert_eq!(send(kick).await.status(), 204);
        });

        assert_eq!(
            bye,
            json!({"reason": "kicked", "reconnect": true}),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn each_way_that_streams_ends_with_its_token() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let token = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(4)));
    let mut listeners = Vec::new();
    for way in STREAMING {
        listeners.push((way, Listener::open(&app, &token, way, "", None).await));
    }

    for (way, mut listener) in listeners {
        assert_eq!(listener.bye().await["reason"], "expired", "{way:?}");
        assert!(
            listener.event().await.is_null(),
            "{way:?}: nothing after bye"
        );
    }
}

#[tokio::test]
async fn each_way_that_waits_hears_that_the_hub_stops() {
    for way in [
        Way::EventStream,
        Way::WebSocket,
        Way::Lines,
        Way::LongPolling,
    ] {
        let app = TestApp::spawn().await;
        let bob = app.user("bob").await;
        let mut listener = Listener::open(&app, &bob, way, "", None).await;

        let (bye, ()) = tokio::join!(listener.bye(), async {
            app.wait_for_connections(1, DEADLINE).await;
            app.ask_to_stop();
        });

        assert_eq!(
            bye,
            json!({"reason": "shutdown", "reconnect": true}),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn each_way_keeps_the_same_rights() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for accept in [
        "text/event-stream",
        "application/x-ndjson",
        "application/json",
    ] {
        let get = |path: &str| app.get(&bob, path).header("Accept", accept);
        refusal(get("/api/stream?topic=user:carol"), 403, "forbidden").await;
        let nobody = app
            .request(Method::GET, "/api/stream")
            .header("Accept", accept);
        refusal(nobody, 401, "unauthorized").await;
        invalid(get("/api/stream?rooms=some"), "rooms").await;
    }
    let forbidden = web_socket_request(&app, &bob, "/api/stream?topic=user:carol");
    let refused = connect_async(forbidden).await.unwrap_err();
    assert!(matches!(refused, WsError::Http(answer) if answer.status() == 403));
}

#[tokio::test]
async fn a_web_socket_opened_with_the_cookie_must_come_from_a_page_of_the_hub() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let own = app.base_url.clone();
    for (origin, welcome) in [
        (own.as_str(), true),
        ("http://evil.example", false),
        ("", false),
    ] {
        let url = format!("ws://{}/api/stream", app.address());
        let mut request = url.into_client_request().unwrap();
        let cookie = format!("campanile_session={bob}").parse().unwrap();
        request.headers_mut().insert("Cookie", cookie);
        if !origin.is_empty() {
            request
                .headers_mut()
                .insert("Origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok(_open) => assert!(welcome, "{origin:?} was let in"),
            Err(WsError::Http(answer)) => {
                assert!(!welcome && answer.status() == 403, "{origin:?}: {answer:?}")
            }
            Err(other) => panic!("{origin:?}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_web_socket_answers_pings_of_both_kinds_and_ignores_the_rest() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let request = web_socket_request(&app, &bob, "/api/stream");
    let (mut socket, _) = connect_async(request).await.unwrap();
    for text in ["no JSON", "{\"type\":\"other\"}", "{\"type\":\"ping\"}"] {
        socket.send(Message::text(text)).await.unwrap();
    }
    socket.send(Message::Ping("x".into())).await.unwrap();

    let (mut pong, mut protocol_pong, mut protocol_ping) = (0, 0, 0);
    let all = async {
        while pong == 0 || protocol_pong == 0 || protocol_ping == 0 {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    pong += usize::from(event["event"] == "pong");
                }
                Message::Pong(bytes) => protocol_pong += usize::from(bytes == "x"),
                Message::Ping(_) => protocol_ping += 1,
                _ => {}
            }
        }
    };

    tokio::time::timeout(DEADLINE, all).await.unwrap();
    assert_eq!(pong, 1);
}

#[tokio::test]
async fn a_poll_brings_at_most_a_thousand_events_and_says_that_there_are_more() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let users: Vec<String> = (0..1_000).map(|n| format!("u{n}")).collect();
    let known: Vec<Value> = users.iter().map(|id| json!({"id": id})).collect();
    answer(app.post(&app.service(), "/api/users").json(&known), 200).await;
    app.publish(json!({"users": users}), "OTHERS").await;
    for _ in 0..1_001 {
        app.publish(json!({"user": "bob"}), "T").await;
    }
    let poll = |cursor: i64| {
        let path = format!("/api/stream?cursor={cursor}");
        answer(
            app.get(&bob, &path).header("Accept", "application/json"),
            200,
        )
    };

    let first = poll(0).await;
    let second = poll(first["cursor"].as_i64().unwrap()).await;

    assert_eq!(
        (first["events"].as_array().unwrap().len(), &first["more"]),
        (1_000, &json!(true))
    );
    assert_eq!(
        (second["events"].as_array().unwrap().len(), &second["more"]),
        (1, &json!(false))
    );
    assert_eq!(second["events"][0]["id"], 2_001);
    assert_eq!(second["cursor"], 2_001);
}

#[tokio::test]
async fn a_long_poll_waits_as_long_as_it_says_and_no_longer() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let json_get = |path: &str| app.get(&bob, path).header("Accept", "application/json");

    let empty = answer(json_get("/api/stream?wait=1"), 200).await;

    assert_eq!(
        empty,
        json!({"events": [], "cursor": 0, "more": false, "gap": false})
    );
    for bad in ["0", "61", "-1", "x"] {
        invalid(json_get(&format!("/api/stream?wait={bad}")), "wait").await;
    }
}

#[tokio::test]
async fn what_no_way_answers_is_not_acceptable() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for accept in ["text/html", "image/png, application/pdf"] {
        let request = app.get(&bob, "/api/stream").header("Accept", accept);
        refusal(request, 406, "not_acceptable").await;
    }
}
