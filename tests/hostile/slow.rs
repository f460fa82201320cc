//! Clients that read nothing: bounded, ended, named in the log, and of no cost to the others.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::support::{AppBuilder, Claims, Item, Parser, TestApp, sign, until};
use crate::{socket, system};

/// Far more of the largest alarms than a queue and the kernel's buffers hold.
const LARGE_ALARMS: usize = 150;

/// Thirty seconds, a heartbeat, and what a busy machine adds.
const GONE_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_client_that_reads_nothing_is_gone_with_all_it_held_and_the_log_says_why() {
    const STUCK: usize = 5;
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "5")
        .spawn()
        .await;
    let token = app.service();
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(socket::stuck(&app, &token).await);
    }
    app.wait_for_connections(STUCK, GONE_WITHIN).await;
    assert!(stuck.iter().all(system::holds));

    for _ in 0..LARGE_ALARMS {
        let body = json!({"to": {"everyone": true}, "alarmType": "T", "data": "x".repeat(16_000)});
        let answer = app
            .post(&token, "/api/alarms")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
    }
    let begin = Instant::now();
    app.wait_for_log("it does not read").await;
    app.wait_for_connections(0, GONE_WITHIN).await;
    let cut_off = begin.elapsed();
    // The client's own end stays open all the time: it is the server that lets go.
    until("the connections are given back", GONE_WITHIN, async || {
        (!stuck.iter().any(system::holds)).then_some(())
    })
    .await;

    eprintln!(
        "cut off after {cut_off:?}, every connection given back after {:?}",
        begin.elapsed()
    );
    drop(stuck);
}

/// Longer than a connection may be idle: reading slowly is not idling.
#[tokio::test]
async fn a_long_answer_that_is_read_slowly_comes_whole() {
    const PIECE: usize = 4_096;
    const LEAST: Duration = Duration::from_secs(35);
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for _ in 0..60 {
        let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": "x".repeat(16_000)});
        let answer = app.post(&app.service(), "/api/alarms").json(&body).send();
        assert_eq!(answer.await.unwrap().status(), 201);
    }
    let mut socket = socket::connect(&app).await;
    let request = format!(
        "GET /api/stream?cursor=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bob}\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();

    let mut answer = Vec::new();
    let mut pace = tokio::time::interval(LEAST / 240);
    loop {
        pace.tick().await;
        let mut piece = vec![0; PIECE];
        let read = tokio::time::timeout(GONE_WITHIN, socket.read(&mut piece)).await;
        match read.expect("bytes in time").expect("an orderly end") {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }

    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").expect("a length");
    let length = length.split("\r\n").next().unwrap().parse();
    assert_eq!(Ok(body.len()), length);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_read_nothing_cost_the_others_nothing() {
    let (healthy, slow) = (
        setting("CAMPANILE_HEALTHY_CLIENTS", 100),
        setting("CAMPANILE_SLOW_CLIENTS", 20),
    );
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "10000")
        .alone()
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut clients = JoinSet::new();
    for _ in 0..healthy {
        clients.spawn(follow(app.get(&bob, "/api/stream")));
    }
    app.wait_for_connections(healthy, GONE_WITHIN).await;
    let begin = Instant::now();

    publish(&app, begin, "WITHOUT").await;
    let memory = app.resident_kib();
    let token = sign(&Claims::of("sloth", "service"));
    let mut stuck = Vec::new();
    for _ in 0..slow {
        stuck.push(socket::stuck(&app, &token).await);
    }
    app.wait_for_connections(healthy + slow, GONE_WITHIN).await;
    publish(&app, begin, "WITH").await;
    app.publish(json!({"everyone": true}), "END").await;
    let memory_with = app.resident_kib();
    let seen = clients.join_all().await;

    for kind in ["WITHOUT", "WITH"] {
        let mut latencies: Vec<Duration> = seen
            .iter()
            .flatten()
            .filter(|sight| sight.kind == kind)
            .map(|sight| sight.at.saturating_duration_since(begin + sight.published))
            .collect();
        latencies.sort_unstable();
        assert_eq!(
            latencies.len(),
            healthy * ALARMS,
            "every client saw every alarm"
        );
        let at = |share: usize| latencies[(latencies.len() - 1) * share / 1_000];
        eprintln!(
            "{healthy} healthy clients, {kind} {slow} that read nothing: p50 {:?}, p99 {:?}, p99.9 {:?}",
            at(500),
            at(990),
            at(999)
        );
    }
    eprintln!("the server held {memory} KiB without and {memory_with} KiB with them");
    drop(stuck);
}

const ALARMS: usize = 200;

struct Sight {
    kind: String,
    published: Duration,
    at: Instant,
}

/// At a steady pace, so that a latency is not the wait behind the alarm before.
async fn publish(app: &TestApp, begin: Instant, kind: &str) {
    let mut pace = tokio::time::interval(Duration::from_millis(25));
    for _ in 0..ALARMS {
        pace.tick().await;
        let micros = u64::try_from(begin.elapsed().as_micros()).unwrap();
        let data = json!({"micros": micros, "padding": "x".repeat(8_000)});
        let body = json!({"to": {"everyone": true}, "alarmType": kind, "data": data});
        let answer = app
            .post(&app.service(), "/api/alarms")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
    }
}

async fn follow(request: reqwest::RequestBuilder) -> Vec<Sight> {
    let mut body = request.send().await.expect("an answer").bytes_stream();
    let (mut parser, mut seen) = (Parser::default(), Vec::new());
    while let Some(bytes) = body.next().await {
        let at = Instant::now();
        parser.feed(&bytes.expect("a healthy stream"));
        while let Some(item) = parser.next() {
            let Item::Event(event) = item else { continue };
            if event.name() != "alarm" {
                continue;
            }
            let alarm: Value = event.json();
            let kind = alarm["alarmType"].as_str().unwrap().to_owned();
            if kind == "END" {
                return seen;
            }
            let published = Duration::from_micros(alarm["data"]["micros"].as_u64().unwrap());
            seen.push(Sight {
                kind,
                published,
                at,
            });
        }
    }
    panic!("the stream of a healthy client ended");
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
