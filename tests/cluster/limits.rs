//! A user has no more streams over all hubs than one user may have.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::hubs::{WITHIN, database};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, SseClient, TestApp, until};

async fn hub(url: &str) -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", url)
        .env("CAMPANILE_MAX_STREAMS_PER_USER", "3")
        .spawn()
        .await
}

/// The status of an opening, and the stream if there is one.
async fn open(hub: &TestApp, token: &str) -> (u16, Option<SseClient>) {
    let answer = hub.get(token, "/api/stream").send().await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        return (status, Some(SseClient::of(answer).await));
    }
    (status, None)
}

/// Waits until an opening has a status.
async fn answers(hub: &TestApp, token: &str, wanted: u16) -> Option<SseClient> {
    until(
        &format!("an opening is answered {wanted}"),
        WITHIN,
        async || {
            let (status, stream) = open(hub, token).await;
            (status == wanted).then_some(stream)
        },
    )
    .await
}

/// The number of streams of a user, over all hubs.
async fn count(hub: &TestApp, user: &str) -> usize {
    let answer = hub.get(&hub.admin(), "/api/admin/connections").send().await;
    let list: Vec<Value> = answer.unwrap().json().await.unwrap();
    list.iter().filter(|row| row["userId"] == user).count()
}

#[tokio::test]
async fn streams_at_one_hub_count_at_the_other_until_they_end_or_their_hub_is_killed() {
    let url = database();
    let (mut one, other) = (hub(&url).await, hub(&url).await);
    let (bob, eve) = (one.user("bob").await, one.user("eve").await);

    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(one.connected(&bob, "/api/stream").await);
    }
    let told = "SELECT sum(streams) FROM stream_counts WHERE user_id = 'bob'";
    until("three are told", WITHIN, async || {
        (Postgres::shared().sql(&url, told) == "3").then_some(())
    })
    .await;
    answers(&other, &bob, 429).await;
    assert_eq!(
        open(&other, &eve).await.0,
        200,
        "another user is not concerned"
    );

    streams.pop();
    let third = answers(&other, &bob, 200).await;
    answers(&one, &bob, 429).await;
    one.kill().await;
    // The lease of the hub that was killed ends, and its streams with it.
    let fourth = answers(&other, &bob, 200).await;
    let fifth = answers(&other, &bob, 200).await;
    assert_eq!(open(&other, &bob).await.0, 429);
    drop((third, fourth, fifth));
}

#[tokio::test]
async fn of_streams_opened_at_once_at_several_hubs_the_newest_end_until_they_are_as_many_as_one_user_may_have()
 {
    let url = database();
    let hubs = [hub(&url).await, hub(&url).await, hub(&url).await];
    let bob = hubs[0].user("bob").await;

    let opening = hubs
        .iter()
        .flat_map(|hub| (0..3).map(|_| open(hub, &bob)).collect::<Vec<_>>());
    let opened = futures::future::join_all(opening).await;
    let mut reading: JoinSet<Value> = JoinSet::new();
    for mut stream in opened.into_iter().filter_map(|(_status, stream)| stream) {
        reading.spawn(async move { stream.next_named("bye", WITHIN).await.json() });
    }
    eprintln!("{} were opened", reading.len());
    // No more end than those that are too many.
    for _ in 0..reading.len() - 3 {
        let reason = reading.join_next().await.unwrap().unwrap();
        assert_eq!(
            reason,
            json!({"reason": "too_many_streams", "reconnect": true})
        );
    }
    for hub in &hubs {
        until("three are left", WITHIN, async || {
            (count(hub, "bob").await == 3).then_some(())
        })
        .await;
    }
    for hub in &hubs {
        answers(hub, &bob, 429).await;
    }
    assert_eq!(reading.len(), 3);
    assert!(reading.try_join_next().is_none(), "one too many was ended");
}
