//! Signing in, and opening a room, where something goes wrong: the page stays, with what was typed.

use reqwest::Method;
use serde_json::json;

use crate::chromium::{Chromium, PASSWORD};
use crate::openid_provider::Provider;
use crate::scenes::network;
use crate::support::{DEADLINE, TestApp, until};

#[tokio::test]
async fn a_wrong_password_is_told_without_leaving_the_page() {
    let app = TestApp::spawn().await;
    app.sign_up("carol", PASSWORD).await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.goto(&app, "/rooms").await;
    let stayed = "(window.stayed = true)";
    assert_eq!(carol.value(stayed).await, true);

    carol
        .fill("form[action='/login'] [name=userId]", "carol")
        .await;
    carol
        .fill("form[action='/login'] [name=password]", "something else")
        .await;
    carol
        .press_enter("form[action='/login'] [name=password]")
        .await;
    carol.shows("[role=alert]", "password").await;
    carol
        .holds("document.querySelector(\"[action='/login'] [name=userId]\").value === 'carol'")
        .await;
    carol
        .holds("document.activeElement.name === 'userId'")
        .await;

    network(&carol, true).await;
    carol
        .fill("form[action='/login'] [name=password]", PASSWORD)
        .await;
    carol
        .press_enter("form[action='/login'] [name=password]")
        .await;
    carol
        .shows("[role=alert]", "The hub cannot be reached.")
        .await;
    assert_eq!(carol.value("window.stayed").await, true);

    network(&carol, false).await;
    carol
        .press_enter("form[action='/login'] [name=password]")
        .await;
    carol.shows("h1", "Rooms").await;
    assert_eq!(carol.path().await, "/rooms");
    carol.is_clean().await;
}

#[tokio::test]
async fn a_room_is_opened_once_and_a_name_that_is_taken_is_told() {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let chromium = Chromium::start().await;
    let carol = chromium.window().await;
    carol.sign_up(&app, "carol", "Carol").await;

    carol.click("details.more summary").await;
    carol
        .fill("[action='/rooms'] [name=name]", "Another tower")
        .await;
    carol.fill("[action='/rooms'] [name=id]", "tower").await;
    carol.click("[action='/rooms'] [type=submit]").await;
    carol.shows("[role=alert]", "").await;
    carol
        .holds(
            "document.querySelector(\"[action='/rooms'] [name=name]\").value === 'Another tower'",
        )
        .await;

    network(&carol, true).await;
    carol.click("[action='/rooms'] [type=submit]").await;
    carol
        .shows("[role=alert]", "The hub cannot be reached.")
        .await;
    network(&carol, false).await;
    carol.goto(&app, "/rooms").await;
    carol.fill("[action='/rooms'] [name=name]", "Belfry").await;
    carol.double_click("[action='/rooms'] [type=submit]").await;

    carol.shows("h1", "Belfry").await;
    carol.goto(&app, "/rooms").await;
    carol
        .holds("document.querySelectorAll('.room-card').length === 2")
        .await;
    carol.is_clean().await;
}

#[tokio::test]
async fn a_visitor_signs_in_with_a_real_provider_and_the_bell_opens() {
    let Some(mut provider) = Provider::start().await else {
        return;
    };
    let app = provider.hub(&[]).await;
    until("the hub knows the provider", DEADLINE, async || {
        let answer = app.request(Method::GET, "/login/company").send().await;
        let place = answer
            .unwrap()
            .headers()
            .get("location")?
            .to_str()
            .ok()?
            .to_owned();
        place.starts_with(&provider.address).then_some(())
    })
    .await;
    let chromium = Chromium::start().await;
    let ann = chromium.window().await;

    ann.goto(&app, "/?next=%2Falarms").await;
    ann.click("a[href^='/login/company']").await;
    ann.fill("[name=login]", "ann").await;
    ann.fill("[name=password]", "any").await;
    ann.click("[type=submit]").await;
    ann.holds("document.querySelector('[name=prompt]')?.value === 'consent'")
        .await;
    ann.click("[type=submit]").await;
    ann.shows("h1", "Inbox").await;
    assert_eq!(ann.path().await, "/alarms");
    ann.hears().await;
    app.publish(json!({"user": "ann"}), "NEW_COMMENT_ON_POST")
        .await;
    ann.shows(".cb-badge", "1").await;
    ann.click(".cb-button").await;
    ann.shows(".cb-list", "New comment on post").await;
    ann.is_clean().await;
}
