//! Another person on the same page: a bell with another token, a page whose cookie changed hands. Nothing of the one before is
//! shown, marked or told.

use serde_json::{Value, json};

use crate::chromium::PASSWORD;
use crate::street::{BELL, NOTHING, Street};
use crate::support::DEADLINE;

#[tokio::test]
async fn a_bell_with_another_token_keeps_nothing_of_the_first_and_one_without_never_takes_the_cookie()
 {
    let bell = "<campanile-bell token=\"\"></campanile-bell>
        <script>window.ended = []; addEventListener('campanile-ended', ({ detail }) => ended.push(detail.code));</script>";
    let street = Street::with(bell).await;
    let window = street.window_of("eve").await;
    street.tell("eve", "SECRET").await;
    // A page that its server rendered for nobody.
    window
        .holds(&format!("{NOTHING} && ended.join() === 'logout'"))
        .await;
    assert_eq!(window.text("body").await, "", "a quiet bell");

    window
        .run(&format!("{BELL}.setAttribute('token', '{}')", street.bob))
        .await;
    window.hears().await;
    street.tell("bob", "FOR_BOB").await;
    window.shows(".cb-toast", "For bob").await;
    window.shows(".cb-badge", "1").await;
    window
        .holds(&format!(
            "{BELL}.shadowRoot.querySelector('.cb-hidden').textContent !== ''"
        ))
        .await;
    window.click(".cb-button").await;
    window.shows(".cb-list", "For bob").await;
    window.click(".cb-close").await;
    street.tell("bob", "MORE").await;
    window.shows(".cb-toast", "More").await;

    window
        .run(&format!("{BELL}.setAttribute('token', '{}')", street.eve))
        .await;
    window
        .holds("!document.body.textContent.match(/bob|More/i)")
        .await;
    window.hears().await;
    window.shows(".cb-badge", "1").await;
    assert_eq!(window.value(&format!("{BELL}.client.userId")).await, "eve");
    window.click(".cb-button").await;
    window.shows(".cb-list", "Secret").await;
    street.app.wait_for_connections(1, DEADLINE).await;

    window
        .run(&format!("{BELL}.removeAttribute('token')"))
        .await;
    window
        .holds(&format!("{NOTHING} && ended.join() === 'logout,logout'"))
        .await;
    street.app.wait_for_connections(0, DEADLINE).await;
    street.tell("eve", "SECRET").await;
    window.click(".cb-button").await;
    window.shows(".cb-panel", "You are signed out.").await;
    window.holds("document.querySelector('.cb-badge').hidden && !document.querySelector('.cb-toast, .cb-list li')").await;
}

#[tokio::test]
async fn a_page_of_one_person_shows_and_does_nothing_as_the_person_who_signs_in_meanwhile() {
    let street = Street::new().await;
    let app = &street.app;
    app.room("tower").await;
    street.tell("bob", "FOR_BOB").await;
    street.tell("eve", "SECRET").await;
    let window = street.chromium.window().await;
    window.sign_in(app, "bob", PASSWORD).await;
    window.enter(app, "tower", "bob").await;
    window.shows(".cb-badge", "1").await;

    // Another person takes the browser, and with it the cookie, without the first one having signed out.
    window.new_tab().await;
    window.goto(app, "/").await;
    let login = json!({"userId": "eve", "password": PASSWORD});
    window
        .run(&format!(
            "fetch('/api/auth/login', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: '{login}' }}).then(() => (window.in = true))"
        ))
        .await;
    window.holds("window.in").await;
    window.turn_to_tab(0).await;
    window.say("in whose name?").await;
    window.shows("#messages .failed", "Not sent.").await;
    window.click(".cb-button").await;

    window
        .shows(".cb-status", "Somebody else has signed in.")
        .await;
    window
        .holds(
            "document.querySelector('.cb-badge').hidden && !document.querySelector('.cb-list li')",
        )
        .await;
    assert_eq!(
        window
            .value("document.body.textContent.includes('Secret')")
            .await,
        false
    );
    let said = app
        .get(&street.bob, "/api/rooms/tower/messages")
        .send()
        .await;
    let said: Value = said.expect("an answer").json().await.expect("JSON");
    assert_eq!(said["items"], json!([]));
    // The way on is a page of whoever is signed in now.
    window.click(".cb-status a").await;
    window.holds("document.body.dataset.user === 'eve'").await;
    window.shows(".cb-badge", "1").await;
}

#[tokio::test]
async fn the_inbox_of_one_person_is_not_refreshed_into_anothers() {
    let street = Street::new().await;
    let app = &street.app;
    street.tell("bob", "FOR_BOB").await;
    street.tell("eve", "SECRET").await;
    let window = street.chromium.window().await;
    window.sign_in(app, "bob", PASSWORD).await;
    window.goto(app, "/alarms").await;
    window.shows(".entry", "For bob").await;
    window.hears().await;
    window.run("window.bobs = true").await;

    let login = json!({"userId": "eve", "password": PASSWORD});
    window
        .run(&format!(
            "fetch('/api/auth/login', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: '{login}' }}).then(() => (window.in = true))"
        ))
        .await;
    window.holds("window.in").await;
    window.click(".entry [data-act=read]").await;

    // A page of hers comes in its place, whole.
    window
        .holds("document.body.dataset.user === 'eve' && !window.bobs")
        .await;
    window.shows(".entry", "Secret").await;
}

#[tokio::test]
async fn a_bell_that_has_ended_begins_again_when_its_token_is_set_once_more() {
    let street = Street::with("<campanile-bell token=\"\"></campanile-bell>").await;
    let window = street.window().await;
    let live = format!("{BELL}.client.status.state === 'live'");
    let set = format!("{BELL}.token = token");
    window
        .run(&format!(
            "window.who = '{}'; window.token = () => who; {set}",
            street.bob
        ))
        .await;
    window.holds(&live).await;

    window.run("who = null").await;
    window.run(&format!("{BELL}.client.signOut(false)")).await;
    window
        .holds(&format!("{BELL}.client.status.state === 'ended'"))
        .await;
    window.run(&format!("who = '{}'; {set}", street.eve)).await;

    window
        .holds(&format!("{live} && {BELL}.client.userId === 'eve'"))
        .await;
    street.tell("eve", "FOR_EVE").await;
    window.shows(".cb-badge", "1").await;
}

#[tokio::test]
async fn a_page_that_is_shown_again_by_going_back_keeps_nothing_of_who_has_signed_out_meanwhile() {
    let bell = "<campanile-bell token=\"\"></campanile-bell><script>
        window.ended = [];
        addEventListener('campanile-ended', ({ detail }) => ended.push(detail.code));
        addEventListener('pageshow', ({ persisted }) => (window.persisted = persisted));
        document.querySelector('campanile-bell').token = async () => localStorage.session;
    </script>";
    let street = Street::with(bell).await;
    street.tell("bob", "FOR_BOB").await;
    let window = street.window().await;
    for (session, code) in [
        (
            format!("localStorage.session = '{}'", street.eve),
            "other_user",
        ),
        ("delete localStorage.session".to_owned(), "logout"),
    ] {
        window
            .run(&format!("localStorage.session = '{}'", street.bob))
            .await;
        street.visit(&window).await;
        window.hears().await;
        window.click(".cb-button").await;
        window.shows(".cb-list", "For bob").await;

        // The site's session changes hands while the page is away.
        window.visit(&street.app.url("/")).await;
        street.new_tab(&window).await;
        window.run(&session).await;
        window.close_this_tab().await;
        window.turn_to_tab(0).await;
        window.back().await;

        window
            .holds(&format!(
                "persisted && ended.join() === '{code}' && {NOTHING} && !document.body.textContent.match(/bob/i)"
            ))
            .await;
    }
    street.app.wait_for_connections(0, DEADLINE).await;
}
