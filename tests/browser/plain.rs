//! Everything that reads and posts works with scripts switched off.

use serde_json::json;

use crate::chromium::{Chromium, PASSWORD};
use crate::support::TestApp;

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
