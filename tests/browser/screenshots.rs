//! Every page in both colour schemes, both languages, and on a phone and a desk: nothing scrolls sideways, no text is cut or
//! lies over another, and nothing comes from elsewhere. With `CAMPANILE_SCREENSHOTS=folder` the pictures are kept.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::layout;
use crate::scenes::{PAGES, furnish, publish, say};
use crate::support::TestApp;

#[tokio::test]
async fn every_page_is_whole_in_every_look() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.goto(&app, "/").await;
    check_all_looks(&app, &window, "sign-in", "/").await;

    window.speak("en").await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    for (name, path) in PAGES {
        check_all_looks(&app, &window, name, path).await;
    }
    let erin = chromium.window().await;
    erin.sign_up(&app, "erin", "Erin").await;
    check_all_looks(&app, &erin, "forbidden", "/admin").await;
}

#[tokio::test]
async fn the_open_bell_and_the_empty_pages_are_whole_in_every_look() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    for (name, path) in [("no-rooms", "/rooms"), ("empty-inbox", "/alarms")] {
        check_all_looks(&app, &window, name, path).await;
    }

    furnish(&app).await;
    check_all_looks(&app, &window, "panel", "/alarms").await;
}

/// The picture at the top of the README: a room that is used, on a desk, and on a phone in the dark.
#[tokio::test]
async fn a_room_in_use_is_whole_on_a_desk_and_on_a_phone() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice Kim").await;
    let _here = converse(&app).await;
    alice.be_sized(900, 640).await;
    alice.enter(&app, "general", "alice").await;
    for text in [
        "Looking now.",
        "The slowest hundredth fell from 40 ms to 12 ms, so I would say it is fine. The graph for the last hour is flat.",
    ] {
        alice.say(text).await;
        alice.shows("#messages .mine[data-id] .text", text).await;
    }
    conclude(&app).await;
    alice.shows("#messages .alarm", "main is green").await;
    alice.shows("#presence-count", "3").await;

    let faults = layout::faults(&alice).await;
    assert!(faults.is_empty(), "{faults:#?}");
    let desk = alice.picture_address().await;
    alice.look_like(390, "dark").await;
    alice.be_sized(390, 640).await;
    alice.reload().await;
    alice.shows("#messages .alarm", "main is green").await;
    alice.shows("#presence-count", "3").await;
    let faults = layout::faults(&alice).await;
    assert!(faults.is_empty(), "{faults:#?}");
    let phone = alice.picture_address().await;
    alice.is_clean().await;

    alice.visit("about:blank").await;
    alice.look_like(1362, "light").await;
    alice.be_sized(1362, 688).await;
    alice.run(&format!("document.body.style = 'margin: 0; padding: 24px; display: flex; gap: 24px; background: #e2e8e8';
      for (const address of [{desk:?}, {phone:?}]) document.body.append(Object.assign(new Image(), {{ src: address, style: 'border-radius: 14px; box-shadow: 0 8px 24px #0a191e2e' }}));")).await;
    alice
        .holds("[...document.images].length === 2 && [...document.images].every((one) => one.complete && one.naturalWidth > 0)")
        .await;
    keep("../room", &alice.picture().await);
}

/// Two others who are in a room and talk.
async fn converse(app: &TestApp) -> [crate::support::SseClient; 2] {
    let room = json!({"id": "general", "name": "General"});
    let made = app.post(&app.service(), "/api/rooms").json(&room).send();
    assert_eq!(made.await.expect("an answer").status(), 201);
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    for (id, name) in [("bob", "Bob Park"), ("carol", "Carol Lee")] {
        let named = app.put(&app.service(), &format!("/api/users/{id}"));
        let named = named.json(&json!({"displayName": name})).send().await;
        assert_eq!(named.expect("an answer").status(), 200);
    }
    say(
        app,
        &bob,
        "general",
        "Could somebody have a look at the numbers before noon?",
    )
    .await;
    let path = "/api/stream?room=general";
    [
        app.connected(&bob, path).await,
        app.connected(&carol, path).await,
    ]
}

/// Sends the last messages and alarms of the scene.
async fn conclude(app: &TestApp) {
    let carol = app.user("carol").await;
    for text in [
        "안녕하세요! 준비됐어요",
        "And <script>alert(1)</script> is still only text.",
    ] {
        say(app, &carol, "general", text).await;
    }
    let ring = app.post(&app.admin(), "/room/publish?sender=admin&roomId=general");
    assert_eq!(ring.send().await.expect("an answer").status(), 202);
    say(
        app,
        &app.admin(),
        "general",
        "Deploy at 02:30, please finish your tests.",
    )
    .await;
    let green = json!({
        "to": {"room": "general"}, "alarmType": "BUILD_FINISHED",
        "data": {"title": "main is green after 4 min 12 s"}, "url": "/builds/17",
    });
    publish(app, &green).await;
}

/// A run of /compare with its cuts and its limit, from top to bottom, in either colour scheme.
#[tokio::test]
async fn a_finished_comparison_is_whole_from_top_to_bottom() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let minho = chromium.window().await;
    minho.sign_up(&app, "minho", "Minho").await;
    minho.look_like(1280, "light").await;
    minho.goto(&app, "/compare").await;
    minho
        .holds("document.querySelectorAll('.transport[data-state=live]').length === 5")
        .await;
    minho.click("#measure-limit").await;
    minho
        .shows("#limit-result", "WebSocket: 30 of 30 live")
        .await;
    minho
        .holds("document.querySelectorAll('.transport[data-state=live]').length === 5 && !document.getElementById('cut-all').disabled")
        .await;
    minho.run("scrollTo(0, 0)").await;
    minho.click("#start").await;
    minho
        .shows(
            ".transport[data-transport=sse] [data-figure=received]",
            "10 of",
        )
        .await;
    minho.click("#cut-all").await;
    minho
        .shows("#verdict.good", "All five transports brought exactly these")
        .await;

    for (name, scheme) in [("compare", "light"), ("compare-dark", "dark")] {
        minho.look_like(1280, scheme).await;
        let high = minho.value("document.documentElement.scrollHeight").await;
        let high = u32::try_from(high.as_u64().expect("a height")).expect("a window's height");
        minho.be_sized(1280, high).await;
        let faults = layout::faults(&minho).await;
        assert!(faults.is_empty(), "{scheme}: {faults:#?}");
        keep(&format!("../{name}"), &minho.picture().await);
    }
    minho.is_clean().await;
}

async fn check_all_looks(app: &TestApp, window: &Window, name: &str, path: &str) {
    for (width, scheme, language) in looks() {
        window.look_like(width, scheme).await;
        window.speak(language).await;
        window.goto(app, path).await;
        let look = format!("{name}-{language}-{scheme}-{width}");
        window
            .holds(&format!("document.documentElement.lang === '{language}'"))
            .await;

        settle(window, name).await;

        let faults = layout::faults(window).await;
        assert!(faults.is_empty(), "{look}: {faults:#?}");
        let wide = window.value("document.scrollingElement.scrollWidth").await;
        assert!(
            wide.as_u64().is_some_and(|wide| wide <= u64::from(width)),
            "{look} is {wide} wide"
        );
        assert_eq!(window.value(ELSEWHERE).await, Value::from(0), "{look}");
        keep(&look, &window.picture().await);
    }
    window.is_clean().await;
}

/// Waits until the page shows what it is kept for.
async fn settle(window: &Window, name: &str) {
    match name {
        "compare" => {
            window
                .holds("document.querySelectorAll('.transport[data-state=live]').length === 5 && !document.getElementById('cut-all').disabled")
                .await;
        }
        "embed" => window.shows("#heard", "live").await,
        "room" => window.shows("#presence-count", "1").await,
        "admin" => {
            window
                .holds("document.querySelector('#tile-streams polyline').points.length > 1")
                .await;
        }
        "panel" => {
            window.click(".cb-button").await;
            window.shows(".cb-panel .cb-row", "Maintenance").await;
        }
        _ => {}
    }
}

fn looks() -> impl Iterator<Item = (u32, &'static str, &'static str)> {
    [390, 1280].into_iter().flat_map(|width| {
        ["light", "dark"]
            .into_iter()
            .flat_map(move |scheme| ["en", "ko"].map(|language| (width, scheme, language)))
    })
}

fn keep(look: &str, picture: &[u8]) {
    if let Some(folder) = std::env::var_os("CAMPANILE_SCREENSHOTS") {
        let file = PathBuf::from(folder).join(format!("{look}.png"));
        std::fs::write(file, picture).expect("a picture in the folder");
    }
}

/// The number of resources of the page that came from another origin.
const ELSEWHERE: &str = "performance.getEntriesByType('resource').filter((one) => new URL(one.name).origin !== location.origin).length";
