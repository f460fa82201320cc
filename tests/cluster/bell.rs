//! The bell between hubs: a look follows each ring; without the bell, looks are frequent.

use std::time::{Duration, Instant};

use crate::hubs::{database, hub, publish};
use crate::link::{Conduct, Link, Way};
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

/// Looks that take four seconds at one every 20 ms, and twice the deadline at the rate of looks beside a bell.
const LOOKS_WITHOUT_BELL: f64 = 200.0;

/// A hub that hears the bell over a link of its own.
async fn hub_over(url: &str, notify_url: &str) -> TestApp {
    let hub = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", url)
        .env("CAMPANILE_NOTIFY_URL", notify_url)
        .spawn()
        .await;
    bell_works(&hub, 1.0).await;
    hub
}

async fn bell_works(hub: &TestApp, wanted: f64) {
    until(&format!("the bell works: {wanted}"), DEADLINE, async || {
        (hub.figure("campanile_bell_works").await == wanted).then_some(())
    })
    .await;
}

/// Publishes at one hub and waits until the stream at another one shows it; gives the time, which `campanile-bench cluster`
/// holds to a bar.
async fn latency(from: &TestApp, stream: &mut SseClient) -> Duration {
    let begin = Instant::now();
    let id = publish(from, "bob").await;
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    begin.elapsed()
}

/// The looks of a hub at the database so far, by their cause.
async fn looks(hub: &TestApp, cause: &str) -> f64 {
    let figure = format!("campanile_looks_total{{cause=\"{cause}\"}}");
    hub.figure(&figure).await
}

#[tokio::test]
async fn each_alarm_of_one_hub_makes_the_others_look() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;
    bell_works(&one, 1.0).await;
    bell_works(&other, 1.0).await;

    let before = looks(&other, "bell").await;
    let mut times = Vec::new();
    for _alarm in 0..20 {
        times.push(latency(&one, &mut stream).await);
    }

    eprintln!("from hub to hub: {times:?}");
    assert!(other.figure("campanile_catch_ups_total").await >= 1.0);
    assert!(looks(&other, "bell").await - before >= 20.0);
}

#[tokio::test]
async fn a_change_of_rights_rings_the_bell_as_an_alarm_does() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    bell_works(&one, 1.0).await;
    bell_works(&other, 1.0).await;

    let before = looks(&other, "bell").await;
    let mut times = Vec::new();
    for user in 0..9 {
        let token = one.user(&format!("user{user}")).await;
        let mut stream = other.connected(&token, "/api/stream").await;
        let begin = Instant::now();
        assert_eq!(crate::hubs::sign_out(&one, &token).await, 204);
        stream.bye("logout", DEADLINE).await;
        times.push(begin.elapsed());
    }

    eprintln!("from sign-out to bye: {times:?}");
    assert!(looks(&other, "bell").await - before >= 9.0);
    let revoked = "campanile_signals_total{kind=\"revoked\"}";
    assert_eq!(other.figure(revoked).await, 9.0);
}

#[tokio::test]
async fn a_bell_that_goes_silent_in_any_direction_is_replaced_by_frequent_looks() {
    futures::future::join_all([Way::ToHub, Way::ToServer, Way::Both].map(silent_in)).await;
}

async fn silent_in(way: Way) {
    let url = database();
    let (link, over) = Link::before(&url).await;
    let (one, other) = (hub(&url).await, hub_over(&url, &over).await);
    let bob = one.user("bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;

    link.now(Conduct::Hold(way));
    while other.figure("campanile_bell_works").await == 1.0 {
        let took = latency(&one, &mut stream).await;
        eprintln!("{way:?}, before it is known to be dead: {took:?}");
    }
    let mut times = Vec::new();
    for _alarm in 0..9 {
        times.push(latency(&one, &mut stream).await);
    }
    eprintln!("{way:?}, without a bell: {times:?}");
    let before = looks(&other, "time").await;
    until("looks every 20 ms", DEADLINE, async || {
        (looks(&other, "time").await - before >= LOOKS_WITHOUT_BELL).then_some(())
    })
    .await;

    link.now(Conduct::Pass);
    bell_works(&other, 1.0).await;
    latency(&one, &mut stream).await;
}

#[tokio::test]
async fn a_bell_that_is_cut_or_slow_comes_back_by_itself() {
    let url = database();
    let (link, over) = Link::before(&url).await;
    let (one, other) = (hub(&url).await, hub_over(&url, &over).await);
    let bob = one.user("bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;

    link.now(Conduct::Cut);
    bell_works(&other, 0.0).await;
    latency(&one, &mut stream).await;
    other
        .wait_for_log("the bell between the hubs is silent")
        .await;
    link.now(Conduct::Delay(Duration::from_millis(100)));
    bell_works(&other, 1.0).await;
    latency(&one, &mut stream).await;
    other
        .wait_for_log("the bell between the hubs rings again")
        .await;
}
