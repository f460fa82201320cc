//! What axe-core, run in the page, finds wrong: nothing, in either colour scheme.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::screenshots::{PAGES, furnish};
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
    check(&app, &window, "/compare", &mut faults).await;

    assert!(faults.is_empty(), "{faults:#?}");
}

async fn check(app: &TestApp, window: &Window, path: &str, faults: &mut Vec<String>) {
    for scheme in ["light", "dark"] {
        window.look_like(1280, scheme).await;
        window.goto(app, path).await;
        let found = window.violations().await;
        if found != json!([]) {
            faults.push(format!("{path} {scheme}: {found:#}"));
        }
    }
}
