//! The admin page.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::support::{DEADLINE, TestApp, until};

async fn admin_page(app: &TestApp, chromium: &Chromium) -> Window {
    let admin = chromium.window().await;
    admin.sign_in(app, "admin", &app.admin_password()).await;
    admin.goto(app, "/admin").await;
    admin.shows("h1", "Admin").await;
    // The form is the script's once this button is there.
    admin.shows("#copy-curl", "Copy as curl").await;
    admin
}

async fn inbox_size(app: &TestApp, token: &str) -> usize {
    let answer = app
        .get(token, "/api/alarms")
        .send()
        .await
        .expect("an answer");
    let page: serde_json::Value = answer.json().await.expect("JSON");
    page["items"].as_array().expect("items").len()
}

#[tokio::test]
async fn what_an_admin_publishes_in_the_form_arrives() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    let admin = admin_page(&app, &chromium).await;

    admin.fill("[name=users]", "carol").await;
    admin.fill("[name=alarmType]", "NEW_COMMENT_ON_POST").await;
    admin.fill("[name=data]", r#"{"title":"Hello"}"#).await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published").await;

    carol.shows(".cb-badge", "1").await;
    admin.shows("#recent", "New comment on post").await;
    admin.is_clean().await;
}

#[tokio::test]
async fn a_double_click_publishes_once() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    admin.fill("[name=users]", "dora").await;
    admin.fill("[name=alarmType]", "ONCE").await;

    admin.double_click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published").await;
    admin.click("#publish [type=submit]").await;
    admin.fill("[name=alarmType]", "TWICE").await;
    admin.click("#publish [type=submit]").await;

    until("the second alarm", DEADLINE, async || {
        (inbox_size(&app, &dora).await >= 2).then_some(())
    })
    .await;
    assert_eq!(inbox_size(&app, &dora).await, 2);
}

#[tokio::test]
async fn an_alarm_for_everyone_wants_the_word() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    admin.click("[name=target][value=everyone]").await;
    admin.fill("[name=alarmType]", "MAINTENANCE").await;

    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "confirm").await;
    assert_eq!(inbox_size(&app, &dora).await, 0);

    admin.fill("[name=confirm]", "everyone").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published").await;
    assert_eq!(inbox_size(&app, &dora).await, 1);
}

#[tokio::test]
async fn a_page_that_was_disconnected_comes_back() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;
    app.wait_for_connections(1, DEADLINE).await;
    let before = app.connections().await[0]["clientId"].clone();
    let admin = admin_page(&app, &chromium).await;

    admin.click("[aria-label='Disconnect carol']").await;
    until("another stream of carol's", DEADLINE, async || {
        let connections = app.connections().await;
        let back = connections
            .iter()
            .any(|one| one["userId"] == "carol" && one["clientId"] != before);
        let gone = connections.iter().all(|one| one["clientId"] != before);
        (back && gone).then_some(())
    })
    .await;

    app.publish(json!({"user": "carol"}), "STILL_HERE").await;
    carol.shows(".cb-badge", "1").await;
}
