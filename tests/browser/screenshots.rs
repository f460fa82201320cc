//! Every page in both colour schemes, both languages, and on a phone and a desk: nothing scrolls sideways, no text is cut or
//! lies over another, and nothing comes from elsewhere. With `CAMPANILE_SCREENSHOTS=folder` the pictures are kept.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::layout;
use crate::support::TestApp;

pub(crate) const PAGES: [(&str, &str); 9] = [
    ("rooms", "/rooms"),
    ("room", "/rooms/tower"),
    ("inbox", "/alarms"),
    ("admin", "/admin"),
    ("recent", "/admin/recent"),
    ("person", "/admin/users/dora"),
    ("compare", "/compare"),
    ("embed", "/demo/embed"),
    ("missing", "/nowhere"),
];

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

/// Something to see on every page.
pub(crate) async fn furnish(app: &TestApp) {
    app.room("tower").await;
    let dora = app.user("dora").await;
    for text in ["Who rings at noon?", "오늘 정오에는 누가 종을 울리나요?"] {
        let said = app
            .post(&dora, "/api/rooms/tower/messages")
            .json(&json!({"text": text}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(said.status(), 201);
    }
    app.publish(json!({"user": "admin"}), "NEW_COMMENT_ON_POST")
        .await;
    app.publish(json!({"everyone": true}), "MAINTENANCE").await;
    app.publish(json!({"user": "dora"}), "NEW_FOLLOWER").await;
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
                .holds("document.querySelectorAll('.way[data-state=live]').length === 5")
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

/// How many resources of the page came from another origin.
const ELSEWHERE: &str = "performance.getEntriesByType('resource').filter((one) => new URL(one.name).origin !== location.origin).length";
