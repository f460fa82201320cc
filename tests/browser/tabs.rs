//! Several tabs of one person: one stream, one state.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::scenes::{TEXTS, say, shows_exactly};
use crate::support::{DEADLINE, TestApp, until};

async fn two_tabs(app: &TestApp, chromium: &Chromium, path: &str) -> Window {
    let carol = chromium.window().await;
    carol.sign_up(app, "carol", "Carol").await;
    carol.goto(app, path).await;
    carol.new_tab().await;
    carol.goto(app, path).await;
    carol
}

#[tokio::test]
async fn two_tabs_share_a_stream_and_closing_the_one_that_holds_it_loses_nothing() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let carol = two_tabs(&app, &chromium, "/rooms/tower").await;
    app.wait_for_connections(1, DEADLINE).await;
    let texts: Vec<String> = (0..200).map(|number| format!("message {number}")).collect();

    let talk = async {
        for text in &texts {
            say(&app, &bob, "tower", text).await;
        }
    };
    let close = async {
        carol.holds(&format!("{TEXTS}.length > 9")).await;
        carol.close_first_tab().await;
    };
    tokio::join!(talk, close);

    shows_exactly(&carol, &texts).await;
    app.wait_for_connections(1, DEADLINE).await;
    carol.is_clean().await;
}

#[tokio::test]
async fn each_tab_hears_its_own_room_over_the_one_stream() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    app.room("crypt").await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let carol = two_tabs(&app, &chromium, "/rooms/tower").await;
    carol.goto(&app, "/rooms/crypt").await;

    say(&app, &bob, "crypt", "down here").await;
    say(&app, &bob, "tower", "up here").await;

    shows_exactly(&carol, &["down here".to_owned()]).await;
    carol.turn_to_tab(0).await;
    shows_exactly(&carol, &["up here".to_owned()]).await;
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn reading_in_one_tab_clears_the_badge_in_the_other() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = two_tabs(&app, &chromium, "/rooms").await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;
    carol.shows(".cb-badge", "1").await;
    carol.turn_to_tab(0).await;
    carol.shows(".cb-badge", "1").await;
    carol.holds("document.title.startsWith('(1) ')").await;

    carol.turn_to_tab(1).await;
    carol.click(".cb-button").await;
    carol.shows(".cb-list", "New follower").await;

    carol.turn_to_tab(0).await;
    carol
        .holds("document.querySelector('.cb-badge').hidden")
        .await;
    carol.holds("!document.title.startsWith('(')").await;
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn signing_out_in_one_tab_signs_out_all() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    // The first tab holds the stream; once the one that signs out does, once another.
    for leaving in [0, 1] {
        let carol = chromium.window().await;
        let name = format!("carol{leaving}");
        carol.sign_up(&app, &name, "Carol").await;
        carol.new_tab().await;
        carol.goto(&app, "/alarms").await;
        app.wait_for_connections(1, DEADLINE).await;

        carol.turn_to_tab(leaving).await;
        carol.click("details.menu summary").await;
        carol.click("form[action='/logout'] button").await;
        carol.shows("h2", "Sign in").await;

        carol.turn_to_tab(1 - leaving).await;
        carol.shows(".cb-status", "You are signed out.").await;
        carol.click(".cb-status a").await;
        carol.shows("h2", "Sign in").await;
        app.wait_for_connections(0, DEADLINE).await;
    }
}

#[tokio::test]
async fn without_web_locks_tabs_share_a_stream_as_well() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    for open in [false, true] {
        if open {
            carol.new_tab().await;
        }
        let without = "Object.defineProperty(navigator, 'locks', { value: undefined })";
        carol
            .cdp(
                "Page.addScriptToEvaluateOnNewDocument",
                json!({"source": without}),
            )
            .await;
        carol.goto(&app, "/rooms").await;
        carol.holds("navigator.locks === undefined").await;
    }
    app.wait_for_connections(1, DEADLINE).await;

    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;

    carol.shows(".cb-badge", "1").await;
    carol.turn_to_tab(0).await;
    carol.shows(".cb-badge", "1").await;
    app.wait_for_connections(1, DEADLINE).await;
    carol.turn_to_tab(1).await;
    carol.close_first_tab().await;
    app.publish(json!({"user": "carol"}), "MAINTENANCE").await;
    carol.shows(".cb-badge", "2").await;
    app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn a_tab_that_opens_while_others_are_there_misses_nothing() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    app.wait_for_connections(1, DEADLINE).await;
    carol.new_tab().await;
    let texts: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();

    let talk = async {
        for text in &texts {
            say(&app, &bob, "tower", text).await;
        }
    };
    let open = async {
        carol.goto(&app, "/rooms/tower").await;
    };
    tokio::join!(talk, open);

    shows_exactly(&carol, &texts).await;
    until("one stream", DEADLINE, async || {
        (app.connections().await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn clients_that_come_while_a_stream_is_opened_for_another_miss_nothing() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let carol = two_tabs(&app, &chromium, "/rooms").await;
    app.wait_for_connections(1, DEADLINE).await;
    carol.run(LISTEN).await;
    carol.holds("window.listen !== undefined").await;
    let says = async |text: &str| say(&app, &bob, "tower", text).await;
    let heard = async |name: &str, texts: &[&str]| {
        let texts = json!(texts);
        let all = format!("JSON.stringify(window.heard.{name}) === JSON.stringify({texts})");
        carol.holds(&all).await;
    };
    let is_live = async |name: &str| {
        let live = format!("window.clients.{name}?.status.state === 'live'");
        carol.holds(&live).await;
    };
    carol.run("window.listen('there')").await;
    is_live("there").await;
    for text in ["known", "one", "two"] {
        says(text).await;
    }
    heard("there", &["known", "one", "two"]).await;

    // The tab that holds the stream opens another one for the first of them, whose answer takes its time.
    for tab in [0, 1] {
        carol.turn_to_tab(tab).await;
        carol.run(HOLD).await;
    }
    carol.run("window.listen('first', 1)").await;
    let holder = until("a stream is opened", DEADLINE, async || {
        for tab in [0, 1] {
            carol.turn_to_tab(tab).await;
            if carol.value("window.held.length").await != 0 {
                return Some(tab);
            }
        }
        None
    })
    .await;
    carol.turn_to_tab(1).await;
    carol.run("window.listen('second', 1)").await;
    is_live("second").await;
    says("three").await;
    heard("there", &["known", "one", "two", "three"]).await;
    carol.turn_to_tab(holder).await;
    carol.run(RELEASE).await;
    carol.turn_to_tab(1).await;

    heard("first", &["one", "two", "three"]).await;
    heard("second", &["one", "two", "three"]).await;
    heard("there", &["known", "one", "two", "three"]).await;
}

/// Gives the page `listen`, which connects a client of a name after a cursor and keeps what it hears.
const LISTEN: &str = "window.heard = {}; window.clients = {}; import('/campanile.js').then(({ connect }) => { \
    window.listen = (name, cursor) => { const heard = (window.heard[name] = []); \
    window.clients[name] = connect({ rooms: ['tower'], cursor, onMessage: (one) => heard.push(one.data.text) }); }; })";

/// Holds back each stream that the page opens from now on.
const HOLD: &str = "window.held = []; const real = window.fetch; \
    window.fetch = async (address, options) => { \
        if (String(address).includes('/api/stream?') && window.held) await new Promise((go) => window.held.push(go)); \
        return real(address, options); }";

const RELEASE: &str = "const held = window.held; window.held = null; held.forEach((go) => go())";
