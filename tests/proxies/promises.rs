//! The promises that hold through any proxy; each test names the proxy.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::documented_proxy::Proxy;
use crate::support::http2::Connection;
use crate::support::port::free_port;
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

/// The proxy's time-outs in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A hub whose heartbeats are below them.
pub(crate) async fn app() -> TestApp {
    // The port stays the same when the hub is started again.
    AppBuilder::default()
        .env("CAMPANILE_LISTEN", &format!("127.0.0.1:{}", free_port()))
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "100")
        .spawn()
        .await
}

/// Asks as an `EventSource` or a poll does that has its token in the query; the whole answer.
async fn raw(proxy: &Proxy, token: &str, accept: &str) -> String {
    let request = format!(
        "GET /api/stream?cursor=0&token={token} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    let mut socket = proxy.http1().await;
    socket.write_all(request.as_bytes()).await.expect("room");
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let read = tokio::time::timeout(DEADLINE, reading).await;
    // A proxy need not end its TLS in order.
    read.expect("an end in time").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// An `EventSource` never comes back after an answer that is not 200, whoever gave it.
pub(crate) async fn a_hub_that_is_away_is_a_stream_without_events(
    app: &mut TestApp,
    proxy: &Proxy,
) {
    let bob = app.user("bob").await;
    app.stop().await;

    let stream = raw(proxy, &bob, "text/event-stream").await;
    let poll = raw(proxy, &bob, "application/json").await;
    app.restart().await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    let mut connection = proxy.http2().await;
    let path = format!("/api/stream?cursor=0&token={bob}");
    let alarm = until("the hub behind the proxy", DEADLINE, async || {
        let fields = [("accept", "text/event-stream")];
        let mut connection = proxy.http2().await;
        let mut answer = connection.send("GET", &path, &fields, None).await;
        // As before: a stream without events while the proxy has not noticed yet.
        let events = tokio::time::timeout(PATIENCE, answer.next_named("alarm"));
        events.await.ok()
    });

    assert_eq!(alarm.await.number(), id);
    let (head, body) = stream.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{stream}");
    assert!(head.contains("content-type: text/event-stream"), "{stream}");
    assert!(head.contains("cache-control: no-store"), "{stream}");
    assert!(body.contains("retry: "), "{stream}");
    assert!(!body.contains("data:"), "{stream}");
    assert!(poll.starts_with("HTTP/1.1 50"), "{poll}");
    let healthy = connection.send("GET", "/healthz", &[], None).await;
    assert_eq!(healthy.status, 200);

    let logged = proxy.logged();
    assert!(logged.contains("/api/stream"), "{logged}");
    assert!(!logged.contains(&bob), "a token is in the log:\n{logged}");
}

/// The number of connections the hub has open, as the kernel lists them.
pub(crate) fn connections_of(app: &TestApp) -> usize {
    let (_host, port) = app.address().split_once(':').expect("a port");
    let end = format!(":{:04X}", port.parse::<u16>().expect("a number"));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of connections");
    let established = table.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, local, _, "01", ..] if local.ends_with(&end))
    });
    established.count()
}

async fn get(
    connection: &mut Connection,
    token: &str,
    path: &str,
    accept: &str,
) -> crate::support::http2::Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", accept)];
    let answer = connection.send("GET", path, &headers, None).await;
    assert_eq!(answer.status, 200, "{path}");
    answer
}

/// Each event arrives while its answer is still open, so the proxy buffers nothing; and a long poll is
/// answered when the event comes.
pub(crate) async fn every_transport_is_told_at_once(app: &TestApp, proxy: &Proxy) {
    let bob = app.user("bob").await;
    let mut connection = proxy.http2().await;
    let mut events = get(&mut connection, &bob, "/api/stream", "text/event-stream").await;
    let mut lines = get(&mut connection, &bob, "/api/stream", "application/x-ndjson").await;
    let url = proxy.origin().replace("https://", "wss://") + "/api/stream";
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {bob}").parse().unwrap();
    request.headers_mut().insert("Authorization", bearer);
    let handshake = client_async(request, proxy.http1().await).await;
    let mut socket = handshake.expect("a WebSocket").0;
    assert_eq!(events.next_named("connect").await.name(), "connect");
    assert_eq!(lines.line().await["event"], "connect");

    let long = async {
        let mut other = proxy.http2().await;
        let answer = get(
            &mut other,
            &bob,
            "/api/stream?cursor=0&wait=2",
            "application/json",
        )
        .await;
        answer.text().await
    };
    let publishing = async {
        app.wait_for_connections(4, DEADLINE).await;
        app.publish(json!({"user": "bob"}), "T").await
    };
    let (long, id) = tokio::join!(long, publishing);
    let long: Value = serde_json::from_str(&long).unwrap();
    assert_eq!(long["events"][0]["id"], id);
    assert_eq!(events.next_named("alarm").await.number(), id);
    while lines.line().await["id"] != id {}
    let heard = async {
        loop {
            match socket.next().await.expect("no end").expect("a frame") {
                Message::Text(text) if text.contains("\"event\":\"alarm\"") => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, heard)
        .await
        .expect("the alarm on the WebSocket");

    let now = get(
        &mut connection,
        &bob,
        "/api/stream?cursor=0",
        "application/json",
    )
    .await;
    let now: Value = serde_json::from_str(&now.text().await).unwrap();
    assert_eq!(now["events"][0]["id"], id);
}

/// Longer than the proxy waits for a byte, with nothing but heartbeats.
pub(crate) async fn silence_is_not_death(app: &TestApp, proxy: &Proxy) {
    let bob = app.user("bob").await;
    let mut connection = proxy.http2().await;
    let mut events = get(&mut connection, &bob, "/api/stream", "text/event-stream").await;
    let mut lines = get(&mut connection, &bob, "/api/stream", "application/x-ndjson").await;

    let begin = Instant::now();
    while begin.elapsed() < PATIENCE * 2 {
        events.next_named("ping").await;
    }
    let id = app.publish(json!({"user": "bob"}), "T").await;

    assert_eq!(events.next_named("alarm").await.number(), id);
    while lines.line().await["id"] != id {}
}

/// The `Origin` a browser sends is compared with what the proxy says of the host.
pub(crate) async fn a_page_of_the_hub_is_told_from_others(app: &TestApp, proxy: &Proxy) {
    let bob = app.user("bob").await;
    let cookie = format!("__Host-campanile_session={bob}");
    let mut connection = proxy.http2().await;
    let own = proxy.origin();
    for (origin, status) in [(own.as_str(), 201), ("https://evil.example", 403)] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        let body = json!({"name": "Room"});
        let made = connection
            .send("POST", "/api/rooms", &headers, Some(body))
            .await;
        assert_eq!(made.status, status, "{origin}");

        let url = own.replace("https://", "wss://") + "/api/stream";
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("Cookie", cookie.parse().unwrap());
        request
            .headers_mut()
            .insert("Origin", origin.parse().unwrap());
        match client_async(request, proxy.http1().await).await {
            Ok(_open) => assert_eq!(status, 201, "{origin} was let in"),
            Err(WsError::Http(answer)) => assert_eq!(answer.status(), status, "{origin}"),
            Err(other) => panic!("{origin}: {other}"),
        }
    }
    let metrics = connection.send("GET", "/metrics", &[], None).await;
    assert_eq!(metrics.status, 404);
}

/// The proxy hears that a stream was reset, and the hub hears it from the proxy.
pub(crate) async fn who_leaves_is_forgotten(app: &TestApp, proxy: &Proxy) {
    let bob = app.user("bob").await;
    let mut connection = proxy.http2().await;
    let stays = get(&mut connection, &bob, "/api/stream", "text/event-stream").await;
    let leaves = get(&mut connection, &bob, "/api/stream", "text/event-stream").await;
    app.wait_for_connections(2, DEADLINE).await;

    drop(leaves);
    app.wait_for_connections(1, DEADLINE).await;
    drop(stays);
    app.wait_for_connections(0, DEADLINE).await;
}
