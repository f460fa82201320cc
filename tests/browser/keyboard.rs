//! Everything the pages can do, done with the keyboard alone: Tab to get there, Enter, Space and the arrows to do it.

use serde_json::json;

use crate::chromium::{Chromium, PASSWORD, Window};
use crate::support::{DEADLINE, TestApp};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";
const ARROW_RIGHT: &str = "\u{e014}";

/// More than any page has stops.
const MOST_TABS: usize = 120;

/// Goes on with the Tab key until the focus is on what matches, and can be seen there.
async fn tab_to(window: &Window, css: &str) {
    for _ in 0..MOST_TABS {
        window.type_keys(TAB).await;
        let here = format!("document.activeElement.matches({css:?})");
        if window.value(&here).await == json!(true) {
            assert_eq!(window.value(FOCUS_IS_SEEN).await, true, "{css}");
            return;
        }
    }
    panic!("the Tab key does not reach {css}");
}

async fn tab_and(window: &Window, css: &str, keys: &str) {
    tab_to(window, css).await;
    window.type_keys(keys).await;
}

async fn sign_in(app: &TestApp, window: &Window, id: &str, password: &str) {
    window.goto(app, "/").await;
    tab_and(window, "form[action='/login'] [name=userId]", id).await;
    tab_and(window, "form[action='/login'] [name=password]", password).await;
    window.type_keys(ENTER).await;
    window.shows("h1", "Rooms").await;
}

async fn admin(app: &TestApp, chromium: &Chromium) -> Window {
    let admin = chromium.window().await;
    sign_in(app, &admin, "admin", &app.admin_password()).await;
    tab_and(&admin, "nav [href='/admin']", ENTER).await;
    admin.shows("#copy-curl", "Copy as curl").await;
    admin
}

#[tokio::test]
async fn one_signs_up_changes_the_language_and_signs_out() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;

    dora.goto(&app, "/").await;
    tab_and(&dora, "form[action='/signup'] [name=userId]", "dora").await;
    tab_and(&dora, "form[action='/signup'] [name=password]", PASSWORD).await;
    tab_and(&dora, "form[action='/signup'] button", ENTER).await;
    dora.shows("h1", "Rooms").await;
    tab_and(&dora, "details.menu summary", ENTER).await;
    tab_and(&dora, "form.language button", ENTER).await;
    dora.shows("h1", "대화방").await;
    tab_and(&dora, "details.menu summary", SPACE).await;
    tab_and(&dora, "form[action='/logout'] button", SPACE).await;
    dora.shows("h2", "로그인").await;
    tab_and(&dora, "form.language button", SPACE).await;
    dora.shows("h2", "Sign in").await;
    sign_in(&app, &dora, "dora", PASSWORD).await;

    dora.is_clean().await;
}

#[tokio::test]
async fn the_menu_closes_with_escape_and_the_first_stop_leads_past_the_bar() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;

    tab_and(&dora, "details.menu summary", ENTER).await;
    dora.holds("document.querySelector('details.menu').open")
        .await;
    tab_and(&dora, "form.language button", "\u{e00c}").await;
    dora.holds("!document.querySelector('details.menu').open && document.activeElement.matches('details.menu summary')")
        .await;
    dora.reload().await;
    dora.type_keys(TAB).await;
    dora.holds("document.activeElement.matches('.skip')").await;
    dora.type_keys(ENTER).await;
    dora.holds("document.activeElement.id === 'main'").await;
}

#[tokio::test]
async fn a_room_is_opened_spoken_in_and_rung() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;

    tab_and(&dora, "form[action='/rooms'] [name=name]", "Belfry").await;
    dora.type_keys(ENTER).await;
    dora.shows("h1", "Belfry").await;
    dora.holds("document.querySelector(\"#presence [data-user='dora']\") !== null")
        .await;
    tab_and(&dora, "#text", "By hand").await;
    dora.type_keys(ENTER).await;
    dora.shows("#messages .mine .text", "By hand").await;
    tab_and(&dora, "#ring", ENTER).await;
    dora.shows("#messages .ring", "Dora rings the room").await;
    tab_and(&dora, ".back", ENTER).await;

    dora.shows(".room-card", "Belfry").await;
    tab_and(&dora, ".room-card", ENTER).await;
    dora.shows("#messages", "By hand").await;
}

#[tokio::test]
async fn the_inbox_is_read_and_emptied() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;
    for kind in ["FIRST", "SECOND"] {
        app.publish(json!({"user": "dora"}), kind).await;
    }

    tab_and(&dora, "nav [href='/alarms']", ENTER).await;
    dora.shows(".entry.unread", "Second").await;
    tab_and(&dora, "[data-act=read]", ENTER).await;
    dora.holds("document.querySelectorAll('.entry.unread').length === 1")
        .await;
    tab_and(&dora, "[data-act=delete]", ENTER).await;
    dora.holds("document.querySelectorAll('.entry').length === 1")
        .await;
    // After a delete the next row has the focus.
    dora.holds("document.activeElement.dataset.act === 'delete'")
        .await;
    dora.type_keys(ENTER).await;

    dora.shows("main", "all caught up").await;
}

#[tokio::test]
async fn an_admin_publishes_to_one_and_after_the_word_to_everyone() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let mut stream = app.connected(&dora, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = admin(&app, &chromium).await;

    tab_and(&admin, "[name=users]", "dora").await;
    tab_and(&admin, "[name=alarmType]", "BY_KEYBOARD").await;
    tab_and(&admin, "#publish [type=submit]", ENTER).await;
    admin.shows("#publish-result", "Published as 1.").await;
    assert_eq!(
        stream.next_named("alarm", DEADLINE).await.json()["alarmType"],
        "BY_KEYBOARD"
    );

    admin.goto(&app, "/admin").await;
    admin.shows("#copy-curl", "Copy as curl").await;
    tab_and(&admin, "[name=target]", &ARROW_RIGHT.repeat(3)).await;
    admin.shows("#audience", "Reaches 2 accounts").await;
    tab_and(&admin, "[name=alarmType]", "FOR_ALL").await;
    admin.type_keys(ENTER).await;
    admin.shows("#publish-result .bad", "confirm").await;
    // The field that is missing has the focus.
    admin
        .holds("document.activeElement.name === 'confirm'")
        .await;
    admin.type_keys("everyone").await;
    admin.type_keys(ENTER).await;
    admin.shows("#publish-result", "Published as 2.").await;

    assert_eq!(
        stream.next_named("alarm", DEADLINE).await.json()["alarmType"],
        "FOR_ALL"
    );
    tab_and(&admin, "#publish-result button", ENTER).await;
    admin.shows("#publish-result .bad", "confirm").await;
}

#[tokio::test]
async fn an_admin_pauses_filters_and_disconnects() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let mut stream = app.connected(&dora, "/api/stream").await;
    app.publish(json!({"user": "dora"}), "ONE").await;
    app.publish(json!({"user": "dora"}), "OTHER").await;
    let chromium = Chromium::start().await;
    let admin = admin(&app, &chromium).await;

    tab_and(&admin, "#q", "other").await;
    admin
        .holds("document.querySelectorAll('#recent-list li:not([hidden])').length === 1")
        .await;
    tab_and(&admin, "#pause", SPACE).await;
    admin
        .holds("document.getElementById('pause').getAttribute('aria-pressed') === 'true'")
        .await;
    // The list scrolls, so it must be reached.
    tab_to(&admin, "#recent-list").await;
    tab_and(&admin, "[aria-label='Disconnect dora']", ENTER).await;

    stream.bye("kicked", DEADLINE).await;
}

#[tokio::test]
async fn an_admin_looks_a_user_up_tests_and_shuts_out() {
    let app = TestApp::spawn().await;
    let dora = app.user("dora").await;
    let mut stream = app.connected(&dora, "/api/stream").await;
    let chromium = Chromium::start().await;
    let admin = admin(&app, &chromium).await;

    tab_and(&admin, "#find", "dora").await;
    admin.type_keys(ENTER).await;
    admin.shows("h1", "dora").await;
    tab_and(&admin, "[data-act=test]", ENTER).await;
    admin.shows("#done", "The test is sent.").await;
    stream.next_named("alarm", DEADLINE).await;
    tab_and(&admin, "[data-act=able]", ENTER).await;
    admin.shows("#person .tag", "Disabled").await;
    stream.bye("kicked", DEADLINE).await;
    tab_and(&admin, "[data-act=able]", SPACE).await;
    admin.shows("#person .tag", "Active").await;
    let mut stream = app.connected(&dora, "/api/stream").await;
    tab_and(&admin, "[data-act=disconnect-all]", SPACE).await;
    stream.bye("kicked", DEADLINE).await;

    tab_and(&admin, ".crumb a", ENTER).await;
    admin.shows("h1", "Admin").await;
}

#[tokio::test]
async fn the_five_transports_are_run_cut_and_read() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;
    tab_and(&dora, "details.menu summary", ENTER).await;
    tab_and(&dora, "[href='/compare']", ENTER).await;
    dora.holds("document.querySelectorAll('.transport[data-state=live]').length === 5")
        .await;

    tab_and(&dora, "[name=count]", "1").await;
    tab_and(&dora, "[name=rate]", "10").await;
    tab_and(&dora, "#start", ENTER).await;
    dora.shows("#verdict", "exactly these").await;
    tab_and(&dora, ".transport[data-transport=sse] button", ENTER).await;
    dora.shows(".transport[data-transport=sse]", "Back after")
        .await;
    tab_and(&dora, "#cut-all", SPACE).await;
    dora.shows(".transport[data-transport=websocket]", "Back after")
        .await;
    tab_and(&dora, "#measure-limit", ENTER).await;
    dora.shows("#limit-result", "WebSocket: 30 of 30 live")
        .await;
    dora.holds("!document.getElementById('measure-limit').disabled")
        .await;
    // Elements that scroll sideways on a phone can be reached, and folded elements open.
    tab_to(&dora, ".sideways").await;
    tab_and(&dora, ".properties-card summary", ENTER).await;

    dora.holds("document.querySelector('.properties-card details').open")
        .await;
}

/// True if the focus is visible: the focused element, or the choice that contains it, has an outline.
const FOCUS_IS_SEEN: &str =
    "[document.activeElement, document.activeElement.closest('label')].some((one) => {
    if (!one) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
})";
