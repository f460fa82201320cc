//! The end of a session: all tabs of its person hear it, and no tab of another.

use crate::street::{LIVE, Street, begin, token_of};
use crate::support::DEADLINE;

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
