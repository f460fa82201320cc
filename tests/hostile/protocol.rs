//! The letter of HTTP/1.1 where clients differ from browsers: versions, upgrades that are declined, requests that come
//! together or in pieces.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{AppBuilder, DEADLINE, TestApp};
use crate::wire::Wire;

/// As Java's HttpClient asks on every request, and others with other protocols.
const UPGRADES: [&str; 7] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n",
    "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    "Connection: upgrade\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, foo/2\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: WebSocket\r\n",
    // As a proxy adds it to each request that it passes on.
    "Upgrade: websocket\r\n",
];

#[tokio::test]
async fn an_upgrade_that_is_declined_changes_nothing_on_any_route() {
    let app = TestApp::spawn().await;
    let token = app.service();
    app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"}).to_string();
    let requests = [
        ("POST", "/api/alarms", body.as_str(), "201"),
        ("GET", "/api/auth/me", "", "200"),
        ("POST", "/api/alarms/seen", "{\"upTo\":1}", "4"),
        ("GET", "/healthz", "", "200"),
        ("GET", "/nowhere", "", "404"),
        ("PUT", "/api/users/carol", "{}", "20"),
    ];

    let mut wire = Wire::open(app.address()).await;
    for upgrade in UPGRADES {
        for (method, path, body, status) in requests {
            let length = body.len();
            wire.send(&format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{upgrade}\
                 Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
            let answer = wire.answer().await;
            let begin = format!("http/1.1 {status}");
            assert!(answer.head.starts_with(&begin), "{path}: {}", answer.head);
            assert!(!answer.head.contains("upgrade"), "{path}: {}", answer.head);
            assert!(!answer.head.contains("close"), "{path}: {}", answer.head);
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_with_an_answer_says_so() {
    let app = TestApp::spawn().await;
    let token = app.service();
    let asked = format!("Host: x\r\nAuthorization: Bearer {token}\r\n");
    let requests = [
        format!("GET /healthz HTTP/1.1\r\n{asked}Connection: close\r\n\r\n"),
        // Its body does not come before it is answered.
        "POST /api/alarms HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{".to_owned(),
        format!("GET /api/stream HTTP/1.1\r\n{asked}Accept: text/event-stream\r\n\r\n"),
    ];

    for request in requests {
        let mut wire = Wire::open(app.address()).await;
        wire.send(&request).await;
        let head = wire.head().await;
        assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
        assert!(!head.contains("upgrade"), "{head}");
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_order() {
    let app = TestApp::spawn().await;
    let token = app.service();
    let mut wire = Wire::open(app.address()).await;
    let one = |id: &str| {
        format!(
            "PUT /api/users/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n"
        )
    };

    wire.send(&format!("{}{}{}", one("u1"), one("u2"), one("u3")))
        .await;

    for id in ["u1", "u2", "u3"] {
        let answer = wire.answer().await;
        assert!(answer.head.starts_with("http/1.1 201"), "{}", answer.head);
        assert!(
            answer.body.contains(&format!("\"{id}\"")),
            "{}",
            answer.body
        );
    }
}

/// RFC 9112, section 3.2, and RFC 9110, section 7.2.
#[tokio::test]
async fn a_request_over_http_1_1_has_one_host_that_could_be_one() {
    let app = TestApp::spawn().await;
    let status = async |request: String| {
        let mut wire = Wire::open(app.address()).await;
        wire.send(&request).await;
        let head = wire.head().await;
        head.split(' ').nth(1).unwrap().to_owned()
    };
    let wrong = [
        "",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: user@a\r\n",
        "Host: [::1\r\n",
        "Host: http://a\r\n",
        "Host: a?b\r\n",
        "Host: bücher.example\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
    ];
    for host in wrong {
        let answer = status(format!("GET /healthz HTTP/1.1\r\n{host}\r\n")).await;
        assert_eq!(answer, "400", "{host:?}");
    }
    for host in ["a", "a:80", "a_b.example", "127.0.0.1:8080", "[::1]:80", ""] {
        let answer = status(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(answer, "200", "{host:?}");
    }
    let old = status("GET /healthz HTTP/1.0\r\n\r\n".to_owned()).await;
    assert_eq!(old, "200", "HTTP/1.0 knows no Host");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_transfer_coding_on_any_stream() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let streams = [
        ("/api/stream", "text/event-stream", "event: connect"),
        (
            "/api/stream",
            "application/x-ndjson",
            "{\"event\":\"connect\"",
        ),
        ("/api/main/alarm/sub", "*/*", "data: connect completed"),
        ("/room/subscribe?id=bob", "*/*", "data: connected!"),
    ];

    for (path, accept, expected) in streams {
        let mut wire = Wire::open(app.address()).await;
        wire.send(&format!(
            "GET {path} HTTP/1.0\r\nAuthorization: Bearer {bob}\r\nAccept: {accept}\r\n\r\n"
        ))
        .await;
        let head = wire.head().await;
        assert!(head.starts_with("http/1.0 200"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        let mut text = String::new();
        while !text.contains(expected) {
            let mut byte = [0];
            let read = tokio::time::timeout(DEADLINE, wire.0.read(&mut byte)).await;
            assert_eq!(read.expect("in time").expect("no end"), 1);
            text.push(char::from(byte[0]));
        }
        // A chunk would begin with its length.
        let first = text.chars().next().unwrap();
        assert!(
            !first.is_ascii_hexdigit() || text.starts_with("event"),
            "{text}"
        );
    }
}

/// HTTP/1.0 knows no upgrade (RFC 9110, section 7.8), and a WebSocket may stand among other protocols.
#[tokio::test]
async fn a_web_socket_is_opened_with_http_1_1_alone_and_stays_open_among_other_protocols() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let ask = |version: &str, upgrade: &str| {
        format!(
            "GET /api/stream HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {bob}\r\n{upgrade}\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };

    let plain = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let mut old = Wire::open(app.address()).await;
    old.send(&ask("1.0", plain)).await;
    let head = old.head().await;
    assert!(head.starts_with("http/1.0 200"), "{head}");
    assert!(
        head.contains("\r\ncontent-type: text/event-stream"),
        "{head}"
    );

    for upgrade in [
        plain,
        "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: foo/2\r\nUpgrade: WebSocket\r\n",
    ] {
        let mut wire = Wire::open(app.address()).await;
        wire.send(&ask("1.1", upgrade)).await;
        let head = wire.head().await;
        assert!(head.starts_with("http/1.1 101"), "{head}");
        // A masked ping of no bytes is answered, so both directions work.
        wire.0
            .write_all(&[0x89, 0x80, 1, 2, 3, 4])
            .await
            .expect("room");
        let pong = [0x8a, 0];
        let mut seen = Vec::new();
        while !seen.ends_with(&pong) {
            let byte = tokio::time::timeout(DEADLINE, wire.0.read_u8()).await;
            seen.push(byte.expect("a pong in time").expect("an open connection"));
        }
    }
}

#[tokio::test]
async fn a_connection_of_http_1_0_is_kept_only_if_the_client_asks() {
    let app = TestApp::spawn().await;

    let mut kept = Wire::open(app.address()).await;
    for _ in 0..2 {
        kept.send("GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            .await;
        let answer = kept.answer().await;
        assert!(
            answer.head.contains("\r\nconnection: keep-alive\r\n"),
            "{}",
            answer.head
        );
    }
    let mut ended = Wire::open(app.address()).await;
    ended.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    ended.answer().await;
    assert!(ended.is_at_its_end().await);
}

/// A client whose first byte could be that of either protocol costs nothing while it is silent.
#[tokio::test]
async fn one_byte_and_silence_wakes_nobody() {
    let app = AppBuilder::default().alone().spawn().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::open(app.address()).await;
        wire.send("P").await;
        silent.push(wire);
    }
    let process = crate::system::id(&app);
    let before = crate::system::voluntary_switches(process);

    // There is no event to wait for: this is a span of time in which nothing is to happen.
    tokio::time::timeout(
        std::time::Duration::from_secs(4),
        std::future::pending::<()>(),
    )
    .await
    .unwrap_err();
    let woken = crate::system::voluntary_switches(process) - before;

    eprintln!("{woken} wake-ups in 4 seconds with 100 silent clients");
    assert!(woken < 400, "{woken} wake-ups");
    drop(silent);
}
