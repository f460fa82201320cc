//! The memory that replays hold: bounded, given back, and refused politely when it is all taken.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;

use crate::answers::{answer, problem, send};
use crate::socket::{self, begun};
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

/// As many streams as a user may have.
const STREAMS: usize = 32;

/// A request for everything there is, by a socket that reads nothing.
async fn unread(app: &TestApp, token: &str, accept: &str, query: &str) -> TcpStream {
    let path = format!("/api/stream?rooms=all&cursor=0{query}");
    socket::unread(app, token, &path, accept).await
}

/// Says so many of the longest messages in a room.
async fn talk(app: &TestApp, token: &str, count: usize) {
    const AT_ONCE: usize = 50;
    app.room("42").await;
    let body = json!({"text": "\u{1f514}".repeat(4_000)});
    let say = || answer(app.post(token, "/api/rooms/42/messages").json(&body), 201);
    for begin in (0..count).step_by(AT_ONCE) {
        join_all((begin..count.min(begin + AT_ONCE)).map(|_| say())).await;
    }
}

#[tokio::test]
async fn unread_polls_and_replays_of_a_long_log_hold_little_and_give_it_back() {
    let app = AppBuilder::default().alone().spawn().await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    talk(&app, &bob, 1_001).await;
    let before = app.resident_kib() / 1_024;

    let mut peaks = Vec::new();
    for _storm in 0..2 {
        let (mut polls, mut replays) = (Vec::new(), Vec::new());
        for _ in 0..STREAMS {
            polls.push(unread(&app, &bob, "application/json", "").await);
            replays.push(unread(&app, &carol, "text/event-stream", "").await);
        }
        // The list names a poll until its answer begins.
        until(
            "every one reads or waits for its turn",
            DEADLINE,
            async || {
                let open = app.connections().await.len();
                let answered = polls.iter().filter(|poll| !begun(poll).is_empty());
                (open + answered.count() >= 2 * STREAMS).then_some(())
            },
        )
        .await;
        peaks.push(peak_mib(&app).await);
        drop((polls, replays));
        app.wait_for_connections(0, DEADLINE).await;
    }

    let after = app.resident_kib() / 1_024;
    eprintln!("{before} MiB, {peaks:?} MiB with unread polls and replays, {after} MiB after");
    assert!(peaks[0] - before < 150, "{before} MiB, then {peaks:?} MiB");
    assert!(
        peaks[1] < peaks[0] + 30,
        "the second storm uses what the first gave back: {peaks:?}"
    );
}

/// The memory at its most, once it has not grown for a second.
async fn peak_mib(app: &TestApp) -> u64 {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let (mut most, mut calm) = (0, 0);
    while calm < 50 {
        tick.tick().await;
        let now = app.resident_kib() / 1_024;
        calm = if now > most { 0 } else { calm + 1 };
        most = most.max(now);
    }
    most
}

#[tokio::test]
async fn a_replay_that_waits_for_memory_has_heartbeats_and_a_poll_too_many_is_told_to_come_back() {
    // Some 64 polls fill the memory; an unread one is cut off after 15 seconds, and then the next 64 have theirs.
    const CROWDS: usize = 8;
    let app = AppBuilder::default()
        .env("CAMPANILE_HEARTBEAT_SECONDS", "1")
        .alone()
        .spawn()
        .await;
    let bob = app.user("bob").await;
    talk(&app, &bob, 120).await;
    let mut sockets = Vec::new();
    for crowd in 0..CROWDS {
        let token = app.user(&format!("crowd{crowd}")).await;
        for _ in 0..STREAMS {
            sockets.push(unread(&app, &token, "application/json", "&wait=60").await);
        }
    }
    until("more wait than two turns let in", DEADLINE, async || {
        (app.connections().await.len() > CROWDS * STREAMS * 5 / 8).then_some(())
    })
    .await;

    let carol = app.user("carol").await;
    let path = "/api/stream?rooms=all&cursor=0";
    let mut stream = app.connected(&carol, path).await;
    let poll = |query: &str| {
        let path = format!("{path}{query}");
        app.get(&bob, &path).header("Accept", "application/json")
    };
    let heartbeats = async {
        for _ in 0..3 {
            let ping = stream.next_event(DEADLINE).await;
            assert_eq!((ping.name(), ping.number()), ("ping", 0), "{ping:?}");
        }
    };
    let (refused, early, ()) =
        futures::join!(send(poll("&wait=60")), answer(poll(""), 200), heartbeats);

    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503, "overloaded").await;
    assert_eq!(early["events"], json!([]));
    assert_eq!(
        (&early["cursor"], &early["more"]),
        (&json!(0), &json!(true)),
        "{early}"
    );
    drop(sockets);
    app.wait_for_connections(0, DEADLINE).await;
    let page = answer(poll(""), 200).await;
    assert_eq!(page["events"][0]["id"], 1);
}
