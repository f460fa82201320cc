//! The checks of axe-core, run in the page, find no fault in either colour scheme, on a phone and on a desktop, and
//! nothing moves for somebody who prefers reduced motion.

use serde_json::json;

use crate::chromium::{Chromium, PASSWORD, Window};
use crate::scenes::{PAGES, furnish, rename_table};
use crate::support::TestApp;

#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_either_theme() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    let mut faults = Vec::new();

    check(&app, &window, "/", &mut faults).await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    for (_name, path) in PAGES {
        check(&app, &window, path, &mut faults).await;
    }

    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn axe_finds_nothing_in_the_open_panel_and_the_open_menu() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_in(&app, "admin", &app.admin_password()).await;
    let mut faults = Vec::new();

    for (width, scheme) in LOOKS {
        window.look_like(width, scheme).await;
        for path in ["/rooms", "/demo/embed"] {
            window.goto(&app, path).await;
            window.click(".cb-button").await;
            window.shows(".cb-panel .cb-row", "Maintenance").await;
            note(
                &window,
                &format!("{path} panel {width} {scheme}"),
                &mut faults,
            )
            .await;
        }
        window.goto(&app, "/rooms").await;
        window.click("details.menu summary").await;
        window.shows(".menu-card", "Sign out").await;
        note(&window, &format!("menu {width} {scheme}"), &mut faults).await;
    }

    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn axe_finds_nothing_on_the_pages_of_what_went_wrong() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    app.sign_up("erin", PASSWORD).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    let mut faults = Vec::new();

    check(&app, &window, "/nowhere", &mut faults).await;
    window.sign_in(&app, "erin", PASSWORD).await;
    for (path, status) in [
        ("/nowhere", "404"),
        ("/rooms/nowhere", "404"),
        ("/admin", "403"),
    ] {
        check(&app, &window, path, &mut faults).await;
        window.shows(".fault-status", status).await;
        // A signed-in user has their bar and their bell here, too.
        window
            .holds("document.querySelector('.cb-button') !== null")
            .await;
    }
    rename_table(&app, "rooms");
    check(&app, &window, "/rooms", &mut faults).await;
    let status = window.text(".fault-status").await;
    assert!(status.starts_with('5'), "{status}");

    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn nothing_moves_for_somebody_who_wants_nothing_to_move() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window.sign_in(&app, "admin", &app.admin_password()).await;

    for wanted in ["no-preference", "reduce"] {
        let feature = json!({"features": [{"name": "prefers-reduced-motion", "value": wanted}]});
        window.cdp("Emulation.setEmulatedMedia", feature).await;
        let mut moving = 0;
        for (_name, path) in PAGES {
            window.goto(&app, path).await;
            moving += window.value(MOVING).await.as_u64().expect("a count");
        }
        window.goto(&app, "/rooms").await;
        window.hears().await;
        app.publish(json!({"user": "admin"}), "TOAST").await;
        window.shows(".cb-toast", "Toast").await;
        window.click(".cb-button").await;
        window.shows(".cb-panel .cb-row", "Toast").await;
        moving += window.value(MOVING).await.as_u64().expect("a count");
        if wanted == "reduce" {
            assert_eq!(moving, 0, "{:#}", window.value(WHAT_MOVES).await);
        } else {
            assert!(moving > 0, "there is something to hold still");
        }
    }
}

async fn check(app: &TestApp, window: &Window, path: &str, faults: &mut Vec<String>) {
    for (width, scheme) in LOOKS {
        window.look_like(width, scheme).await;
        window.goto(app, path).await;
        note(window, &format!("{path} {width} {scheme}"), faults).await;
    }
}

async fn note(window: &Window, what: &str, faults: &mut Vec<String>) {
    let found = window.violations().await;
    if found != json!([]) {
        faults.push(format!("{what}: {found:#}"));
    }
}

const LOOKS: [(u32, &str); 4] = [
    (390, "light"),
    (390, "dark"),
    (1280, "light"),
    (1280, "dark"),
];

/// The number of elements and pseudo-elements that would move: by an animation, a transition or smooth scrolling.
const MOVING: &str = "[...document.querySelectorAll('*, .cb-bell')].flatMap((one) => [null, '::before', '::after'].map((part) => getComputedStyle(one, part)))
    .filter((style) => style.animationName !== 'none' || style.scrollBehavior === 'smooth' || style.transitionDuration.split(', ').some((time) => parseFloat(time) > 0)).length";

const WHAT_MOVES: &str = "[...document.querySelectorAll('*, .cb-bell')].filter((one) => { const style = getComputedStyle(one); return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0; }).map((one) => one.className)";
