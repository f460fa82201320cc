//! `/api/docs`: the page opens for everyone within the policy of the hub, and requests are tried on it by token and by session.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::support::TestApp;

/// Opens an operation and sends it with its defaults.
async fn execute(window: &Window, operation: &str) {
    window
        .click(&format!("{operation} .opblock-summary-control"))
        .await;
    window.click(&format!("{operation} .try-out__btn")).await;
    send(window, operation).await;
}

async fn send(window: &Window, operation: &str) {
    window.click(&format!("{operation} .execute")).await;
}

/// Waits for the answer that the page shows: its status and a part of its body.
async fn shows_answer(window: &Window, operation: &str, status: &str, part: &str) {
    let answer = format!("{operation} .live-responses-table");
    window
        .shows(&format!("{answer} .response-col_status"), status)
        .await;
    window.shows(&format!("{answer} .microlight"), part).await;
}

#[tokio::test]
async fn anyone_reads_the_api_and_tries_it_with_a_token_or_a_session_within_the_policy() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    window.goto(&app, "/api/docs").await;
    window
        .holds("document.querySelectorAll('.opblock').length > 40")
        .await;
    execute(&window, ME).await;
    shows_answer(&window, ME, "401", "unauthorized").await;
    window.click(".btn.authorize").await;
    window.fill("#auth-bearer-value", &bob).await;
    window.click(".auth-container .btn.authorize").await;
    window.click(".btn-done").await;
    send(&window, ME).await;
    shows_answer(&window, ME, "200", "\"bob\"").await;
    assert_eq!(window.value(ELSEWHERE).await, json!([]));
    window.is_clean().await;

    window.sign_up(&app, "dora", "Dora").await;
    window.goto(&app, "/api/docs").await;
    execute(&window, ME).await;
    shows_answer(&window, ME, "200", "\"dora\"").await;
    execute(&window, SIGN_OUT).await;
    window
        .shows(
            &format!("{SIGN_OUT} .live-responses-table .response-col_status"),
            "20",
        )
        .await;
    send(&window, ME).await;
    shows_answer(&window, ME, "401", "unauthorized").await;
    window.is_clean().await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_viewer_and_nothing_is_cut_off() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    let mut faults = Vec::new();

    for (width, scheme) in LOOKS {
        window.look_like(width, scheme).await;
        window.goto(&app, "/api/docs").await;
        window
            .holds("document.querySelectorAll('.opblock').length > 40")
            .await;
        look(&window, &format!("list-{scheme}-{width}"), &mut faults).await;
        window
            .point_at(&format!("{PUBLISH} .opblock-summary"))
            .await;
        look(&window, &format!("pointed-{scheme}-{width}"), &mut faults).await;
        window.run(FOCUS_ON_COPY).await;
        look(&window, &format!("copy-{scheme}-{width}"), &mut faults).await;
        execute(&window, ME).await;
        shows_answer(&window, ME, "401", "unauthorized").await;
        window
            .click(&format!("{PUBLISH} .opblock-summary-control"))
            .await;
        window.click(&format!("{PUBLISH} .try-out__btn")).await;
        window.shows(PUBLISH, "Example Value").await;
        look(&window, &format!("open-{scheme}-{width}"), &mut faults).await;
        window.click(".btn.authorize").await;
        window.shows(".auth-container", "Authorize").await;
        look(&window, &format!("authorize-{scheme}-{width}"), &mut faults).await;
    }

    assert!(faults.is_empty(), "{faults:#?}");
}

async fn look(window: &Window, name: &str, faults: &mut Vec<String>) {
    if let Some(folder) = std::env::var_os("CAMPANILE_SCREENSHOTS") {
        let path = std::path::PathBuf::from(folder).join(format!("api-docs-{name}.png"));
        std::fs::write(path, window.picture().await).expect("a picture");
    }
    let wider = window
        .value("document.documentElement.scrollWidth - innerWidth")
        .await;
    if wider.as_i64().expect("pixels") > 0 {
        faults.push(format!("{name}: {wider} pixels wider than the window"));
    }
    let found = window.violations().await;
    if found != json!([]) {
        faults.push(format!("{name}: {found:#}"));
    }
}

const LOOKS: [(u32, &str); 4] = [
    (390, "light"),
    (390, "dark"),
    (1280, "light"),
    (1280, "dark"),
];

const PUBLISH: &str = "#operations-alarms-publish";

const ME: &str = "#operations-sessions-me";

/// The button that copies the path of an operation that the pointer is not at.
const FOCUS_ON_COPY: &str =
    "document.querySelector('#operations-sessions-me .copy-to-clipboard button').focus()";

/// A request that changes something: the browser's cookie alone is not enough for it.
const SIGN_OUT: &str = "#operations-sessions-log_out";

/// The addresses of other origins that the page has asked for.
const ELSEWHERE: &str = "performance.getEntriesByType('resource').map((one) => one.name)\
    .filter((name) => new URL(name).origin !== location.origin)";
