//! The applications of docs/guide/vue.md and docs/guide/svelte.md in a real Vite application, installed as the guides say, and the
//! page of docs/guide/plain-html.md.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::chromium::Chromium;
use crate::react::{Application, RECORD};
use crate::site::{Site, hub_for};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bindings");
const GUIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide");

/// Types are checked by `check`; `read` is what marks the first alarm as read.
async fn counts_shows_toasts_and_changes(framework: &str, check: &[&str], read: &str) {
    let mut example = Application::install(FIXTURE).await;
    example.run(Command::new("npx").args(check));
    example.serve_with_vite().await;
    example.publish("The first").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    window
        .visit(&format!("{}{framework}.html", example.address()))
        .await;
    window.run(RECORD).await;
    window.shows("article", "The first").await;
    // The stream is open once the counts are told.
    window.shows("h1", "Inbox (1)").await;

    example.publish("The second").await;

    window.shows("aside p", "The second").await;
    window.shows("h1", "Inbox (2)").await;
    window.holds("toasts.join() === 'The second'").await;
    window.click(read).await;
    window.shows("h1", "Inbox (1)").await;
    window
        .click("article:nth-of-type(1) button:last-of-type")
        .await;
    window
        .holds("document.querySelectorAll('article').length === 1")
        .await;
    window.click("h1 + button").await;
    window.shows("h1", "Inbox (0)").await;
    for number in 0..20 {
        example.publish(&format!("More {number}")).await;
    }
    window.reload().await;
    window
        .holds("document.querySelectorAll('article').length === 20")
        .await;
    window.click("article ~ button").await;
    window
        .holds("document.querySelectorAll('article').length === 21 && !document.querySelector('article ~ button')")
        .await;
    assert_eq!(example.app.connections().await.len(), 1);
    window.is_clean().await;
}

#[tokio::test]
#[ignore = "installs a framework: ./test.sh --long"]
async fn a_vue_application_has_an_unread_count_toasts_and_an_inbox() {
    let check = ["vue-tsc", "-p", "tsconfig.json"];
    counts_shows_toasts_and_changes("vue", &check, "article:nth-of-type(1)").await;
}

#[tokio::test]
#[ignore = "installs a framework: ./test.sh --long"]
async fn a_svelte_application_has_an_unread_count_toasts_and_an_inbox() {
    let check = ["svelte-check", "--tsconfig", "tsconfig.svelte.json"];
    let read = "article:nth-of-type(1) button:first-of-type";
    counts_shows_toasts_and_changes("svelte", &check, read).await;
}

#[test]
fn the_guides_show_the_whole_applications() {
    for (guide, files) in [
        ("vue.md", ["campanile.ts", "App.vue", "vue.ts"]),
        ("svelte.md", ["campanile.ts", "App.svelte", "svelte.ts"]),
    ] {
        let page = guide_of(guide);
        for file in files {
            let path = Path::new(FIXTURE).join("src").join(file);
            let source = std::fs::read_to_string(path).expect("a source");
            assert!(page.contains(&source), "{file} is in {guide} as it is");
        }
    }
}

fn guide_of(name: &str) -> String {
    std::fs::read_to_string(Path::new(GUIDES).join(name)).expect("the guide")
}

/// The first block of a language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let opened = page.split_once(&format!("```{language}\n"));
    let closed = opened.and_then(|(_, code)| code.split_once("```"));
    closed.expect("a block").0
}

#[tokio::test]
async fn the_page_without_a_framework_has_the_bell_and_a_live_list_under_its_own_policy() {
    let (listener, port) = Site::bind().await;
    let app = hub_for(port).await;
    app.user("bob").await;
    let guide = guide_of("plain-html.md");
    let page = block(&guide, "html").replace("https://hub.example.com", &app.base_url);
    let script = block(&guide, "js").replace("https://hub.example.com", &app.base_url);
    let script = script.replace("\"/hub-token\"", "\"/token/bob/60\"");
    let site = Site::serve_with(listener, page, script);
    let publish = async |title: &str| {
        let alarm =
            json!({"to": {"user": "bob"}, "alarmType": "ORDER_SHIPPED", "data": {"title": title}});
        crate::scenes::publish(&app, &alarm).await;
    };
    publish("The first").await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    window.visit(&site.elsewhere()).await;

    window.shows("li", "The first").await;
    window.shows("output", "1").await;
    window.hears().await;
    publish("The second").await;
    window.shows("li:nth-child(1)", "The second").await;
    window.shows(".cb-badge", "2").await;
    window.shows(".cb-toast", "The second").await;
    window.click("li:nth-child(1) button").await;
    window.shows("output", "1").await;
    window
        .holds("document.querySelector('li:nth-child(1) button').style.fontWeight === 'normal'")
        .await;
    for number in 0..20 {
        publish(&format!("More {number}")).await;
    }
    window.shows("li:nth-child(1)", "More 19").await;
    window.reload().await;
    window
        .holds("document.querySelectorAll('li').length === 20")
        .await;
    window.click("ul ~ button").await;
    window
        .holds("document.querySelectorAll('li').length === 22 && document.querySelector('ul ~ button').hidden")
        .await;
    assert_eq!(app.connections().await.len(), 1);
    window.is_clean().await;
}
