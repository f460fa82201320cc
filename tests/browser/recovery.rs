//! Failures between a page and its hub, and the recovery of the page: the hub is killed, the laptop sleeps, streams are
//! held back, and connections die without a notice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::faulty_proxy::{Conduct, Proxy};
use crate::scenes::{TEXTS, network, say, shows_exactly};
use crate::support::{AppBuilder, TestApp};

/// The time within which a page must be complete after its machine woke up: far less than the longest pause between two
/// attempts, which is 30 seconds.
const COMPLETE_WITHIN: Duration = Duration::from_secs(10);

const A_MINUTE: Duration = Duration::from_secs(60);

/// A hub that comes back where its pages look for it.
async fn lasting_hub() -> TestApp {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = probe.local_addr().expect("an address").to_string();
    drop(probe);
    let app = AppBuilder::default().env("CAMPANILE_LISTEN", &address);
    let app = app.spawn().await;
    app.room("tower").await;
    app
}

async fn in_the_tower(app: &TestApp, chromium: &Chromium) -> Window {
    let alice = chromium.window().await;
    alice.sign_up(app, "alice", "Alice").await;
    alice.enter(app, "tower", "alice").await;
    alice
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The messages that the hub has stored of a room, oldest first.
async fn stored(app: &TestApp, token: &str) -> Vec<String> {
    let answer = app.get(token, "/api/rooms/tower/messages").send().await;
    let page: Value = answer.expect("an answer").json().await.expect("JSON");
    let items = page["items"].as_array().expect("items").iter().rev();
    items
        .map(|item| item["data"]["text"].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn an_open_room_survives_the_hubs_death_with_nothing_lost_doubled_or_untyped() {
    let mut app = lasting_hub().await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    say(&app, &bob, "tower", "before").await;
    alice.shows("#messages", "before").await;

    app.kill().await;
    alice.say("into the void").await;
    alice.shows("#messages .failed", "Not sent.").await;
    alice.fill("#text", "half a sent").await;
    alice.shows(".cb-status", "Reconnecting…").await;
    app.restart().await;
    say(&app, &bob, "tower", "after").await;

    alice.shows("#messages", "after").await;
    alice
        .holds("document.querySelectorAll('#messages [data-id]').length === 3")
        .await;
    assert_eq!(
        alice.value("document.getElementById('text').value").await,
        "half a sent"
    );
    let stored = stored(&app, &bob).await;
    assert_eq!(stored.len(), 3, "{stored:?}");
    shows_exactly(&alice, &stored).await;
    alice.reload().await;
    shows_exactly(&alice, &stored).await;
    assert_eq!(
        alice.value("document.getElementById('text').value").await,
        "half a sent"
    );
    alice.is_clean().await;
}

#[tokio::test]
async fn the_trouble_is_told_after_ten_seconds_and_its_end_as_well() {
    let mut app = lasting_hub().await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;

    app.kill().await;
    alice.shows(".cb-status", "No live updates.").await;
    alice.shows(".cb-status button", "Retry now").await;
    alice
        .holds("document.querySelector('.cb-status').role === 'status'")
        .await;
    app.restart().await;
    alice.click(".cb-status button").await;

    alice.shows(".cb-status", "Back online").await;
    alice
        .holds("document.querySelector('.cb-status').textContent === ''")
        .await;
}

#[tokio::test]
async fn a_page_that_slept_is_complete_within_two_seconds_of_waking() {
    let app = lasting_hub().await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let proxy = Proxy::before(app.address()).await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice
        .visit(&format!("{}/rooms/tower", proxy.base_url))
        .await;
    alice.shows("#presence", "Alice").await;
    alice.fill("#text", "half a sent").await;

    sleep(&alice).await;
    // The open connections are dead, and neither side is notified: no end of the connection ever arrives.
    proxy.fall_silent();
    let slept = Instant::now();
    let said: Vec<String> = (0..=20)
        .map(|number| format!("while you slept {number}"))
        .collect();
    // Spread over the minute that the lid is shut.
    let mut moments = tokio::time::interval(A_MINUTE / 20);
    for text in &said {
        moments.tick().await;
        say(&app, &bob, "tower", text).await;
    }
    assert!(slept.elapsed() >= A_MINUTE, "{:?}", slept.elapsed());
    app.publish(json!({"user": "alice"}), "NEW_FOLLOWER").await;
    app.publish(json!({"everyone": true}), "MAINTENANCE").await;
    let woke = Instant::now();
    wake(&alice).await;

    shows_exactly(&alice, &said).await;
    alice.shows(".cb-badge", "2").await;
    let took = woke.elapsed();
    assert!(took < COMPLETE_WITHIN, "{took:?}");
    alice.shows(".cb-toast", "2 new while you were away").await;
    assert_eq!(
        alice.value("document.getElementById('text').value").await,
        "half a sent"
    );
    alice.is_clean().await;
}

/// Shuts the lid: no network, and no script runs.
async fn sleep(window: &Window) {
    network(window, true).await;
    let frozen = json!({"state": "frozen"});
    window.cdp("Page.setWebLifecycleState", frozen).await;
}

/// Opens it again: the page is in front, as it was.
async fn wake(window: &Window) {
    let active = json!({"state": "active"});
    window.cdp("Page.setWebLifecycleState", active).await;
    // The protocol hides a page it freezes, and does not show it again.
    let looked_at = json!({"enabled": true});
    window
        .cdp("Emulation.setFocusEmulationEnabled", looked_at)
        .await;
    network(window, false).await;
}

#[tokio::test]
async fn what_was_sent_offline_goes_by_itself_when_the_network_is_back() {
    let app = lasting_hub().await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;

    network(&alice, true).await;
    alice.say("one").await;
    alice.say("two").await;
    alice
        .holds("document.querySelectorAll('#messages .failed').length === 2")
        .await;
    network(&alice, false).await;

    alice
        .holds("document.querySelectorAll('#messages [data-id]').length === 2")
        .await;
    assert_eq!(stored(&app, &bob).await, ["one", "two"]);
    shows_exactly(&alice, &texts(&["one", "two"])).await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_sent_again_and_stored_once() {
    let app = lasting_hub().await;
    let bob = app.user("bob").await;
    let proxy = Proxy::before(app.address()).await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    proxy.now(Conduct::LoseAnswers);
    alice
        .visit(&format!("{}/rooms/tower", proxy.base_url))
        .await;

    alice.say("only once").await;
    alice.shows("#messages .failed", "Not sent.").await;
    assert_eq!(stored(&app, &bob).await, ["only once"]);
    proxy.now(Conduct::Pass);
    alice.click("#messages .failed button").await;

    alice
        .holds("document.querySelectorAll('#messages [data-id]').length === 1")
        .await;
    shows_exactly(&alice, &texts(&["only once"])).await;
    assert_eq!(stored(&app, &bob).await, ["only once"]);
}

#[tokio::test]
async fn where_streams_are_held_back_a_page_polls_and_streams_again_when_it_can() {
    let app = lasting_hub().await;
    let bob = app.user("bob").await;
    let proxy = Proxy::before(app.address()).await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    let status = "document.querySelector('campanile-bell').client.status";

    for conduct in [
        Conduct::HoldStreams,
        Conduct::KeepEvents,
        Conduct::RefuseStreams,
    ] {
        proxy.now(conduct);
        alice
            .visit(&format!("{}/rooms/tower", proxy.base_url))
            .await;
        alice.holds(&format!("{status}.way === 'polls'")).await;
        let text = format!("through the {conduct:?}");
        say(&app, &bob, "tower", &text).await;
        app.publish(json!({"user": "alice"}), "NEW_FOLLOWER").await;

        alice.shows("#messages", &text).await;
        alice.shows(".cb-toast", "New follower").await;
    }
    alice.shows(".cb-badge", "3").await;

    proxy.now(Conduct::Pass);
    network(&alice, true).await;
    network(&alice, false).await;
    alice.holds(&format!("{status}.way === 'stream'")).await;
    say(&app, &bob, "tower", "streaming").await;
    alice.shows("#messages", "streaming").await;
    alice.holds(&format!("{TEXTS}.length === 4")).await;
    alice.is_clean().await;
}

#[tokio::test]
async fn a_connection_that_dies_without_a_word_is_noticed_and_replaced() {
    let app = AppBuilder::default().env("CAMPANILE_HEARTBEAT_SECONDS", "1");
    let app = app.spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    let proxy = Proxy::before(app.address()).await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice
        .visit(&format!("{}/rooms/tower", proxy.base_url))
        .await;
    say(&app, &bob, "tower", "one").await;
    alice.shows("#messages", "one").await;

    proxy.fall_silent();
    say(&app, &bob, "tower", "two").await;

    shows_exactly(&alice, &texts(&["one", "two"])).await;
}

#[tokio::test]
async fn attempts_are_spread_over_ever_longer_times() {
    let mut app = lasting_hub().await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice.goto(&app, "/compare").await;
    let follow = "(import('/campanile.js').then(({ connect }) => {
        window.waits = [];
        window.client = connect({ user: 'alice', onStatus: (status) => status.state === 'waiting' && waits.push(status.retryAt - Date.now()) });
    }), true)";
    assert_eq!(alice.value(follow).await, true);
    alice.holds("window.client?.status.state === 'live'").await;

    app.kill().await;
    alice.holds("waits.length >= 4").await;

    let waits = alice.value("waits.slice(0, 4)").await;
    let waits = waits.as_array().expect("a list").iter();
    let waits: Vec<f64> = waits.map(|wait| wait.as_f64().expect("a time")).collect();
    // Anywhere between almost nothing and a ceiling that doubles: full jitter.
    for (wait, ceiling) in waits.iter().zip([1_000.0, 2_000.0, 4_000.0, 8_000.0]) {
        assert!(*wait > 0.0 && *wait <= ceiling + 100.0, "{waits:?}");
    }
}
