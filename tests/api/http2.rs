//! HTTP/2 in clear text, as a proxy speaks it: the same port, the same bounds, and streams that do not stall each other.

use std::time::Duration;

use h2::Reason;
use reqwest::Version;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answers::{answer, send, text};
use crate::support::http2::Connection;
use crate::support::{AppBuilder, DEADLINE, TestApp};

/// Every time-out of the server for a connection without a request, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn both_versions_are_spoken_on_the_same_port() {
    let app = TestApp::spawn().await;
    let http2 = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();

    let old = send(app.client.get(app.url("/healthz"))).await;
    let new = send(http2.get(app.url("/healthz"))).await;
    let head = send(http2.head(app.url("/healthz"))).await;

    assert_eq!(
        (old.version(), new.version()),
        (Version::HTTP_11, Version::HTTP_2)
    );
    for answer in [&old, &new, &head] {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-length"], "2", "{answer:?}");
        assert!(answer.headers().contains_key("date"), "{answer:?}");
        assert!(answer.headers().contains_key("x-request-id"), "{answer:?}");
    }
    assert_eq!(
        (text(new).await, text(head).await),
        ("ok".into(), String::new())
    );
    let body = json!({"to": {"role": "admin"}, "alarmType": "T", "data": "x".repeat(16_000)});
    let post = http2
        .post(app.url("/api/alarms"))
        .bearer_auth(app.service());
    answer(post.json(&body), 201).await;
    let large = "x".repeat(2_000_000);
    let post = http2
        .post(app.url("/api/alarms"))
        .bearer_auth(app.service());
    assert_eq!(send(post.body(large)).await.status(), 413);
}

#[tokio::test]
async fn a_stream_that_is_reset_and_a_connection_that_ends_are_forgotten_within_a_second() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut first = Connection::open(&app).await;
    let mut second = Connection::open(&app).await;
    let reset = first.get(&bob, "/api/stream").await;
    let mut stays = first.get(&bob, "/api/stream").await;
    let _ends = second.get(&bob, "/api/stream").await;
    app.wait_for_connections(3, DEADLINE).await;

    drop(reset);
    app.wait_for_connections(2, DEADLINE).await;
    drop(second);
    app.wait_for_connections(1, DEADLINE).await;

    app.publish(json!({"user": "bob"}), "T").await;
    stays.next_named("alarm").await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_stalls_none_beside_it_and_is_cut_off_alone() {
    const ALARMS: usize = 150;
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "2")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut connection = Connection::open(&app).await;
    let mut stuck = connection.get(&bob, "/api/stream").await;
    let mut beside = connection.get(&bob, "/api/stream").await;

    let mut publisher = Connection::open(&app).await;
    let publishing = async {
        let (service, to) = (app.service(), json!({"user": "bob"}));
        let data = json!("x".repeat(16_000));
        for _ in 0..ALARMS {
            publisher.publish(&service, &to, &data).await;
        }
    };
    let reading = async {
        let mut ids = Vec::new();
        while ids.len() < ALARMS {
            let event = beside.next_event(DEADLINE).await;
            if event.name() == "alarm" {
                ids.push(event.json()["id"].as_i64().unwrap());
            }
        }
        ids
    };
    let ((), ids) = tokio::join!(publishing, reading);

    assert!(ids.is_sorted_by(|one, other| one + 1 == *other), "{ids:?}");
    app.wait_for_connections(1, DEADLINE).await;
    app.wait_for_log("it does not read").await;
    // Its resources are released when the stream itself has ended, which the user's number of streams shows.
    assert_eq!(stuck.starve(LONG).await, Some(Reason::CANCEL));
    let again = connection.get(&bob, "/api/stream").await;
    assert_eq!(again.status, 200);
    app.publish(json!({"user": "bob"}), "T").await;
    beside.next_named("alarm").await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_does_not_keep_the_window_that_its_siblings_need() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut connection = Connection::narrow(&app).await;
    let mut unread = connection.get(&bob, "/api/stream").await;
    let mut read = connection.get(&bob, "/api/stream").await;
    read.next_named("connect").await;

    // Twice what the connection lets through before somebody reads.
    let publishing = async {
        let mut last = 0;
        for _ in 0..10 {
            let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": "x".repeat(14_000)});
            let answer = app.post(&app.service(), "/api/alarms").json(&body).send();
            let body: serde_json::Value = answer.await.unwrap().json().await.unwrap();
            last = body["alarms"][0]["id"].as_i64().unwrap();
        }
        last
    };
    let ending = async {
        let reason = unread.reset(Duration::from_secs(20)).await;
        // As clients do: what lies unread of a stream that is reset is given back.
        drop(unread);
        reason
    };
    let reading = async {
        let mut ids = Vec::new();
        while ids.len() < 10 {
            let event = read.next_event(DEADLINE).await;
            if event.name() == "alarm" {
                ids.push(event.number());
            }
        }
        ids
    };
    let (last, reason, ids) = tokio::join!(publishing, ending, reading);

    assert_eq!(reason, Reason::CANCEL);
    let expected: Vec<i64> = (last - 9..=last).collect();
    assert_eq!(ids, expected, "the one that is read misses nothing");
}

#[tokio::test]
async fn a_connection_is_kept_for_a_stream_and_not_for_nothing() {
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "5")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut used = Connection::open(&app).await;
    let mut unused = Connection::open(&app).await;
    let mut stream = used.get(&bob, "/api/stream").await;
    let status = unused.get(&bob, "/healthz").await.status;

    let ended = unused.ended(LONG).await;
    app.publish(json!({"user": "bob"}), "T").await;

    assert_eq!(status, 200);
    assert!(ended.is_ok(), "it is told to go: {ended:?}");
    stream.next_named("alarm").await;
}

#[tokio::test]
async fn whoever_is_silent_or_slow_with_the_preface_is_ended() {
    let app = TestApp::spawn().await;
    let silent = end_of(&app, &[]);
    let partial = end_of(&app, &[b"PR"]);
    let half = end_of(&app, &[b"PRI * HTTP/2.0\r\n\r\n"]);
    let mut pieces: Vec<&[u8]> = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".chunks(1).collect();
    pieces.extend([&[0_u8][..]; 40]);
    let trickle = end_of(&app, &pieces);
    let wrong = end_of(&app, &[b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"]);

    tokio::join!(silent, partial, half, trickle, wrong);
}

/// Sends one piece a second and waits until the server ends the connection.
async fn end_of(app: &TestApp, pieces: &[&[u8]]) {
    let socket = TcpStream::connect(app.address()).await.unwrap();
    let (mut reader, mut writer) = socket.into_split();
    let sending = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        for piece in pieces {
            second.tick().await;
            if writer.write_all(piece).await.is_err() {
                return;
            }
        }
        std::future::pending().await
    };
    let mut answer = Vec::new();
    let both = async {
        tokio::select! {
            // A reset is an end as well.
            _end = reader.read_to_end(&mut answer) => {}
            () = sending => {}
        }
    };
    let ended = tokio::time::timeout(LONG, both).await;
    assert!(ended.is_ok(), "{} pieces: still open", pieces.len());
}

#[tokio::test]
async fn a_preface_in_pieces_is_a_preface_and_its_answer_bounds_the_streams() {
    let app = TestApp::spawn().await;
    let mut socket = TcpStream::connect(app.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    for piece in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".chunks(1) {
        socket.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    // An empty SETTINGS frame.
    socket
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();

    let read = async {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.unwrap();
        let mut settings = vec![0; usize::from(head[2])];
        socket.read_exact(&mut settings).await.unwrap();
        (head, settings)
    };
    let (head, settings) = tokio::time::timeout(DEADLINE, read).await.unwrap();

    assert_eq!(head[3], 4, "the server's own SETTINGS come first: {head:?}");
    // SETTINGS_MAX_CONCURRENT_STREAMS.
    assert!(
        settings.chunks(6).any(|one| one == [0, 3, 0, 0, 1, 0]),
        "{settings:?}"
    );
}

#[tokio::test]
async fn a_stop_says_goodbye_on_every_stream_and_waits_for_no_connection() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut used = Connection::open(&app).await;
    let unused = Connection::open(&app).await;
    let mut stream = used.get(&bob, "/api/stream").await;
    let bearer = format!("Bearer {bob}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("accept", "application/x-ndjson"),
    ];
    let mut lines = used.send("GET", "/api/stream", &headers, None).await;
    assert_eq!(stream.next_event(DEADLINE).await.name(), "connect");

    let (status, took) = app.stop().await;

    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
    stream.next_named("bye").await;
    while lines.line().await["event"] != "bye" {}
    assert_eq!(stream.text().await, "");
    used.ended(DEADLINE).await.unwrap();
    unused.ended(DEADLINE).await.unwrap();
}
