//! The announcements of the bell: toasts on the screen, and one sentence for a screen reader.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::scenes::network;
use crate::scenes::say;
use crate::support::TestApp;

const SPOKEN: &str = "document.querySelector('.cb-hidden[role=status]').textContent";
const TOASTS: &str = "document.querySelectorAll('.cb-toast').length";

async fn carol_at(app: &TestApp, chromium: &Chromium) -> Window {
    let carol = chromium.window().await;
    carol.sign_up(app, "carol", "Carol").await;
    carol.hears().await;
    carol
}

#[tokio::test]
async fn what_arrives_is_announced_once_when_things_pause() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;
    let region = "document.querySelector('.cb-hidden[role=status][aria-live=polite]')";
    // It is there and empty before anything happens: a region that comes with its text is not spoken.
    carol.holds(&format!("{region}.textContent === ''")).await;
    let record = format!(
        "(() => {{ window.spoken = []; new MutationObserver(() => {SPOKEN} && spoken.push({SPOKEN})).observe({region}, {{ childList: true }}); return true; }})()"
    );
    assert_eq!(carol.value(&record).await, true);

    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;
    carol
        .holds("spoken.join() === 'New notification: New follower'")
        .await;
    for alarm_type in ["FIRST", "SECOND", "THIRD"] {
        app.publish(json!({"user": "carol"}), alarm_type).await;
    }

    carol
        .holds("spoken.join() === 'New notification: New follower,3 new notifications'")
        .await;
    carol
        .holds("document.querySelector('.cb-button').getAttribute('aria-label') === 'Notifications, 4 new'")
        .await;
}

#[tokio::test]
async fn toasts_are_three_at_most_and_stay_while_they_are_looked_at() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;

    for alarm_type in ["FIRST", "SECOND", "THIRD", "FOURTH"] {
        app.publish(json!({"user": "carol"}), alarm_type).await;
    }
    carol.shows(".cb-toast:last-child", "Fourth").await;
    assert_eq!(carol.value(TOASTS).await, 3);
    carol.point_at(".cb-toast:last-child").await;
    // The others go after six seconds; the one under the pointer stays.
    carol.holds(&format!("{TOASTS} === 1")).await;
    carol.shows(".cb-toast", "Fourth").await;

    carol.click(".cb-toast button").await;
    carol.holds(&format!("{TOASTS} === 0")).await;
}

#[tokio::test]
async fn a_toast_under_the_pointer_outlives_one_that_came_later() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;

    app.publish(json!({"user": "carol"}), "LOOKED_AT").await;
    carol.shows(".cb-toast", "Looked at").await;
    app.publish(json!({"user": "carol"}), "NOT_LOOKED_AT").await;
    carol.shows(".cb-toast:last-child", "Not looked at").await;
    // On the other one first: from when the pointer leaves it, it has six seconds, and the earlier one has less.
    carol.point_at(".cb-toast:last-child").await;
    carol.point_at(".cb-toast:first-child").await;
    carol.holds(&format!("{TOASTS} === 1")).await;
    carol.shows(".cb-toast", "Looked at").await;
    assert_eq!(carol.text(".cb-toast strong").await, "Looked at");

    carol.point_at("h1").await;
    carol.holds(&format!("{TOASTS} === 0")).await;
}

#[tokio::test]
async fn a_toast_with_the_focus_outlives_one_that_came_later() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;

    app.publish(json!({"user": "carol"}), "LOOKED_AT").await;
    carol.shows(".cb-toast", "Looked at").await;
    carol
        .run("document.querySelector('.cb-toast button').focus()")
        .await;
    app.publish(json!({"user": "carol"}), "NOT_LOOKED_AT").await;
    carol.shows(".cb-toast:last-child", "Not looked at").await;
    carol.holds(&format!("{TOASTS} === 1")).await;
    assert_eq!(carol.text(".cb-toast strong").await, "Looked at");

    carol.run("document.activeElement.blur()").await;
    carol.holds(&format!("{TOASTS} === 0")).await;
}

#[tokio::test]
async fn every_live_region_is_there_and_empty_before_it_is_heard() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;

    admin.enter(&app, "tower", "admin").await;
    hold(
        &admin,
        "bell",
        ".cb-hidden[role=status][aria-live=polite]",
        "",
    )
    .await;
    hold(&admin, "connection", ".cb-status[role=status]", "").await;
    hold(&admin, "room", "[role=log][aria-live=polite]", "").await;
    say(&app, &bob, "tower", "Who rings at noon?").await;
    heard(&admin, "room", "Who rings at noon?").await;
    app.publish(json!({"user": "admin"}), "NEW_FOLLOWER").await;
    heard(&admin, "bell", "New notification: New follower").await;
    network(&admin, true).await;
    admin
        .run("document.querySelector('campanile-bell').client.retry()")
        .await;
    admin.run("window.dispatchEvent(new Event('online'))").await;
    heard(&admin, "connection", "Reconnecting…").await;
    network(&admin, false).await;

    admin.goto(&app, "/admin").await;
    admin.shows("#copy-curl", "Copy as curl").await;
    hold(&admin, "audience", "#audience[role=status]", "").await;
    hold(&admin, "answer", "#publish-result[role=status]", "").await;
    hold(&admin, "check", "#data-check[aria-live=polite]", "").await;
    hold(&admin, "figures", "#figures-state[role=status]", "").await;
    admin.fill("[name=users]", "bob").await;
    heard(&admin, "audience", "Reaches 1 account").await;
    admin.fill("[name=data]", "{").await;
    heard(&admin, "check", "Not JSON").await;
    admin.fill("[name=data]", "{}").await;
    admin.fill("[name=alarmType]", "HEARD").await;
    admin.click("#publish [type=submit]").await;
    heard(&admin, "answer", "Published").await;
    admin.is_clean().await;
}

/// Keeps a live region: it is rendered, for one that is not is not heard, and says nothing yet.
async fn hold(window: &Window, name: &str, css: &str, says: &str) {
    let region = format!("document.querySelector({css:?})");
    window
        .holds(&format!("{region}?.textContent.trim() === {says:?}"))
        .await;
    window
        .run(&format!("(window.regions ??= {{}}).{name} = {region};"))
        .await;
    let rendered = format!(
        "getComputedStyle(regions.{name}).display !== 'none' && regions.{name}.checkVisibility()"
    );
    assert_eq!(window.value(&rendered).await, true, "{name} is rendered");
}

/// Waits until a region that was kept, and no other in its place, says something.
async fn heard(window: &Window, name: &str, text: &str) {
    window
        .holds(&format!(
            "regions.{name}.isConnected && regions.{name}.textContent.includes({text:?})"
        ))
        .await;
}

#[tokio::test]
async fn no_toast_on_page_load_nor_while_the_panel_is_open() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;
    app.publish(json!({"user": "carol"}), "FIRST").await;
    carol.shows(".cb-toast", "First").await;

    // Counts every toast of the next page from its first moment: as soon as the bell has a shadow root.
    let count = "window.toasts = 0; const count = (changes) => { for (const one of changes) for (const node of one.addedNodes) if (node.classList?.contains('cb-toast')) toasts += 1; };
        const attach = Element.prototype.attachShadow;
        Element.prototype.attachShadow = function (how) {
            const root = attach.call(this, how);
            new MutationObserver(count).observe(root, { childList: true, subtree: true });
            return root;
        };";
    carol
        .cdp(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": count}),
        )
        .await;
    carol.goto(&app, "/alarms").await;
    carol.hears().await;
    assert_eq!(carol.value("window.toasts").await, 0);
    app.publish(json!({"user": "carol"}), "WHILE_CLOSED").await;
    carol.shows(".cb-toast", "While closed").await;
    carol.click(".cb-button").await;
    carol.holds(&format!("{TOASTS} === 0")).await;
    carol.shows(".cb-list", "First").await;
    app.publish(json!({"user": "carol"}), "SECOND").await;
    carol.shows(".cb-pill", "1 new").await;
    assert_eq!(carol.value("window.toasts").await, 1);
    carol.press(thirtyfour::Key::Escape).await;
    app.publish(json!({"user": "carol"}), "THIRD").await;

    carol.shows(".cb-toast", "Third").await;
    assert_eq!(carol.value("window.toasts").await, 2);
}

#[tokio::test]
async fn a_tab_that_is_not_looked_at_shows_no_toast() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;
    let record = "(() => { window.toasts = 0; new MutationObserver((changes) => { for (const one of changes) toasts += one.addedNodes.length; }).observe(document.querySelector('.cb-toasts'), { childList: true }); return true; })()";
    assert_eq!(carol.value(record).await, true);
    carol.new_tab().await;
    carol.goto(&app, "/rooms").await;
    carol.turn_to_tab(0).await;
    carol.turn_to_tab(1).await;
    carol.holds("document.hasFocus()").await;
    carol.hears().await;

    app.publish(json!({"user": "carol"}), "FIRST").await;
    carol.shows(".cb-toast", "First").await;

    carol.turn_to_tab(0).await;
    carol.shows(".cb-badge", "1").await;
    assert_eq!(carol.value("window.toasts").await, 0);
}

#[tokio::test]
async fn a_badge_ends_at_ninety_nine() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = carol_at(&app, &chromium).await;
    for _ in 0..100 {
        app.publish(json!({"user": "carol"}), "MANY").await;
    }

    carol.shows(".cb-badge", "99+").await;
    carol.holds("document.title.startsWith('(99+) ')").await;
    carol.reload().await;
    carol.shows(".cb-badge", "99+").await;
}
