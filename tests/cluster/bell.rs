//! The bell between hubs: an alarm of one hub is at the others at once; without the bell, within a second.

use std::time::{Duration, Instant};

use crate::hubs::{database, hub, publish};
use crate::link::{Conduct, Link, Way};
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

/// Far less than the interval of looks, which is what a hub without a bell would need; far more than the bell does.
const AT_ONCE: Duration = Duration::from_millis(150);

/// The promise for a dead bell.
const WITHOUT_BELL: Duration = Duration::from_secs(1);

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

/// Publishes at one hub; gives the time until the stream at another one shows it.
async fn latency(from: &TestApp, stream: &mut SseClient) -> Duration {
    let begin = Instant::now();
    let id = publish(from, "bob").await;
    assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn an_alarm_of_one_hub_is_at_the_others_at_once() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let mut stream = other.connected(&bob, "/api/stream").await;
    bell_works(&one, 1.0).await;
    bell_works(&other, 1.0).await;

    let mut times = Vec::new();
    for _alarm in 0..20 {
        times.push(latency(&one, &mut stream).await);
    }

    eprintln!("from hub to hub: {times:?}");
    assert!(median(times) < AT_ONCE);
    assert!(other.figure("campanile_catch_ups_total").await >= 1.0);
    assert!(other.figure("campanile_looks_total{cause=\"bell\"}").await >= 1.0);
}

#[tokio::test]
async fn a_change_of_rights_rings_the_bell_as_an_alarm_does() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    bell_works(&one, 1.0).await;
    bell_works(&other, 1.0).await;

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
    assert!(median(times) < AT_ONCE);
    let revoked = "campanile_signals_total{kind=\"revoked\"}";
    assert_eq!(other.figure(revoked).await, 9.0);
}

#[tokio::test]
async fn a_bell_that_goes_silent_in_any_direction_delays_no_alarm_by_more_than_a_second() {
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
        assert!(took < WITHOUT_BELL, "{way:?}: {took:?}");
    }
    let mut times = Vec::new();
    for _alarm in 0..9 {
        times.push(latency(&one, &mut stream).await);
    }
    eprintln!("{way:?}, without a bell: {times:?}");
    assert!(median(times) < AT_ONCE, "looks every 20 ms");

    link.now(Conduct::Pass);
    bell_works(&other, 1.0).await;
    assert!(latency(&one, &mut stream).await < WITHOUT_BELL);
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
    assert!(latency(&one, &mut stream).await < WITHOUT_BELL);
    other
        .wait_for_log("the bell between the hubs is silent")
        .await;
    link.now(Conduct::Delay(Duration::from_millis(100)));
    bell_works(&other, 1.0).await;
    assert!(latency(&one, &mut stream).await < WITHOUT_BELL);
    other
        .wait_for_log("the bell between the hubs rings again")
        .await;
}
