//! Everything that reads and posts works with scripts switched off.

use serde_json::json;

use crate::chromium::{Chromium, PASSWORD};
use crate::support::{DEADLINE, TestApp};

#[tokio::test]
async fn a_person_without_scripts_signs_up_posts_and_reads() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window_without_scripts().await;

    dora.sign_up(&app, "dora", "Dora").await;
    dora.fill("form[action='/rooms'] [name=name]", "Belfry")
        .await;
    dora.click("form[action='/rooms'] button").await;
    dora.shows("h1", "Belfry").await;
    dora.fill("#text", "Without a script").await;
    dora.click("#composer button").await;
    dora.shows("#messages .text", "Without a script").await;
    dora.shows("#messages time", "UTC").await;

    dora.click("details.menu summary").await;
    dora.click("form[action='/logout'] button").await;
    dora.shows("h2", "Sign in").await;
    dora.sign_in(&app, "dora", PASSWORD).await;
    dora.shows(".room-card", "Belfry").await;
}

#[tokio::test]
async fn an_inbox_without_scripts_shows_marks_and_deletes() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window_without_scripts().await;
    dora.sign_up(&app, "dora", "Dora").await;
    app.publish(json!({"user": "dora"}), "NEW_COMMENT_ON_POST")
        .await;

    dora.goto(&app, "/alarms").await;
    dora.shows(".badge", "1").await;
    dora.shows(".entry.unread", "New comment on post").await;
    dora.click("[data-act=read]").await;
    dora.shows("[data-act=read]", "Mark as unread").await;
    assert_eq!(dora.path().await, "/alarms");
    dora.click("[data-act=delete]").await;
    dora.shows("main", "all caught up").await;
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_page() {
    let app = TestApp::spawn().await;
    app.sign_up("dora", PASSWORD).await;
    let chromium = Chromium::start().await;
    let dora = chromium.window_without_scripts().await;

    dora.goto(&app, "/rooms").await;
    dora.fill("form[action='/login'] [name=userId]", "dora")
        .await;
    dora.fill("form[action='/login'] [name=password]", "something else")
        .await;
    dora.click("form[action='/login'] button").await;
    dora.shows("[role=alert]", "password").await;

    dora.fill("form[action='/login'] [name=password]", PASSWORD)
        .await;
    dora.click("form[action='/login'] button").await;
    dora.shows("h1", "Rooms").await;
}

#[tokio::test]
async fn an_admin_without_scripts_publishes_and_disconnects() {
    let app = TestApp::spawn().await;
    let erin = app.user("erin").await;
    let mut stream = app.connected(&erin, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = chromium.window_without_scripts().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;

    admin.goto(&app, "/admin").await;
    admin.fill("[name=users]", "erin").await;
    admin.fill("[name=alarmType]", "BY_HAND").await;
    admin.click("#publish [type=submit]").await;
    admin.shows("#publish-result", "Published as 1.").await;
    let alarm = stream.next_event(DEADLINE).await;
    assert_eq!(alarm.name(), "alarm");

    admin.click("[aria-label='Disconnect erin']").await;
    admin.shows("#connections", "Nobody is connected").await;
}

#[tokio::test]
async fn an_admin_without_scripts_sees_who_is_reached_and_takes_the_command() {
    let app = TestApp::spawn().await;
    let erin = app.user("erin").await;
    let mut stream = app.connected(&erin, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = chromium.window_without_scripts().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.goto(&app, "/admin").await;
    admin.fill("[name=users]", "erin").await;
    admin.fill("[name=alarmType]", "BY_COMMAND").await;
    admin.fill("[name=data]", r#"{"title":"it's"}"#).await;

    admin.click("#preview").await;
    admin
        .shows("#audience", "Reaches 1 account, 1 open stream right now.")
        .await;
    admin.click("#publish details summary").await;
    let command = admin.text(".command").await;
    let told = crate::scenes::run_in_a_shell(command, app.service()).await;

    assert_eq!(told["alarms"][0]["topic"], "user:erin");
    let alarm = stream.next_named("alarm", DEADLINE).await.json();
    assert_eq!(alarm["data"], json!({"title": "it's"}));
}

#[tokio::test]
async fn the_comparison_without_scripts_is_its_table() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window_without_scripts().await;
    dora.sign_up(&app, "dora", "Dora").await;

    dora.goto(&app, "/compare").await;
    dora.shows(".notice.bad", "Measuring needs JavaScript")
        .await;
    dora.shows(".properties", "WebSocket").await;

    // Hidden elements have no text.
    for part in [
        ".controls",
        ".lanes-card",
        "#transports",
        ".limit",
        ".legend",
    ] {
        assert_eq!(dora.text(part).await, "", "{part}");
    }
}
