//! What only a WebSocket has: a handshake that a page of another site may try, pings of two kinds, and peers that are gone.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

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
