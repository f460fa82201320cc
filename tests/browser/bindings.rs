//! The Vue composables and the Svelte stores in a real Vite application. They are long: `./test.sh --test browser -- --ignored`.

use std::process::Command;

use crate::chromium::Chromium;
use crate::package::run;
use crate::react::{Application, RECORD};
use crate::support::DEADLINE;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bindings");

async fn counts_shows_toasts_and_changes(framework: &str) {
    let mut npm = Command::new("npm");
    run(npm
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(FIXTURE));
    let mut example = Application::install(FIXTURE).await;
    example.serve_with_vite().await;
    example.publish("The first").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window
        .visit(&format!("{}{framework}.html", example.address()))
        .await;
    window.run(RECORD).await;
    window.shows("article", "The first").await;
    example.app.wait_for_connections(1, DEADLINE).await;

    example.publish("The second").await;

    window.shows("aside p", "The second").await;
    window.shows("h1", "Inbox (2)").await;
    window.holds("toasts.join() === 'The second'").await;
    window.click("article:nth-of-type(1) button").await;
    window
        .holds("document.querySelectorAll('article').length === 1")
        .await;
    window.click("#all").await;
    window.shows("h1", "Inbox (0)").await;
    assert_eq!(example.app.connections().await.len(), 1);
    window.is_clean().await;
}

#[tokio::test]
#[ignore = "installs a framework: ./test.sh --test browser -- --ignored"]
async fn a_vue_application_has_an_unread_count_toasts_and_an_inbox() {
    counts_shows_toasts_and_changes("vue").await;
}

#[tokio::test]
#[ignore = "installs a framework: ./test.sh --test browser -- --ignored"]
async fn a_svelte_application_has_an_unread_count_toasts_and_an_inbox() {
    counts_shows_toasts_and_changes("svelte").await;
}
