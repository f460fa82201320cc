//! The list under the bell: by keyboard, in its states, while things change.

use serde_json::json;
use thirtyfour::Key;

use crate::chromium::{Chromium, Window};
use crate::scenes::network;
use crate::support::{AppBuilder, TestApp};

const ROWS: &str =
    "[...document.querySelectorAll('.cb-row .cb-what')].map((row) => row.textContent)";

async fn carol_with(app: &TestApp, chromium: &Chromium, alarm_types: &[&str]) -> Window {
    let carol = chromium.window().await;
    carol.sign_up(app, "carol", "Carol").await;
    carol.hears().await;
    for alarm_type in alarm_types {
        app.publish(json!({"user": "carol"}), alarm_type).await;
    }
    if !alarm_types.is_empty() {
        let count = alarm_types.len().to_string();
        carol.shows(".cb-badge", &count).await;
    }
    carol
}

async fn focus_is_on(window: &Window, css: &str) {
    window
        .holds(&format!("document.activeElement.matches({css:?})"))
        .await;
}

#[tokio::test]
async fn everything_in_the_panel_is_done_by_keyboard_alone() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_with(&app, &chromium, &["FIRST", "SECOND", "THIRD"]).await;
    let expanded = "document.querySelector('.cb-button').getAttribute('aria-expanded')";
    assert_eq!(carol.value(expanded).await, "false");

    carol
        .value("document.querySelector('.cb-button').focus()")
        .await;
    carol.press(Key::Enter).await;
    carol.shows(".cb-list", "Third").await;
    assert_eq!(carol.value(expanded).await, "true");
    focus_is_on(&carol, ".cb-panel[role=dialog]").await;
    carol
        .holds("document.querySelector('.cb-row').textContent.startsWith('Unread ')")
        .await;

    // Down to the second row, along it to Delete: the next row has the focus.
    carol.press(Key::Down + Key::Down).await;
    focus_is_on(&carol, ".cb-row:nth-child(2) .cb-main").await;
    carol.press(Key::Tab + Key::Tab).await;
    focus_is_on(&carol, ".cb-row:nth-child(2) [data-act=delete]").await;
    carol.press(Key::Enter).await;
    carol
        .holds(&format!("{ROWS}.join() === 'Third,First'"))
        .await;
    focus_is_on(&carol, ".cb-row:nth-child(2) [data-act=delete]").await;

    carol.press(Key::Home).await;
    focus_is_on(&carol, ".cb-row:first-child .cb-main").await;
    carol.press(Key::Tab + Key::Enter).await;
    carol
        .holds("!document.querySelector('.cb-row:first-child').hasAttribute('data-unread')")
        .await;
    focus_is_on(&carol, ".cb-row:first-child [data-act=read]").await;

    carol.press(Key::Escape).await;
    focus_is_on(&carol, ".cb-button").await;
    assert_eq!(carol.value(expanded).await, "false");
    carol.goto(&app, "/alarms").await;
    carol
        .holds("document.querySelectorAll('.entry').length === 2 && document.querySelectorAll('.entry.unread').length === 1")
        .await;
}

#[tokio::test]
async fn the_tabs_choose_and_all_are_read_up_to_the_newest_shown() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_with(&app, &chromium, &["FIRST", "SECOND"]).await;
    carol.click(".cb-button").await;
    carol.shows(".cb-list", "Second").await;
    carol.click(".cb-row:first-child [data-act=read]").await;
    // The hub has told so: from here on nothing is loaded but what this test asks for.
    carol
        .holds("document.querySelector('campanile-bell').client.counts.unread === 1")
        .await;

    carol
        .value("document.querySelector('.cb-tab').focus()")
        .await;
    carol.press(Key::Right).await;
    focus_is_on(&carol, ".cb-tab[aria-selected=true]:nth-child(2)").await;
    carol.holds(&format!("{ROWS}.join() === 'First'")).await;

    app.publish(json!({"user": "carol"}), "THIRD").await;
    carol.shows(".cb-pill", "1 new").await;
    carol.holds(&format!("{ROWS}.join() === 'First'")).await;
    carol.click(".cb-head .cb-text-button").await;
    carol.shows(".cb-note", "all caught up").await;
    carol.click(".cb-pill").await;

    // Alarms that waited behind the pill were not shown, and are not read.
    carol.holds(&format!("{ROWS}.join() === 'Third'")).await;
    focus_is_on(&carol, ".cb-row .cb-main").await;
}

#[tokio::test]
async fn the_panel_says_when_it_loads_is_empty_offline_or_cannot_reach_the_hub() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = probe.local_addr().expect("an address").to_string();
    drop(probe);
    let app = AppBuilder::default().env("CAMPANILE_LISTEN", &address);
    let mut app = app.spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_with(&app, &chromium, &[]).await;
    let slow = json!({"offline": false, "latency": 1_500, "downloadThroughput": -1, "uploadThroughput": -1});

    carol.cdp("Network.enable", json!({})).await;
    carol.cdp("Network.emulateNetworkConditions", slow).await;
    carol.click(".cb-button").await;
    carol
        .holds("document.querySelector('.cb-skeleton') !== null")
        .await;
    carol.shows(".cb-note", "all caught up").await;
    carol
        .holds("document.querySelector('.cb-skeleton') === null")
        .await;
    network(&carol, false).await;
    app.publish(json!({"user": "carol"}), "FIRST").await;
    carol.shows(".cb-list", "First").await;

    network(&carol, true).await;
    carol.click(".cb-tab:first-child").await;
    carol
        .shows(".cb-note[role=status]", "You are offline")
        .await;
    carol.shows(".cb-list", "First").await;

    network(&carol, false).await;
    app.kill().await;
    carol.click(".cb-note button").await;
    carol.shows(".cb-note", "cannot be reached").await;
    carol.shows(".cb-list", "First").await;
    app.restart().await;
    carol.click(".cb-note button").await;
    carol
        .holds("document.querySelector('.cb-note').textContent === ''")
        .await;
    carol.shows(".cb-list", "First").await;
}

#[tokio::test]
async fn the_inbox_says_that_the_hub_cannot_be_reached_and_stays() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_with(&app, &chromium, &["FIRST"]).await;
    carol.goto(&app, "/alarms").await;

    network(&carol, true).await;
    carol.click("[data-act=read]").await;
    carol
        .shows("#inbox [role=alert]", "The hub cannot be reached.")
        .await;
    carol.shows(".entry.unread", "First").await;

    network(&carol, false).await;
    carol.click("[data-act=read]").await;
    carol.shows("[data-act=read]", "Mark as unread").await;
    carol
        .holds("document.querySelector('#inbox [role=alert]') === null")
        .await;
}

#[tokio::test]
async fn on_a_phone_the_panel_fills_the_screen() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_with(&app, &chromium, &["FIRST"]).await;
    carol.look_like(390, "light").await;

    carol.click(".cb-button").await;
    carol.shows(".cb-list", "First").await;

    let size = "(({ x, y, width, height }) => [x, y, width, height])(document.querySelector('.cb-panel').getBoundingClientRect())";
    assert_eq!(carol.value(size).await, json!([0, 0, 390, 900]));
    carol.click(".cb-close").await;
    carol
        .holds("document.querySelector('.cb-panel').hidden")
        .await;
}
