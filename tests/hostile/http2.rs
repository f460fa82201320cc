//! The same bounds over HTTP/2, where one connection carries many requests.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::support::http2::Connection;
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign, until};
use crate::system::{self, Confined};

/// Beyond every time-out of the server, one after the other, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_connection_that_is_read_no_more_is_given_back_with_all_its_streams() {
    // Each has a window of 64 KiB: together far more than the kernel buffers for a socket that is not read.
    const STREAMS: usize = 60;
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "100")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let socket = TcpStream::connect(app.address()).await.unwrap();
    let (server, client) = (socket.peer_addr().unwrap(), socket.local_addr().unwrap());
    let is_deaf = Arc::new(AtomicBool::new(false));
    let deaf = Deaf {
        socket,
        is_deaf: Arc::clone(&is_deaf),
    };
    let mut connection = Connection::over(deaf, &app.base_url).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(connection.get(&bob, "/api/stream").await);
    }
    let mut beside = app.connected(&bob, "/api/stream").await;
    app.wait_for_connections(STREAMS + 1, DEADLINE).await;

    is_deaf.store(true, Ordering::Relaxed);
    for _ in 0..60 {
        let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": "x".repeat(16_000)});
        let publish = app.post(&app.service(), "/api/alarms").json(&body);
        assert_eq!(publish.send().await.unwrap().status(), 201);
        beside.next_named("alarm", DEADLINE).await;
    }

    app.wait_for_connections(1, LONG).await;
    until("the connection is given back", LONG, async || {
        (!system::holds_between(server, client)).then_some(())
    })
    .await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    assert_eq!(beside.next_named("alarm", DEADLINE).await.number(), id);
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_and_its_siblings_go_on() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let http2 = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let beside = http2.get(app.url("/api/stream")).bearer_auth(&bob);
    let mut beside = beside.send().await.unwrap().bytes_stream();
    let begun = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"{"))]);
    let endless = reqwest::Body::wrap_stream(begun.chain(stream::pending()));
    let login = http2.post(app.url("/api/auth/login")).body(endless);

    let answer = tokio::time::timeout(LONG, login.send()).await;
    let answer = answer.expect("an answer in time").expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("a body");
    app.publish(json!({"user": "bob"}), "STILL_HERE").await;

    assert_eq!(status, 408, "{body}");
    assert!(body.contains("request_timeout"), "{body}");
    let mut heard = String::new();
    while !heard.contains("STILL_HERE") {
        let bytes = tokio::time::timeout(DEADLINE, beside.next()).await;
        let bytes = bytes.expect("in time").expect("no end").expect("no reset");
        heard.push_str(&String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn heads_have_a_size_and_one_too_large_costs_the_connection_nothing() {
    let app = TestApp::spawn().await;
    let mut connection = Connection::open(&app).await;
    let long = "a".repeat(70_000);

    let large = connection
        .send("GET", "/healthz", &[("x-long", &long)], None)
        .await;
    let small = connection.send("GET", "/healthz", &[], None).await;

    assert_eq!((large.status, small.status), (431, 200));
}

#[tokio::test]
async fn a_connection_beyond_the_open_files_is_told_so_and_ended() {
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
    let url = format!("http://{}", hub.address());
    let open = async || {
        let socket = TcpStream::connect(hub.address()).await;
        Connection::over(socket.expect("a connection"), &url).await
    };

    let mut refused = open().await;
    let answer = refused.get(&token, "/api/stream").await;
    let status = answer.status;
    let words = answer.text().await;
    refused.ended(LONG).await.expect("an orderly end");
    streams.truncate(streams.len() - 5);
    until("there is room again", LONG, async || {
        let status = open().await.get(&token, "/api/stream").await.status;
        (status == 200).then_some(())
    })
    .await;

    assert_eq!(status, 503, "{words}");
    assert!(words.contains("overloaded"), "{words}");
}

/// A socket that is read no more from some moment on, as that of a computer which went to sleep.
struct Deaf {
    socket: TcpStream,
    is_deaf: Arc<AtomicBool>,
}

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_deaf.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
