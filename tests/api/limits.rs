//! The limit on the streams of a user, and the ends of streams.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, problem, refusal, send};
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign};

#[tokio::test]
async fn a_user_has_no_more_streams_than_allowed() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "3")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut streams = Vec::new();
    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        streams.push(app.stream(&bob, path).await);
    }

    for path in [
        "/api/stream",
        "/api/main/alarm/sub",
        "/room/subscribe?id=bob",
    ] {
        let refused = send(app.get(&bob, path)).await;
        assert!(refused.headers().contains_key("retry-after"), "{path}");
        problem(refused, 429, "too_many_streams").await;
    }
    app.connected(&carol, "/api/stream").await;
    streams.pop();
    crate::support::until("a place for another stream", DEADLINE, async || {
        let again = send(app.get(&bob, "/api/stream")).await;
        (again.status() == 200).then_some(again)
    })
    .await;
}

#[tokio::test]
async fn opening_many_streams_at_once_does_not_get_round_the_limit() {
    let app = AppBuilder::default()
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "3")
        .spawn()
        .await;
    let bob = app.user("bob").await;

    let opened = (0..20).map(|_| send(app.get(&bob, "/api/stream")));
    let answers = futures::future::join_all(opened).await;

    let open = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .count();
    assert_eq!(open, 3);
    assert_eq!(app.connections().await.len(), 3);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let short = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(3)));
    let mut bearer = app.connected(&short, "/api/stream").await;
    let mut query =
        SseClient::open(app.request(Method::GET, &format!("/api/stream?token={short}"))).await;
    let mut legacy = app.stream(&short, "/api/main/alarm/sub").await;

    for stream in [&mut bearer, &mut query, &mut legacy] {
        let bye = stream.bye("expired", DEADLINE).await;
        assert_eq!(bye["reconnect"], true);
    }
    refusal(app.get(&short, "/api/stream"), 401, "invalid_token").await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_forgotten_within_a_second() {
    let app = AppBuilder::default().alone().spawn().await;
    let bob = app.user("bob").await;
    let streams = [
        app.connected(&bob, "/api/stream").await,
        app.stream(&bob, "/api/main/alarm/sub").await,
        app.stream(&bob, "/room/subscribe?id=bob").await,
    ];
    app.wait_for_connections(3, DEADLINE).await;

    let begin = Instant::now();
    drop(streams);
    app.wait_for_connections(0, DEADLINE).await;

    eprintln!("forgotten after {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_replay_that_its_client_left_is_forgotten_too() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body =
        json!({"to": {"users": vec!["bob"; 1]}, "alarmType": "T", "data": "x".repeat(10_000)});
    let service = app.service();
    let publishing = (0..300).map(|_| answer(app.post(&service, "/api/alarms").json(&body), 201));
    futures::future::join_all(publishing).await;

    // Answered, but never read: the replay stands still half-way.
    let streams: Vec<SseClient> =
        futures::future::join_all((0..5).map(|_| app.stream(&bob, "/api/stream?cursor=0"))).await;
    drop(streams);

    app.wait_for_connections(0, DEADLINE).await;
}
