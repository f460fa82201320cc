//! Clients that are slow, large or many: each has a limit, and an answer where one is possible.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::socket;
use crate::support::{Claims, TestApp, sign, until};
use crate::system::{self, Confined};

/// Beyond every time-out of the server, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_head_that_never_ends_is_ended_for_it() {
    let app = TestApp::spawn().await;

    let (nothing, first, second) = tokio::join!(
        socket::drip(&app, b"", LONG),
        socket::drip(&app, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", LONG),
        socket::drip(
            &app,
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ",
            LONG
        ),
    );

    assert!(
        nothing.is_empty() || nothing.starts_with("HTTP/1.1 4"),
        "{nothing}"
    );
    assert!(first.starts_with("HTTP/1.1 408"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_ended_for_it() {
    let app = TestApp::spawn().await;

    let answer = socket::drip(
        &app,
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        LONG,
    )
    .await;

    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn heads_and_bodies_have_a_size() {
    let app = TestApp::spawn().await;
    let long = "a".repeat(300_000);
    let many = "A: b\r\n".repeat(1_000);
    let heads = [
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ];

    for head in heads {
        let answer = socket::send(&app, head.as_bytes(), LONG).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    let body = json!({"to": {"everyone": true}, "alarmType": "T", "data": "a".repeat(2_000_000)});
    let large = app.post(&app.service(), "/api/alarms").json(&body);
    // The server may hang up on a client that goes on sending.
    if let Ok(answer) = large.send().await {
        assert_eq!(answer.status(), 413);
    }
    assert_is_alive(&app).await;
}

#[tokio::test]
async fn connections_beyond_the_open_files_are_told_so_and_none_is_forgotten() {
    const FILES: u32 = 256;
    let hub = Confined::spawn(FILES);
    let token = sign(&Claims::of("backend", "service"));

    let mut streams = Vec::new();
    let refusal = loop {
        let (socket, head) = hub.open_stream(&token).await;
        if !head.starts_with("HTTP/1.1 200") {
            break head;
        }
        streams.push(socket);
        assert!(streams.len() < 256, "there is a bound");
    };
    let without_them = system::open_files(hub.id()) - streams.len();
    // These are more than there are files for: they wait in front of the door.
    let mut waiting = Vec::new();
    for _ in 0..FILES {
        waiting.push(
            TcpStream::connect(hub.address())
                .await
                .expect("a place in the queue"),
        );
    }
    let held = streams.len();
    drop((streams, waiting));

    eprintln!("{held} streams with {FILES} open files, {without_them} of them the hub's own");
    assert!(held >= 128, "most of the files are for connections");
    assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
    assert!(
        refusal.to_ascii_lowercase().contains("retry-after: "),
        "{refusal}"
    );
    until("all is given back", LONG, async || {
        (system::open_files(hub.id()) <= without_them + 2).then_some(())
    })
    .await;
    let (_socket, head) = hub.open_stream(&token).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

async fn assert_is_alive(app: &TestApp) {
    let answer = app
        .client
        .get(app.url("/healthz"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}
