//! A chat room as somebody lives in it: typing, history, what is new, who speaks.

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::scenes::in_the_database;
use crate::scenes::network;
use crate::scenes::{TEXTS, say, shows_exactly};
use crate::support::TestApp;

const SCROLLER: &str = "document.getElementById('scroller')";

async fn in_the_tower(app: &TestApp, chromium: &Chromium) -> Window {
    let alice = chromium.window().await;
    alice.sign_up(app, "alice", "Alice").await;
    alice.enter(app, "tower", "alice").await;
    alice
}

async fn tower() -> (TestApp, String) {
    let app = TestApp::spawn().await;
    app.room("tower").await;
    let bob = app.user("bob").await;
    (app, bob)
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("message {number}")).collect()
}

#[tokio::test]
async fn enter_belongs_to_the_input_method_while_korean_is_being_composed() {
    let (app, _bob) = tower().await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    alice.click("#text").await;

    compose(&alice, "안녕").await;
    enter(&alice).await;
    assert_eq!(
        alice.value("document.getElementById('text').value").await,
        "안녕"
    );
    assert_eq!(alice.value(&format!("{TEXTS}.length")).await, 0);

    // The composition ends with its text, and now Enter sends.
    alice
        .cdp("Input.insertText", json!({"text": "안녕하세요"}))
        .await;
    enter(&alice).await;
    shows_exactly(&alice, &["안녕하세요".to_owned()]).await;
    alice
        .holds("document.querySelector('#messages [data-id]') !== null")
        .await;
    alice.is_clean().await;
}

async fn compose(window: &Window, text: &str) {
    let composition = json!({"text": text, "selectionStart": text.chars().count(), "selectionEnd": text.chars().count()});
    window.cdp("Input.imeSetComposition", composition).await;
}

async fn enter(window: &Window) {
    for kind in ["rawKeyDown", "keyUp"] {
        let key =
            json!({"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13});
        window.cdp("Input.dispatchKeyEvent", key).await;
    }
}

#[tokio::test]
async fn shift_and_enter_break_the_line_and_blank_text_is_not_sent() {
    let (app, _bob) = tower().await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    alice.shows("#no-messages", "").await;

    alice.say("   ").await;
    alice.click("#text").await;
    alice.fill("#text", "first").await;
    alice.break_line().await;
    alice.press("second").await;
    alice.press_enter("#text").await;

    shows_exactly(&alice, &["first\nsecond".to_owned()]).await;
    alice
        .holds("document.getElementById('no-messages') === null")
        .await;
    alice
        .holds(
            "document.getElementById('text').value === '' && document.activeElement.id === 'text'",
        )
        .await;
}

#[tokio::test]
async fn what_is_said_is_pending_at_once_and_its_row_stays_the_same() {
    let (app, _bob) = tower().await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    let mark = "(() => { new MutationObserver((changes) => { for (const { addedNodes } of changes) for (const row of addedNodes) row.pendingAtFirst = row.classList.contains('pending'); }).observe(document.getElementById('messages'), { childList: true }); return true; })()";
    assert_eq!(alice.value(mark).await, true);

    alice.say("on its way").await;

    alice
        .holds("document.querySelector('#messages .message[data-id]:not(.pending)')?.pendingAtFirst === true")
        .await;
    alice.holds(&format!("{TEXTS}.length === 1")).await;
    alice
        .holds(
            "document.querySelector('#messages').closest('[role=log][aria-live=polite]') !== null",
        )
        .await;
}

#[tokio::test]
async fn earlier_messages_come_on_demand_and_leave_what_is_read_in_its_place() {
    let (app, bob) = tower().await;
    let texts = numbered(0..120);
    for text in &texts {
        say(&app, &bob, "tower", text).await;
    }
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    shows_exactly(&alice, &texts[70..]).await;
    assert_eq!(alice.value(&format!("{SCROLLER}.scrollTop")).await, 0);

    network(&alice, true).await;
    alice.point_at("#earlier").await;
    alice.click("#earlier").await;
    alice.shows("#earlier", "That did not work.").await;
    network(&alice, false).await;
    alice.point_at("#earlier").await;
    // The first one shown loses its byline to the one before it; what is below stays.
    let second = "Math.round([...document.querySelectorAll('.message')].find((row) => row.textContent.includes('message 71')).getBoundingClientRect().top)";
    let before = alice.value(second).await;
    alice.click("#earlier").await;

    shows_exactly(&alice, &texts[20..]).await;
    assert_eq!(alice.value(second).await, before);
    alice.point_at("#earlier").await;
    alice.click("#earlier").await;
    shows_exactly(&alice, &texts).await;
    alice
        .holds("document.getElementById('earlier') === null")
        .await;
    alice
        .holds("document.activeElement.id === 'scroller'")
        .await;
    alice.is_clean().await;
}

#[tokio::test]
async fn somebody_who_reads_further_up_is_told_and_not_moved() {
    let (app, bob) = tower().await;
    for text in numbered(0..50) {
        say(&app, &bob, "tower", &text).await;
    }
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    let place =
        "Math.round(document.querySelector('#messages .message').getBoundingClientRect().top)";

    // Near the end it follows.
    alice.value(&format!("({SCROLLER}.scrollTop = -60)")).await;
    say(&app, &bob, "tower", "near the end").await;
    alice.shows("#messages", "near the end").await;
    alice.holds(&format!("{SCROLLER}.scrollTop === 0")).await;
    alice.holds("document.getElementById('below').hidden").await;

    alice.value(&format!("({SCROLLER}.scrollTop = -400)")).await;
    let before = alice.value(place).await;
    for text in numbered(0..3) {
        say(&app, &bob, "tower", &text).await;
    }
    alice.shows("#below", "3 new messages").await;
    assert_eq!(alice.value(place).await, before);

    alice.click("#below").await;
    alice.holds(&format!("{SCROLLER}.scrollTop === 0")).await;
    alice.holds("document.getElementById('below').hidden").await;
    alice.holds("document.activeElement.id === 'text'").await;
}

#[tokio::test]
async fn a_line_shows_what_was_said_since_one_left() {
    let (app, bob) = tower().await;
    say(&app, &bob, "tower", "seen").await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    alice
        .holds("document.querySelector('.since') === null")
        .await;
    let after_line = "document.querySelector('.since ~ .message .text')?.textContent";

    alice.goto(&app, "/rooms").await;
    // More than a page of it: the line moves up with what comes from earlier.
    let texts = numbered(0..60);
    for text in &texts {
        say(&app, &bob, "tower", text).await;
    }
    alice.enter(&app, "tower", "alice").await;
    alice.holds(&format!("{after_line} === 'message 10'")).await;
    alice.point_at("#earlier").await;
    alice.click("#earlier").await;
    alice.holds(&format!("{after_line} === 'message 0'")).await;

    // It stays while one is here, and what comes now is not new since then.
    say(&app, &bob, "tower", "now").await;
    alice.shows("#messages", "now").await;
    alice.holds(&format!("{after_line} === 'message 0'")).await;
    alice
        .holds("document.querySelectorAll('.since').length === 1")
        .await;
    alice.click("#text").await;
    alice.say("I have read it").await;
    alice
        .holds("document.querySelector('.mine[data-id]') !== null")
        .await;
    alice.reload().await;
    alice.shows("#messages", "I have read it").await;
    alice
        .holds("document.querySelector('.since') === null")
        .await;
}

#[tokio::test]
async fn one_byline_stands_for_what_one_person_says_in_a_row() {
    let (app, bob) = tower().await;
    let carol = app.user("carol").await;
    say(&app, &bob, "tower", "from the server").await;
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;
    say(&app, &bob, "tower", "and more").await;
    say(&app, &carol, "tower", "another voice").await;
    say(&app, &bob, "tower", "bob again").await;
    alice.shows("#messages", "bob again").await;

    let continued = "[...document.querySelectorAll('#messages .message')].map((row) => row.classList.contains('continued'))";
    assert_eq!(
        alice.value(continued).await,
        json!([false, true, false, false])
    );
    alice.shows("#messages .day", "Today").await;
    assert_eq!(
        alice
            .value("document.querySelectorAll('#messages .day').length")
            .await,
        1
    );
    // Said days ago, for all this page knows.
    let yesterday = "(() => { for (const row of [...document.querySelectorAll('#messages .message')].slice(0, 2)) row.dataset.at = new Date(Date.now() - 864e5).toISOString(); return true; })()";
    assert_eq!(alice.value(yesterday).await, true);
    say(&app, &bob, "tower", "the next day").await;
    alice.shows("#messages", "the next day").await;
    let days = "[...document.querySelectorAll('#messages .day')].map((line) => line.textContent)";
    assert_eq!(alice.value(days).await, json!(["Yesterday", "Today"]));
}

#[tokio::test]
async fn a_byline_stands_for_five_minutes_and_a_line_between_two_days() {
    let (app, bob) = tower().await;
    for text in numbered(0..5) {
        say(&app, &bob, "tower", &text).await;
    }
    // Yesterday; then four minutes and 59 seconds apart, then five minutes; then now.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("a clock").as_millis()).expect("a time");
    let ages = [86_400_000, 600_000, 301_000, 1_000, 0];
    let moved = ages.iter().enumerate().map(|(index, age)| {
        let id = index + 1;
        format!(
            "UPDATE alarms SET created_at = {} WHERE id = {id};",
            now - age
        )
    });
    in_the_database(&app, &moved.collect::<String>());
    let continued = json!([false, false, true, false, true]);
    let chromium = Chromium::start().await;
    let alice = in_the_tower(&app, &chromium).await;

    let shown = "[...document.querySelectorAll('#messages .message')].map((row) => row.classList.contains('continued'))";
    assert_eq!(alice.value(shown).await, continued, "by the script");
    let days = alice
        .value("[...document.querySelectorAll('#messages .day')].map((line) => line.textContent)")
        .await;
    let days = days.as_array().expect("day lines");
    assert_eq!(days.first(), Some(&json!("Yesterday")), "{days:?}");
    assert!(
        alice
            .value("document.querySelector('#messages .day:nth-child(3)') !== null")
            .await
            == true,
        "before the second message: {days:?}"
    );
    let hidden = "getComputedStyle(document.querySelector('#messages .continued .byline')).display";
    assert_eq!(alice.value(hidden).await, "none");
    assert_eq!(alice.value(AS_SERVED).await, continued, "by the server");

    // The first of the next two messages comes five minutes after the last one, the second at once.
    let pause = "(() => { document.querySelector('#messages .message:last-child').dataset.at = new Date(Date.now() - 3e5).toISOString(); return true; })()";
    assert_eq!(alice.value(pause).await, true);
    say(&app, &bob, "tower", "after a pause").await;
    alice.shows("#messages", "after a pause").await;
    say(&app, &bob, "tower", "and at once").await;
    alice.shows("#messages", "and at once").await;
    let last = alice.value(&format!("{shown}.slice(-2)")).await;
    assert_eq!(last, json!([false, true]));
}

/// The messages that have no byline of their own in the page as the server made it.
const AS_SERVED: &str = "(() => {
  const ask = new XMLHttpRequest();
  ask.open('GET', location.href, false);
  ask.setRequestHeader('accept', 'text/html');
  ask.send();
  const page = new DOMParser().parseFromString(ask.responseText, 'text/html');
  return [...page.querySelectorAll('#messages .message')].map((row) => row.classList.contains('continued'));
})()";

#[tokio::test]
async fn an_admin_is_marked_and_a_ring_elsewhere_is_a_toast_with_room_and_sender() {
    let (app, _bob) = tower().await;
    let chromium = Chromium::start().await;
    let admin = chromium.window().await;
    admin.sign_in(&app, "admin", &app.admin_password()).await;
    admin.enter(&app, "tower", "admin").await;
    let alice = chromium.window().await;
    alice.sign_up(&app, "alice", "Alice").await;
    alice.hears().await;

    admin.say("Everybody down, please.").await;
    alice.shows(".cb-toast", "admin in Room tower").await;
    alice.shows(".cb-toast", "Everybody down, please.").await;
    admin.click("#ring").await;
    alice.shows(".cb-toast", "admin rings Room tower").await;

    // This includes the sender's own row, which was shown before the hub said who the sender is.
    alice.enter(&app, "tower", "alice").await;
    for window in [&admin, &alice] {
        window
            .shows("#messages .message.chat .byline .tag", "Admin")
            .await;
        window
            .shows("#messages .message.ring", "calls everybody")
            .await;
    }
    assert_eq!(
        admin
            .value("document.querySelectorAll('.cb-toast').length")
            .await,
        Value::from(0)
    );
}
