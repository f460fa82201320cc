//! The properties of WebSockets alone: a handshake that another site's page may try, two kinds of pings, and lost peers.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::answers::{problem, refusal, send};
use crate::listener::web_socket_request;
use crate::support::{AppBuilder, DEADLINE, TestApp};

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
async fn a_web_socket_whose_peer_answers_no_ping_is_closed() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let request = web_socket_request(&app, &bob, "/api/stream");
    // It answers only when it is read.
    let (socket, _) = connect_async(request).await.unwrap();
    app.wait_for_connections(1, DEADLINE).await;

    app.wait_for_connections(0, DEADLINE).await;

    drop(socket);
}

#[tokio::test]
async fn a_web_socket_that_was_busy_for_long_is_not_taken_for_dead() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let request = web_socket_request(&app, &bob, "/api/stream");
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut named = async |name: &str| {
        let found = async {
            loop {
                let message = socket.next().await.expect("no end").expect("a frame");
                if let Message::Text(text) = message {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    if event["event"] == name {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(DEADLINE, found)
            .await
            .expect("in time");
    };

    // Alarms at this pace leave no silence to break: there is nothing for the client to answer.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(5) {
        pace.tick().await;
        app.publish(json!({"user": "bob"}), "T").await;
        named("alarm").await;
    }

    for _ in 0..5 {
        named("ping").await;
    }
}

/// A client frame with its mask of zeros, or without one.
fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ ..126) => frame.push(mask_bit | length),
        _ => {
            frame.push(mask_bit | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    if masked {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}

/// The code of the close frame that answers these bytes.
async fn close_code(app: &TestApp, token: &str, bytes: &[u8]) -> u16 {
    let mut socket = TcpStream::connect(app.address()).await.unwrap();
    let request = format!(
        "GET /api/stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        app.address()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    socket.write_all(bytes).await.unwrap();
    loop {
        let first = socket
            .read_u8()
            .await
            .expect("a close frame before the end");
        let mut length = usize::from(socket.read_u8().await.unwrap());
        if length == 126 {
            length = usize::from(socket.read_u16().await.unwrap());
        }
        let mut payload = vec![0; length];
        socket.read_exact(&mut payload).await.unwrap();
        if first & 0x0f == 8 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

#[tokio::test]
async fn a_fault_of_the_peer_is_answered_with_its_close_code() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let half = vec![b'x'; 2_500];
    let fragments = [frame(0x01, true, &half), frame(0x80, true, &half)].concat();
    for (fault, bytes, code) in [
        (
            "a text of 4,097 bytes",
            frame(0x81, true, &vec![b'x'; 4_097]),
            1009,
        ),
        ("a text of 5,000 bytes in fragments", fragments, 1009),
        // Nothing waits for the bytes that it announces: the hub would have to keep them.
        (
            "the head of a text of 4,097 bytes",
            vec![0x81, 0xfe, 0x10, 0x01, 0, 0, 0, 0],
            1009,
        ),
        (
            "the head of a binary message of an exabyte",
            vec![0x82, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            1009,
        ),
        ("an unmasked frame", frame(0x81, false, b"x"), 1002),
        ("a reserved bit", frame(0xc1, true, b"x"), 1002),
        ("an opcode nobody knows", frame(0x83, true, b"x"), 1002),
        (
            "a text that is no UTF-8",
            frame(0x81, true, b"\xff\xfe"),
            1007,
        ),
        (
            "fragments that are no UTF-8",
            [frame(0x01, true, b"\xff"), frame(0x80, true, b"\xfe")].concat(),
            1007,
        ),
    ] {
        let answered = tokio::time::timeout(DEADLINE, close_code(&app, &bob, &bytes)).await;
        assert_eq!(answered.expect("in time"), code, "{fault}");
    }
}

#[tokio::test]
async fn a_handshake_that_cannot_be_answered_says_why() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let handshake = |version: &str, key: &str| {
        app.get(&bob, "/api/stream")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", version)
            .header("Sec-WebSocket-Key", key)
    };

    let answer = send(handshake("8", "dGhlIHNhbXBsZSBub25jZQ==")).await;
    assert_eq!(answer.headers()["sec-websocket-version"], "13");
    assert_eq!(answer.headers()["upgrade"], "websocket");
    problem(answer, 426, "websocket_version").await;
    refusal(handshake("13", "short"), 400, "invalid_handshake").await;
    app.wait_for_connections(0, DEADLINE).await;
}
