//! The letter of HTTP/1.1 where clients differ from browsers: versions, upgrades that are declined, requests that cannot be
//! read, and what every answer to them carries.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::socket;
use crate::support::http2::Connection;
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};
use crate::system::Confined;

/// Beyond every time-out of the server, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

/// One connection of HTTP/1.1, byte by byte.
struct Wire(TcpStream);

/// An answer with the length of its body in its head.
struct Answer {
    head: String,
    body: String,
}

impl Wire {
    async fn open(address: &str) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("room");
    }

    /// The next head, in lower case.
    async fn head(&mut self) -> String {
        let reading = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("more of the head"));
            }
            String::from_utf8(head).expect("text").to_ascii_lowercase()
        };
        tokio::time::timeout(DEADLINE, reading)
            .await
            .expect("a head in time")
    }

    async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let (_, rest) = head.split_once("content-length: ").unwrap_or(("", "0\r"));
        let length = rest.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("the body");
        Answer {
            head,
            body: String::from_utf8(body).expect("text"),
        }
    }

    /// Everything up to the end of the connection.
    async fn rest(mut self) -> String {
        let mut text = Vec::new();
        let reading = self.0.read_to_end(&mut text);
        tokio::time::timeout(LONG, reading)
            .await
            .expect("an end in time")
            .expect("an orderly end");
        String::from_utf8_lossy(&text).into_owned()
    }

    async fn is_at_its_end(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(DEADLINE, self.0.read(&mut byte)).await;
        matches!(read.expect("in time"), Ok(0) | Err(_))
    }
}

/// As Java's HttpClient asks on every request, and others with other protocols.
const UPGRADES: [&str; 4] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n",
    "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    "Connection: upgrade\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, foo/2\r\n",
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
        // A WebSocket where there is none: nothing tells where this request ends.
        format!(
            "GET /healthz HTTP/1.1\r\n{asked}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        ),
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

const SITE: &str = "https://app.example";

async fn app_with_a_site() -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_CORS_ORIGINS", SITE)
        .spawn()
        .await
}

/// A problem for a program of the site, with everything that an answer of the hub carries.
fn assert_is_complete(head: &str, body: &str, status: u16, code: &str) {
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
    for field in [
        "\r\nx-request-id: ",
        "\r\ncontent-type: application/problem+json\r\n",
        "\r\naccess-control-allow-origin: https://app.example\r\n",
        "\r\nconnection: close\r\n",
    ] {
        assert!(head.contains(field), "{field:?} is missing:\n{head}");
    }
    let problem: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    let id = problem["requestId"].as_str().expect("an id");
    assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{head}");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_answered_like_any_other() {
    let app = app_with_a_site().await;
    let long = "a".repeat(200_000);
    let many = "A: b\r\n".repeat(200);
    let origin = format!("Origin: {SITE}\r\n");
    let requests = [
        (
            format!("GET / HTTP/3.7\r\n{origin}\r\n"),
            400,
            "bad_request",
        ),
        (
            format!("GET /healthz HTTP/1.1\r\n{origin}\r\n"),
            400,
            "bad_request",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\n{origin}Bad Name: y\r\n\r\n"),
            400,
            "bad_request",
        ),
        (
            format!(
                "POST / HTTP/1.1\r\nHost: x\r\n{origin}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
            400,
            "bad_request",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\n{origin}X: {long}\r\n\r\n"),
            431,
            "header_too_large",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\n{origin}{many}\r\n"),
            431,
            "header_too_large",
        ),
    ];

    for (request, status, code) in requests {
        let answer = socket::send(&app, request.as_bytes(), LONG).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_is_complete(&format!("{head}\r\n"), body, status, code);
    }
    let first = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{origin}X-Slow: ");
    let answer = socket::drip(&app, first.as_bytes(), LONG).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert_is_complete(&format!("{head}\r\n"), body, 408, "request_timeout");
}

#[tokio::test]
async fn a_head_too_large_for_http_2_is_a_problem_too() {
    let app = app_with_a_site().await;
    let mut connection = Connection::open(&app).await;
    let long = "a".repeat(70_000);

    let fields = [("x-long", long.as_str()), ("origin", SITE)];
    let answer = connection.send("GET", "/healthz", &fields, None).await;
    let status = answer.status;
    let body = answer.text().await;

    assert_eq!(status, 431, "{body}");
    assert!(body.contains("header_too_large"), "{body}");
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_with_everything_an_answer_carries() {
    let hub = Confined::spawn_with(256, &[("CAMPANILE_CORS_ORIGINS", SITE)]);
    let token = sign(&Claims::of("backend", "service"));
    let mut streams = Vec::new();
    loop {
        let (socket, head) = hub.open_stream(&token).await;
        if !head.starts_with("HTTP/1.1 200") {
            break;
        }
        streams.push(socket);
        assert!(streams.len() < 256, "there is a bound");
    }

    let mut wire = Wire::open(hub.address()).await;
    wire.send(&format!(
        "GET /api/stream HTTP/1.1\r\nHost: x\r\nOrigin: {SITE}\r\n\r\n"
    ))
    .await;
    let answer = wire.answer().await;

    assert_is_complete(&answer.head, &answer.body, 503, "overloaded");
}

#[tokio::test]
async fn a_connection_too_many_does_not_stay() {
    let hub = Confined::spawn(256);
    let token = sign(&Claims::of("backend", "service"));
    let mut streams = Vec::new();
    loop {
        let (socket, head) = hub.open_stream(&token).await;
        if !head.starts_with("HTTP/1.1 200") {
            break;
        }
        streams.push(socket);
        assert!(streams.len() < 256, "there is a bound");
    }
    let socket = TcpStream::connect(hub.address()).await.unwrap();
    let (mut busy, connection) = h2::client::handshake(socket).await.unwrap();
    let driver = tokio::spawn(connection);
    let silent = Wire::open(hub.address()).await;
    let socket = TcpStream::connect(hub.address()).await.unwrap();
    let (_handle, quiet) = h2::client::handshake(socket).await.unwrap();

    // It goes on asking, and never leaves by itself.
    let asking = async {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            let request = http::Request::get("http://x/healthz").body(()).unwrap();
            let Ok((answer, _half)) = busy.send_request(request, true) else {
                break;
            };
            if answer.await.is_err() {
                break;
            }
            tick.tick().await;
        }
        driver.await.unwrap().ok();
    };
    let ends = async {
        // However it ends.
        quiet.await.ok();
    };
    let all = async { tokio::join!(asking, ends, silent.rest()) };

    tokio::time::timeout(Duration::from_secs(7), all)
        .await
        .expect("all are ended");
}

#[tokio::test]
async fn a_preflight_from_another_origin_is_told_which_setting_names_the_origins() {
    let (with_a_site, without) = tokio::join!(app_with_a_site(), TestApp::spawn());

    for app in [with_a_site, without] {
        for path in ["/api/alarms", "/api/stream", "/nowhere"] {
            let answer = app
                .request(reqwest::Method::OPTIONS, path)
                .header("Origin", "https://other.example")
                .header("Access-Control-Request-Method", "POST")
                .header(
                    "Access-Control-Request-Headers",
                    "authorization,content-type",
                )
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 403);
            assert!(answer.headers().contains_key("x-request-id"));
            assert!(!answer.headers().contains_key("access-control-allow-origin"));
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(
                problem["detail"],
                "origin https://other.example is not in CAMPANILE_CORS_ORIGINS"
            );
        }
    }
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
    tokio::time::timeout(Duration::from_secs(4), std::future::pending::<()>())
        .await
        .unwrap_err();
    let woken = crate::system::voluntary_switches(process) - before;

    eprintln!("{woken} wake-ups in 4 seconds with 100 silent clients");
    assert!(woken < 400, "{woken} wake-ups");
    drop(silent);
}
