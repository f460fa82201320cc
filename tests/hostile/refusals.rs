//! Refusals that come before any route: they carry what every answer of the hub carries.

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;

use crate::socket;
use crate::support::http2::Connection;
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};
use crate::system::Confined;
use crate::wire::Wire;

/// Beyond every time-out of the server, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

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
async fn a_parameter_or_a_path_that_is_refused_is_told_to_the_pages_of_other_sites() {
    let app = app_with_a_site().await;
    let admin = app.admin();
    let asked = format!("Host: x\r\nConnection: close\r\nOrigin: {SITE}\r\n");
    let token = format!("Authorization: Bearer {admin}\r\n");

    for (path, token, status, code) in [
        ("/api/stream?curser=0", &token[..], 422, "unknown_parameter"),
        ("/api/alarms?limt=5", &token, 422, "unknown_parameter"),
        (
            "/api/stream?wait=1&wait=2",
            &token,
            422,
            "repeated_parameter",
        ),
        ("/api/alarms?limt=5", "", 401, "unauthorized"),
        ("/api/admin/users/%ff", &token, 422, "invalid_field"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\n{asked}{token}\r\n");
        let answer = socket::send(&app, request.as_bytes(), LONG).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_is_complete(&format!("{head}\r\n"), body, status, code);
    }
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

    tokio::time::timeout(DEADLINE, all)
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
