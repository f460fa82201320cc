//! The bell in the bar of every page.

use serde_json::json;

use crate::chromium::Chromium;
use crate::support::{DEADLINE, TestApp, until};

#[tokio::test]
async fn the_bell_rises_when_an_alarm_is_published() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    carol
        .holds("document.querySelector('.cb-badge').hidden")
        .await;

    app.publish(json!({"user": "carol"}), "NEW_COMMENT_ON_POST")
        .await;
    carol.shows(".cb-badge", "1").await;
    app.publish(json!({"everyone": true}), "MAINTENANCE").await;
    carol.shows(".cb-badge", "2").await;
    carol.holds("document.title.startsWith('(2) ')").await;
    carol.reload().await;
    carol.shows(".cb-badge", "2").await;

    carol.click(".cb-button").await;
    carol.shows(".cb-list", "New comment on post").await;
    carol.shows(".cb-list", "Maintenance").await;
    carol
        .holds("document.querySelector('.cb-badge').hidden")
        .await;
    carol.is_clean().await;
}

#[tokio::test]
async fn a_script_in_an_alarm_is_text() {
    const SCRIPT: &str = "<script>window.ran=true</script><img src=x onerror=window.ran=true>";
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;

    let answer = app
        .post(&app.service(), "/api/alarms")
        .json(&json!({"to": {"user": "carol"}, "alarmType": "A", "data": {"title": SCRIPT}}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 201);

    carol.shows(".cb-badge", "1").await;
    carol.click(".cb-button").await;
    carol.shows(".cb-list", SCRIPT).await;
    carol.goto(&app, "/alarms").await;
    carol.shows(".entry-summary", SCRIPT).await;
    assert_eq!(carol.value("window.ran === undefined").await, true);
}

#[tokio::test]
async fn all_tabs_of_one_browser_share_one_stream() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    app.wait_for_connections(1, DEADLINE).await;

    carol.new_tab().await;
    carol.goto(&app, "/alarms").await;
    app.publish(json!({"user": "carol"}), "NEW_FOLLOWER").await;
    carol.shows(".cb-badge", "1").await;
    carol.shows("#fresh", "1 new notification").await;

    until("one stream", DEADLINE, async || {
        (app.connections().await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_other_tab_goes_on_when_the_one_with_the_stream_is_closed() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    app.wait_for_connections(1, DEADLINE).await;
    carol.new_tab().await;
    carol.goto(&app, "/rooms").await;
    app.publish(json!({"user": "carol"}), "BEFORE").await;
    carol.shows(".cb-badge", "1").await;

    carol.close_first_tab().await;
    app.publish(json!({"user": "carol"}), "AFTER").await;

    carol.shows(".cb-badge", "2").await;
}

#[tokio::test]
async fn the_inbox_marks_and_deletes_in_place() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    app.publish(json!({"user": "carol"}), "FIRST").await;
    app.publish(json!({"user": "carol"}), "SECOND").await;
    carol.goto(&app, "/alarms").await;

    carol.click(".entry:first-child [data-act=read]").await;
    carol.shows(".entry:first-child", "Mark as unread").await;
    carol.click(".entry:first-child [data-act=delete]").await;
    carol
        .holds("document.querySelectorAll('.entry').length === 1")
        .await;

    carol.shows(".entry", "First").await;
    carol.reload().await;
    carol.shows(".entry.unread", "First").await;
    carol.is_clean().await;
}
