//! One page, one person: whose a page is, the hub says; the hub's cookie never stands in for a token; and nothing of one
//! person is told, or left, to another. Two people, two tabs, in every order.

use serde_json::{Value, json};

use crate::chromium::{Chromium, PASSWORD, Window};
use crate::site::{Site, hub_for, page_with};
use crate::support::{Claims, DEADLINE, TestApp, sign};

/// A page whose test says when to begin, and with what.
const SCRIPT: &str = "
    Object.assign(window, { heard: [], counted: [], told: [], calls: 0 });
    window.begin = (options) => {
        heard.length = counted.length = told.length = 0;
        window.client = connect({
            ...options,
            onAlarm: (alarm) => heard.push(alarm.alarmType),
            onCounts: ({ unseen }) => counted.push(unseen),
            onStatus: (status) => told.push(status),
        });
    };
    window.ready = true;";

const LIVE: &str = "client.status.state === 'live'";
const BELL: &str = "document.querySelector('campanile-bell')";

/// True if the page shows nothing of an inbox with one alarm in it.
const NOTHING: &str = "document.querySelector('.cb-badge').hidden && !document.querySelector('.cb-toast, .cb-list li')
    && !document.title.startsWith('(') && document.querySelector('.cb-hidden[role=status]').textContent === ''";

/// A hub with two people, and a site next door to it, whose pages get the hub's cookie.
struct Street {
    app: TestApp,
    site: Site,
    chromium: Chromium,
    bob: String,
    eve: String,
}

impl Street {
    async fn with(body: &str) -> Self {
        let (listener, port) = Site::bind().await;
        let app = hub_for(port).await;
        let script = format!(
            "<script type=\"module\">import {{ connect }} from \"{}/campanile.js\"; {SCRIPT}</script>",
            app.base_url
        );
        let site = Site::serve(listener, page_with(&app, &format!("{body}{script}")));
        app.sign_up("bob", PASSWORD).await;
        app.sign_up("eve", PASSWORD).await;
        Self {
            bob: token_of("bob"),
            eve: token_of("eve"),
            chromium: Chromium::start().await,
            app,
            site,
        }
    }

    async fn new() -> Self {
        Self::with("").await
    }

    /// The site's page in a window that has been signed in at the hub before.
    async fn window_of(&self, user: &str) -> Window {
        let window = self.chromium.window().await;
        window.sign_in(&self.app, user, PASSWORD).await;
        self.visit(&window).await;
        window
    }

    async fn window(&self) -> Window {
        let window = self.chromium.window().await;
        self.visit(&window).await;
        window
    }

    async fn new_tab(&self, window: &Window) {
        window.new_tab().await;
        self.visit(window).await;
    }

    async fn visit(&self, window: &Window) {
        window.visit(&self.site.next_door()).await;
        window.holds("window.ready").await;
    }

    async fn tell(&self, user: &str, alarm_type: &str) {
        self.app.publish(json!({"user": user}), alarm_type).await;
    }
}

fn token_of(user: &str) -> String {
    sign(&Claims::of(user, "user"))
}

async fn begin(window: &Window, token: &str) {
    window.run(&format!("begin({{ token: {token} }})")).await;
}

#[tokio::test]
async fn a_page_whose_token_cannot_be_had_is_not_the_cookies_and_finds_it_later() {
    let street = Street::new().await;
    let window = street.window_of("eve").await;
    street.tell("eve", "SECRET").await;

    for given in [
        "Promise.reject(new Error('the back end is away'))",
        "(() => { throw new Error('broken'); })()",
        "Promise.resolve('<!doctype html><title>502</title>')",
        "({ token: 'x' })",
        "42",
        "'no.good.token'",
    ] {
        window
            .run(&format!(
                "calls = 0; window.give = () => {given}; begin({{ token: () => (calls += 1, give()) }})"
            ))
            .await;
        window
            .holds("told.filter(({ state }) => state === 'waiting').length >= 2")
            .await;
        let codes = "[...new Set(told.filter(({ state }) => state === 'waiting').map(({ code }) => code))].join()";
        assert_eq!(window.value(codes).await, "invalid_token", "{given}");
        let one_an_attempt = "calls <= 1 + told.filter(({ state }) => state === 'waiting').length";
        assert_eq!(window.value(one_an_attempt).await, true, "{given}");
        assert_eq!(window.value("heard.length + counted.length").await, 0);
        // The page's own requests are not sent in the name of the cookie's user either.
        let asked =
            "client.request('GET', '/api/alarms').then(() => 'answered', ({ code }) => code)";
        window
            .run(&format!(
                "{asked}.then((answer) => (window.answer = answer))"
            ))
            .await;
        window.holds("window.answer === 'invalid_token'").await;

        window
            .run(&format!("window.give = () => '{}'", street.bob))
            .await;
        window.holds(LIVE).await;
        assert_eq!(window.value("client.userId").await, "bob");
        assert_eq!(
            window.value("counted.every((one) => one === 0)").await,
            true
        );
        window.run("client.close(); delete window.answer").await;
    }
}

#[tokio::test]
async fn no_token_means_signed_out_whatever_the_cookie_says() {
    let street = Street::new().await;
    let window = street.window_of("eve").await;
    street.tell("eve", "SECRET").await;

    for given in ["null", "undefined", "''"] {
        for token in [
            given.to_owned(),
            format!("() => {given}"),
            format!("async () => {given}"),
        ] {
            begin(&window, &token).await;
            window
                .holds("client.status.state === 'ended' && client.status.code === 'logout'")
                .await;
            assert_eq!(
                window.value("heard.length + counted.length").await,
                0,
                "{token}"
            );
        }
    }
    street.app.wait_for_connections(0, DEADLINE).await;
}

#[tokio::test]
async fn a_new_client_is_told_nothing_of_the_person_before() {
    let street = Street::new().await;
    let window = street.window().await;
    for alarm_type in ["FIRST", "SECOND", "THIRD"] {
        street.tell("bob", alarm_type).await;
    }
    // Once the old one is closed before the new one begins, once after.
    for closed_first in [true, false] {
        window
            .run(&format!(
                "window.who = '{}'; window.token = () => who; begin({{ token }})",
                street.bob
            ))
            .await;
        window
            .holds(&format!("{LIVE} && counted.at(-1) === 3"))
            .await;

        let close = "old.close();";
        let (before, after) = if closed_first {
            (close, "")
        } else {
            ("", close)
        };
        window
            .run(&format!(
                "const old = client; who = '{}'; {before} begin({{ token }}); {after}",
                street.eve
            ))
            .await;
        window.holds(LIVE).await;
        street.tell("bob", "FOR_BOB").await;
        street.tell("eve", "FOR_EVE").await;

        window.holds("heard.join() === 'FOR_EVE'").await;
        assert_eq!(window.value("client.userId").await, "eve");
        assert_eq!(
            window
                .value("counted.includes(3) || counted.includes(4)")
                .await,
            false
        );
        window.run("client.close()").await;
        tidy(&street).await;
    }
}

/// Takes what the last round brought out of both inboxes.
async fn tidy(street: &Street) {
    for token in [&street.bob, &street.eve] {
        let page = street.app.get(token, "/api/alarms").send().await;
        let page: Value = page.expect("an answer").json().await.expect("JSON");
        for item in page["items"].as_array().expect("a list") {
            if item["alarmType"]
                .as_str()
                .expect("a type")
                .starts_with("FOR_")
            {
                let path = format!("/api/alarms/{}", item["id"]);
                let gone = street.app.delete(token, &path).send().await;
                assert_eq!(gone.expect("an answer").status(), 204);
            }
        }
    }
}

#[tokio::test]
async fn two_people_in_two_tabs_never_hear_each_other_and_two_tabs_of_one_share_a_stream() {
    let street = Street::new().await;
    let window = street.window_of("eve").await;
    let again = token_of("bob");
    let others = [
        // Whoever the page says it is: the hub says another.
        format!("begin({{ token: '{}', user: 'bob' }})", street.eve),
        format!("begin({{ token: () => '{}' }})", street.eve),
        "begin({})".to_owned(),
    ];

    begin(&window, &format!("'{}'", street.bob)).await;
    window.holds(LIVE).await;
    for eves in others {
        street.new_tab(&window).await;
        window.run(&eves).await;
        window.holds(LIVE).await;
        street.app.wait_for_connections(2, DEADLINE).await;
        street.tell("bob", "FOR_BOB").await;
        street.tell("eve", "FOR_EVE").await;
        window.holds("heard.join() === 'FOR_EVE'").await;
        window.turn_to_tab(0).await;
        window.holds("heard.join() === 'FOR_BOB'").await;
        window.run("heard.length = 0").await;
        window.turn_to_tab(1).await;
        assert_eq!(window.value("client.userId").await, "eve");
        window.close_this_tab().await;
        window.turn_to_tab(0).await;
        street.app.wait_for_connections(1, DEADLINE).await;
    }
    street.new_tab(&window).await;
    begin(&window, &format!("() => '{again}'")).await;
    window.holds(LIVE).await;
    street.tell("bob", "FOR_BOTH").await;
    window.holds("heard.join() === 'FOR_BOTH'").await;
    street.app.wait_for_connections(1, DEADLINE).await;
}

#[tokio::test]
async fn a_page_that_was_made_for_another_user_than_the_cookies_hears_nothing_though_a_tab_of_theirs_is_open()
 {
    let street = Street::new().await;
    let window = street.window_of("eve").await;
    begin(&window, &format!("'{}'", street.bob)).await;
    window.holds(LIVE).await;

    street.new_tab(&window).await;
    window.run("begin({ user: 'bob' })").await;
    street.tell("bob", "FOR_BOB").await;

    window
        .holds("client.status.state === 'ended' && client.status.code === 'other_user'")
        .await;
    assert_eq!(window.value("heard.length + counted.length").await, 0);
    window.turn_to_tab(0).await;
    window.holds("heard.join() === 'FOR_BOB'").await;
}

#[tokio::test]
async fn a_client_ends_when_its_token_becomes_somebody_elses() {
    let street = Street::new().await;
    let window = street.window().await;
    street.tell("eve", "SECRET").await;
    window
        .run("window.who = 'bob'; begin({ token: () => fetch(`/token/${who}/4`).then((answer) => answer.text()) })")
        .await;
    window.holds(LIVE).await;

    window.run("who = 'eve'").await;

    window
        .holds("client.status.state === 'ended' && client.status.code === 'other_user'")
        .await;
    assert_eq!(window.value("heard.length").await, 0);
    assert_eq!(
        window
            .value("counted.every((one) => one === 0) && client.counts === null")
            .await,
        true
    );
    street.app.wait_for_connections(0, DEADLINE).await;
}

#[tokio::test]
async fn signing_out_in_one_tab_ends_all_though_each_holds_a_token_of_its_own() {
    let street = Street::new().await;
    let hub = &street.app.base_url;
    let ways = [
        "client.signOut()".to_owned(),
        format!("fetch('{hub}/api/auth/logout', {{ method: 'POST', headers: {{ authorization: `Bearer ${{mine}}` }} }})"),
        "give = () => null, client.request('POST', '/api/auth/logout').then(() => client.request('GET', '/api/auth/me'))".to_owned(),
    ];
    for way in ways {
        for leaving in [0, 1] {
            let window = street.window().await;
            for tab in [0, 1] {
                if tab == 1 {
                    street.new_tab(&window).await;
                }
                let mine = token_of("bob");
                window
                    .run(&format!("window.mine = '{mine}'; window.give = () => mine; begin({{ token: () => give() }})"))
                    .await;
                window.holds(LIVE).await;
            }
            street.app.wait_for_connections(1, DEADLINE).await;

            window.turn_to_tab(leaving).await;
            window
                .run(
                    &format!("{way}.catch(() => {{}})")
                        .replace("give = () => null, ", "give = () => null; "),
                )
                .await;

            for tab in [leaving, 1 - leaving] {
                window.turn_to_tab(tab).await;
                eprintln!("{way} in tab {leaving}: tab {tab}");
                window
                    .holds("client.status.state === 'ended' && client.status.code === 'logout' && client.counts === null")
                    .await;
            }
            street.app.wait_for_connections(0, DEADLINE).await;
        }
    }
}

#[tokio::test]
async fn signing_out_elsewhere_ends_nobody_elses_tab() {
    let street = Street::new().await;
    let window = street.window().await;
    begin(&window, &format!("'{}'", street.bob)).await;
    window.holds(LIVE).await;

    let elsewhere = token_of("bob");
    let answer = street.app.post(&elsewhere, "/api/auth/logout").send().await;
    assert_eq!(answer.expect("an answer").status(), 204);
    street.tell("bob", "STILL_HERE").await;

    window.holds("heard.join() === 'STILL_HERE'").await;
    assert_eq!(window.value(LIVE).await, true);
}

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
