//! One page, one person: whose a page is, the hub says; the hub's cookie never stands in for a token; and nothing of one
//! person is told, or left, to another. Two people, two tabs, in every order.

use serde_json::Value;

use crate::street::{LIVE, Street, begin, token_of};
use crate::support::DEADLINE;

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
        // The page names one user, the hub another.
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
