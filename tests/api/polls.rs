//! The cost of polling: no read of the database while nothing is published.

use std::fs;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answers::{answer, refusal};
use crate::crowd::crowd;
use crate::database;
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

/// As many as are held at a time, where the system lets this process have so many files open.
const POLLS: usize = 10_000;

/// Less than it takes a debug build to wake 10,000 polls at each of four heartbeats, several times what it takes to wake none.
const WAKING_ALL: Duration = Duration::from_secs(1);

/// The connection, its subscription, and the head of its answer. The allocator's own share is in it.
const MOST_BYTES_A_POLL: u64 = 8 * 1_024;

/// The hub looks once a second at a log that others may write.
const SEVERAL_LOOKS: Duration = Duration::from_secs(6);

/// The number of files that the test itself and its server have open besides them.
const OTHER_FILES: usize = 500;

/// A poll as it waits.
struct Waiting(TcpStream);

impl Waiting {
    async fn begin(app: &TestApp, token: &str, cursor: i64) -> Self {
        let mut socket = TcpStream::connect(app.address())
            .await
            .expect("a connection");
        let request = format!(
            "GET /api/stream?wait=60&cursor={cursor} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Accept: application/json\r\nConnection: close\r\n\r\n",
            app.address()
        );
        socket
            .write_all(request.as_bytes())
            .await
            .expect("a request");
        Self(socket)
    }

    async fn answered(mut self) -> Value {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(body).expect("JSON")
    }
}

#[tokio::test]
async fn ten_thousand_polls_that_wait_cost_no_read_and_no_time_and_one_alarm_answers_them_all() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "20000")
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .alone()
        .spawn()
        .await;
    let users = crowd(&app, 100).await;
    let cursor = app.publish(json!({"everyone": true}), "BEFORE").await;
    let count = POLLS.min(open_files() - OTHER_FILES);
    let mut witness = app.connected(&app.service(), "/api/stream").await;
    let mut polls = Vec::new();
    hold(&app, &users, cursor, &mut polls, count).await;

    heartbeats(&mut witness, 1).await;
    let (reads, time) = (app.reads().await, time_used(&app));
    heartbeats(&mut witness, 4).await;
    let (reads_while, time_while) = (app.reads().await - reads, time_used(&app) - time);
    let id = app.publish(json!({"everyone": true}), "NOW").await;
    let answers =
        tokio::time::timeout(DEADLINE, join_all(polls.into_iter().map(Waiting::answered)));
    let answers = answers.await.expect("all answers in time");

    eprintln!(
        "{count} polls waited four heartbeats: {reads_while} reads, {time_while:?} of the processor"
    );
    assert!(answers.iter().all(|answer| answer["events"][0]["id"] == id));
    assert_eq!(answers.len(), count);
    assert_eq!(reads_while, 0.0);
    assert!(time_while < WAKING_ALL, "{time_while:?}");
}

/// Adds polls that wait until there are `count`.
async fn hold(
    app: &TestApp,
    users: &[String],
    cursor: i64,
    polls: &mut Vec<Waiting>,
    count: usize,
) {
    let others = app.figure("campanile_streams").await - polls.len() as f64;
    while polls.len() < count {
        let some = users.iter().take(count - polls.len());
        let opened = some.map(|token| Waiting::begin(app, token, cursor));
        polls.extend(join_all(opened).await);
        let open = polls.len() as f64 + others;
        until("all of them wait", DEADLINE, async || {
            (app.figure("campanile_streams").await == open).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_poll_that_waits_holds_little_memory() {
    const FIRST: usize = 1_000;
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "20000")
        .alone()
        .spawn()
        .await;
    let users = crowd(&app, 100).await;
    let cursor = app.publish(json!({"everyone": true}), "BEFORE").await;
    let count = (POLLS / 2).min(open_files() - OTHER_FILES);
    let mut polls = Vec::new();
    hold(&app, &users, cursor, &mut polls, FIRST).await;
    let before = app.resident_kib();

    hold(&app, &users, cursor, &mut polls, count).await;

    let held = (app.resident_kib() - before) * 1_024;
    let each = held / u64::try_from(count - FIRST).expect("a number");
    eprintln!("{each} bytes for a poll that waits");
    assert!(each < MOST_BYTES_A_POLL, "{each} bytes");
    let id = app.publish(json!({"everyone": true}), "NOW").await;
    let answer = polls.remove(0).answered().await;
    assert_eq!(answer["events"][0]["id"], id);
}

#[tokio::test]
async fn a_poll_that_finds_nothing_reads_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let cursor = app.publish(json!({"user": "bob"}), "T").await;
    let path = format!("/api/stream?cursor={cursor}");
    let poll = || {
        answer(
            app.get(&bob, &path).header("Accept", "application/json"),
            200,
        )
    };
    if !database::is_sqlite() {
        let looks = async || {
            app.figure("campanile_store_reads_total{kind=\"head\"}")
                .await
        };
        let so_far = looks().await;
        until("two looks at the log", DEADLINE, async || {
            (looks().await >= so_far + 2.0).then_some(())
        })
        .await;
    }
    poll().await;

    let (before, end) = (app.reads().await, Instant::now() + SEVERAL_LOOKS);
    let mut polls = 0;
    while Instant::now() < end {
        assert_eq!(poll().await["events"], json!([]));
        polls += 1;
    }
    let more = app.reads().await - before;

    // With several hubs the remembered values hold until the next check, which may be late.
    let late = if database::is_sqlite() { 0.0 } else { 2.0 };
    assert!(more <= late, "{more} reads for {polls} polls");
}

#[tokio::test]
async fn a_lone_hub_looks_at_its_log_only_after_a_commit_that_failed() {
    if !database::is_sqlite() {
        return;
    }
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    let heads = async || {
        app.figure("campanile_store_reads_total{kind=\"head\"}")
            .await
    };

    let at_first = heads().await;
    heartbeats(&mut stream, 3).await;
    assert_eq!(heads().await, at_first, "it knows all of its log");

    let lock = database::lock(&app);
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let publish = app.post(&app.service(), "/api/alarms").json(&body);
    refusal(publish, 503, "unavailable").await;
    until(
        "it looks, as the alarm may be stored",
        DEADLINE,
        async || (heads().await > at_first).then_some(()),
    )
    .await;
    drop(lock);
    let mut later = app.connected(&bob, "/api/stream").await;
    let mut looked = heads().await;
    loop {
        heartbeats(&mut later, 3).await;
        let now = heads().await;
        if now == looked {
            break;
        }
        assert!(
            now < at_first + 20.0,
            "it has seen that the alarm is not stored"
        );
        looked = now;
    }
    assert_eq!(app.publish(json!({"user": "bob"}), "T").await, 2);
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), 2);
}

/// Waits for signs of life of a stream on which nothing else comes: one a second.
async fn heartbeats(stream: &mut SseClient, count: usize) {
    for _ in 0..count {
        let _beat = stream.next_item(DEADLINE).await.expect("a heartbeat");
    }
}

/// The processor time that the server's process has used.
fn time_used(app: &TestApp) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", app.process_id())).expect("its figures");
    // The name in parentheses may hold spaces; user and system time are the 14th and 15th figures.
    let (_, after_name) = stat.rsplit_once(") ").expect("a name");
    let ticks = after_name.split(' ').skip(11).take(2);
    let ticks: u64 = ticks
        .map(|ticks| ticks.parse::<u64>().expect("ticks"))
        .sum();
    // Linux tells its programs of a hundred ticks a second, whatever it uses itself.
    Duration::from_millis(ticks * 10)
}

/// The number of files that this process may have open.
fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("the limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next());
    limit.and_then(|limit| limit.parse().ok()).expect("a limit")
}

#[tokio::test]
async fn a_poll_brings_at_most_a_thousand_events_and_says_that_there_are_more() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let users: Vec<String> = (0..1_000).map(|n| format!("u{n}")).collect();
    let known: Vec<Value> = users.iter().map(|id| json!({"id": id})).collect();
    answer(app.post(&app.service(), "/api/users").json(&known), 200).await;
    app.publish(json!({"users": users}), "OTHERS").await;
    for _ in 0..1_001 {
        app.publish(json!({"user": "bob"}), "T").await;
    }
    let poll = |cursor: i64| {
        let path = format!("/api/stream?cursor={cursor}");
        answer(
            app.get(&bob, &path).header("Accept", "application/json"),
            200,
        )
    };

    let first = poll(0).await;
    let second = poll(first["cursor"].as_i64().unwrap()).await;

    assert_eq!(
        (first["events"].as_array().unwrap().len(), &first["more"]),
        (1_000, &json!(true))
    );
    assert_eq!(
        (second["events"].as_array().unwrap().len(), &second["more"]),
        (1, &json!(false))
    );
    assert_eq!(second["events"][0]["id"], 2_001);
    assert_eq!(second["cursor"], 2_001);
}

#[tokio::test]
async fn a_long_poll_waits_as_long_as_it_says_and_no_longer() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let json_get = |path: &str| app.get(&bob, path).header("Accept", "application/json");

    let empty = answer(json_get("/api/stream?wait=1"), 200).await;

    assert_eq!(
        empty,
        json!({"events": [], "cursor": 0, "more": false, "gap": false, "userId": "bob"})
    );
    for bad in ["0", "61", "-1", "x"] {
        let get = json_get(&format!("/api/stream?wait={bad}"));
        crate::answers::invalid(get, "wait").await;
    }
}
