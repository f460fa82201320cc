//! The admin page.

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::scenes::run_in_a_shell;
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
    admin.shows("#publish-result", "Published as 1.").await;
    admin.click("#publish [type=submit]").await;
    admin.fill("[name=alarmType]", "TWICE").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published as 2.").await;

    assert_eq!(inbox_size(&app, &dora).await, 2);
}

#[tokio::test]
async fn nothing_that_comes_later_moves_the_button_from_under_the_pointer() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    let place =
        "document.querySelector('#publish [type=submit]').getBoundingClientRect().top + scrollY";
    admin.fill("[name=alarmType]", "STILL").await;
    let before = admin.value(place).await;
    assert!(before.is_number(), "{before}");

    admin.fill("[name=users]", "admin, zoe").await;
    admin.shows("#audience .bad", "Nobody is called zoe").await;
    assert_eq!(admin.value(place).await, before, "whom it reaches");
    admin.fill("[name=users]", "admin").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published").await;
    assert_eq!(admin.value(place).await, before, "that it is published");
    admin
        .value("document.getElementById('figures-state').textContent = 'No live figures.'")
        .await;
    assert_eq!(admin.value(place).await, before, "that figures are missing");
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

#[tokio::test]
async fn the_form_says_whom_it_would_reach_before_it_is_sent() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let _stream = app.connected(&dora, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;

    admin.fill("[name=users]", "dora, zoe").await;
    admin
        .shows("#audience", "Reaches 1 account, 1 open stream right now.")
        .await;
    admin.shows("#audience .bad", "Nobody is called zoe").await;
    admin.click("[name=target][value=everyone]").await;
    admin.shows("#audience", "Reaches 2 accounts").await;
    admin.click("[name=target][value=user]").await;
    admin.fill("[name=users]", "bad&name").await;
    admin.shows("#audience .bad", "user id").await;

    assert_eq!(inbox_size(&app, &dora).await, 0);
}

#[tokio::test]
async fn data_that_is_not_json_is_told_while_it_is_typed() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    admin.fill("[name=users]", "dora").await;
    admin.fill("[name=alarmType]", "NUMBER").await;

    admin
        .fill("[name=data]", r#"{"n":1234567890123456789"#)
        .await;
    admin.shows("#data-check", "Not JSON").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result .bad", "Not JSON").await;
    assert_eq!(inbox_size(&app, &dora).await, 0);
    admin
        .fill("[name=data]", r#"{"n":1234567890123456789}"#)
        .await;
    admin.shows("#data-check", "Valid JSON").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published").await;

    let text = app
        .get(&dora, "/api/alarms")
        .send()
        .await
        .expect("an answer");
    let text = text.text().await.expect("a body");
    assert!(
        text.contains("1234567890123456789"),
        "as it was typed: {text}"
    );
}

#[tokio::test]
async fn the_copied_command_publishes_what_the_form_says() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    admin.fill("[name=users]", "dora").await;
    admin.fill("[name=alarmType]", "QUOTED").await;
    admin
        .fill("[name=data]", r#"{"title":"it's $HOME `id` \\ \"5\""}"#)
        .await;
    admin.fill("[name=url]", "/posts/17").await;
    // A window without a person may not reach the real one.
    admin
        .value("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        .await;

    admin.click("#copy-curl").await;
    admin.shows("#copy-curl", "Copied").await;
    let command = admin.value("window.copied").await;
    let command = command.as_str().expect("a command").to_owned();
    let told = run_in_a_shell(command.clone(), app.service()).await;
    let again = run_in_a_shell(command, app.service()).await;

    assert_eq!(told["alarms"][0]["topic"], "user:dora");
    assert_eq!(again, told, "the key makes a second run harmless");
    let answer = app
        .get(&dora, "/api/alarms")
        .send()
        .await
        .expect("an answer");
    let page: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(page["items"].as_array().expect("items").len(), 1);
    assert_eq!(
        page["items"][0]["data"],
        json!({"title": "it's $HOME `id` \\ \"5\""})
    );
    assert_eq!(page["items"][0]["url"], "/posts/17");
}

#[tokio::test]
async fn the_tiles_and_the_recent_alarms_go_on_by_themselves() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    admin
        .holds("document.querySelectorAll('#tile-streams polyline')[0].points.length > 1")
        .await;

    let _stream = app.connected(&dora, "/api/stream").await;
    admin.shows("#tile-users .tile-value", "2").await;
    app.publish(json!({"user": "dora"}), "LIVE_ONE").await;
    admin.shows("#recent-list", "Live one").await;

    admin.click("#pause").await;
    app.publish(json!({"user": "dora"}), "LIVE_TWO").await;
    admin
        .shows("#tile-commitMilliseconds .tile-value", "ms")
        .await;
    admin.fill("#q", "one").await;
    admin
        .holds("document.querySelectorAll('#recent-list li:not([hidden])').length === 1")
        .await;
    admin.fill("#q", "nothing like it").await;
    admin.shows("#recent-list", "Nothing matches.").await;
    admin.fill("#q", "live").await;
    admin
        .holds("document.querySelectorAll('#recent-list li:not([hidden])').length === 1")
        .await;
    admin.click("#pause").await;
    admin
        .holds("document.querySelectorAll('#recent-list li:not([hidden])').length === 2")
        .await;
    admin.is_clean().await;
}

#[tokio::test]
async fn the_figures_come_back_after_the_stream_was_ended() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;
    let figures = async || {
        let connections = app.connections().await;
        let one = connections.iter().find(|one| one["topics"] == json!([]))?;
        Some(one["clientId"].as_str()?.to_owned())
    };
    let first = until("a stream of figures", DEADLINE, figures).await;

    let path = format!("/api/admin/connections/{first}");
    let ended = app
        .delete(&app.admin(), &path)
        .send()
        .await
        .expect("an answer");
    assert_eq!(ended.status(), 204);

    admin.shows("#figures-state", "No live figures").await;
    until("another stream of figures", DEADLINE, async || {
        figures().await.filter(|id| *id != first)
    })
    .await;
    admin
        .holds("document.getElementById('figures-state').textContent === ''")
        .await;
}

#[tokio::test]
async fn one_user_is_looked_up_tested_and_shut_out() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let mut stream = app.connected(&dora, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = admin_page(&app, &chromium).await;

    admin.fill("#find", "dora").await;
    admin.press_enter("#find").await;
    admin.shows("h1", "dora").await;
    admin.shows(".connections", "user:dora").await;
    admin.click("[data-act=test]").await;
    admin.shows("#done", "The test is sent.").await;
    admin
        .shows(".their-inbox .unread", "This is a test from admin")
        .await;
    stream.next_named("alarm", DEADLINE).await;
    admin.click("[data-act=able]").await;
    admin.shows("#person .tag", "Disabled").await;
    let bye = stream.bye("kicked", DEADLINE).await;
    assert_eq!(bye["reconnect"], false);
    admin.shows("#connections", "Not connected.").await;
    admin.click("[data-act=able]").await;
    admin.shows("#person .tag", "Active").await;

    app.connected(&dora, "/api/stream").await;
    admin.is_clean().await;
}
