//! Chat rooms, between people in different windows.

use crate::chromium::{Chromium, Window};
use crate::support::TestApp;

/// Would be noticed if it ran.
const SCRIPT: &str = "<script>window.ran=true</script><img src=x onerror=window.ran=true>";

async fn nothing_ran(window: &Window) {
    assert_eq!(window.value("window.ran === undefined").await, true);
}

#[tokio::test]
async fn two_people_talk_in_two_windows_and_a_reload_keeps_it() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let chromium = Chromium::start().await;
    let (alice, bob) = (chromium.window().await, chromium.window().await);
    alice.sign_up(&app, "alice", "Alice").await;
    bob.sign_up(&app, "bob", "Bob").await;
    alice.enter(&app, "tower", "alice").await;
    bob.enter(&app, "tower", "bob").await;

    alice.say("Who rings at noon?").await;
    bob.shows("#messages [data-from=alice]", "Who rings at noon?")
        .await;
    bob.say("I do.").await;
    alice.shows("#messages [data-from=bob]", "I do.").await;
    alice.shows("#presence", "Bob").await;
    alice.reload().await;

    alice.shows("#messages", "Who rings at noon?").await;
    alice.shows("#messages", "I do.").await;
    assert_eq!(
        alice
            .value("document.querySelectorAll('#messages .message').length")
            .await,
        2
    );
    alice.is_clean().await;
    bob.is_clean().await;

    // A user who leaves is removed from the list, too.
    alice.shows("#presence-count", "2").await;
    bob.goto(&app, "/alarms").await;
    alice.shows("#presence-count", "1").await;
    alice
        .holds("document.querySelector('#presence [data-user=bob]') === null")
        .await;
}

#[tokio::test]
async fn what_is_said_appears_once_although_it_comes_by_two_ways() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice.enter(&app, "tower", "alice").await;

    for text in ["one", "two", "three"] {
        alice.say(text).await;
    }
    alice
        .holds("document.querySelectorAll('#messages .message[data-id]').length === 3")
        .await;

    alice
        .holds("document.querySelectorAll('#messages .message').length === 3")
        .await;
    let said = alice
        .value("[...document.querySelectorAll('#messages .text')].map((one) => one.textContent)")
        .await;
    assert_eq!(said, serde_json::json!(["one", "two", "three"]));
}

#[tokio::test]
async fn a_script_in_a_message_or_a_name_is_text() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let chromium = Chromium::start().await;
    let (alice, bob) = (chromium.window().await, chromium.window().await);
    alice.sign_up(&app, "alice", SCRIPT).await;
    bob.sign_up(&app, "bob", "Bob").await;
    alice.enter(&app, "tower", "alice").await;
    bob.enter(&app, "tower", "bob").await;

    alice.say(SCRIPT).await;

    bob.shows("#messages", SCRIPT).await;
    bob.shows("#presence", SCRIPT).await;
    nothing_ran(&bob).await;
    bob.reload().await;
    bob.shows("#messages .text", SCRIPT).await;
    bob.shows("#messages .byline", SCRIPT).await;
    nothing_ran(&bob).await;
    nothing_ran(&alice).await;
}

#[tokio::test]
async fn a_page_comes_back_after_the_hub_was_away_and_misses_nothing() {
    let mut app = crate::support::AppBuilder::default()
        .env("CAMPANILE_LISTEN", &free_address())
        .spawn()
        .await;
    app.room("tower").await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice.enter(&app, "tower", "alice").await;
    app.user("bob").await;

    app.restart().await;
    let said = app
        .post(&app.user("bob").await, "/api/rooms/tower/messages")
        .json(&serde_json::json!({"text": "Did you hear that?"}))
        .send()
        .await
        .expect("an answer");

    assert_eq!(said.status(), 201);
    alice.shows("#messages", "Did you hear that?").await;
}

/// A server that comes back must come back where its pages look for it.
fn free_address() -> String {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").to_string()
}
