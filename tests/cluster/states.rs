//! What a user does with their inbox at one hub shows on the streams of all of them, in one order.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::hubs::{WITHIN, database, hub, publish, sign_out, status};
use crate::link::{Conduct, Link};
use crate::support::postgres::Postgres;
use crate::support::{Claims, DEADLINE, SseClient, TestApp, sign, until};

/// Does something with an inbox.
async fn act(hub: &TestApp, token: &str, (method, path, body): (&str, &str, Value)) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = hub.request(method, path).bearer_auth(token);
    let answer = request.json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

/// The counts that a hub answers requests with.
async fn counts(hub: &TestApp, token: &str) -> (Value, Value) {
    let answer = hub.get(token, "/api/alarms/top").send().await.unwrap();
    let meta = answer.json::<Value>().await.unwrap()["meta"].clone();
    (meta["unseen"].clone(), meta["unread"].clone())
}

fn told(state: &Value) -> (Value, Value) {
    (state["unseen"].clone(), state["unread"].clone())
}

async fn next_state(stream: &mut SseClient) -> Value {
    stream.next_named("state", WITHIN).await.json()
}

/// One action of each kind, with the part of the `state` event that tells it.
async fn actions(hub: &TestApp, ids: &[i64]) -> Vec<(&'static str, String, Value, Value)> {
    let pair = json!({"to": {"user": "bob"}, "alarmType": "TEST", "targetId": "17"});
    let publishing = hub.post(&hub.service(), "/api/alarms").json(&pair);
    assert_eq!(publishing.send().await.unwrap().status(), 201);
    let one = |id: i64, what: &str| format!("/api/alarms/{id}{what}");
    let all = |what: &str| format!("/api/alarms{what}");
    let (first, second) = (ids[0], ids[1]);
    let none = || json!({});
    let read = |id| json!({"ids": [id], "seen": true, "read": true});
    Vec::from([
        ("POST", one(first, "/read"), none(), read(first)),
        ("POST", one(second, "/read"), none(), read(second)),
        (
            "POST",
            one(first, "/unread"),
            none(),
            json!({"ids": [first], "read": false}),
        ),
        (
            "POST",
            all("/seen"),
            json!({"upTo": ids[3]}),
            json!({"upTo": ids[3], "seen": true}),
        ),
        (
            "DELETE",
            one(ids[4], ""),
            none(),
            json!({"ids": [ids[4]], "deleted": true}),
        ),
        (
            "DELETE",
            all("?targetId=17&alarmType=TEST"),
            none(),
            json!({"deleted": true}),
        ),
        (
            "POST",
            all("/read"),
            json!({"upTo": ids[5]}),
            json!({"upTo": ids[5], "seen": true, "read": true}),
        ),
    ])
}

#[tokio::test]
async fn counts_of_one_user_agree_at_three_hubs_after_every_action() {
    let url = database();
    let hubs = [hub(&url).await, hub(&url).await, hub(&url).await];
    let bob = hubs[0].user("bob").await;
    let mut ids = Vec::new();
    for _alarm in 0..6 {
        ids.push(publish(&hubs[0], "bob").await);
    }
    let mut streams = Vec::new();
    for hub in &hubs {
        streams.push(hub.connected(&bob, "/api/stream").await);
    }
    let actions = actions(&hubs[1], &ids).await;

    let mut version = 0;
    for (turn, (method, path, body, change)) in actions.into_iter().enumerate() {
        let begin = Instant::now();
        act(&hubs[turn % 3], &bob, (method, &path, body)).await;

        let expected = counts(&hubs[turn % 3], &bob).await;
        let mut versions = Vec::new();
        for (hub, stream) in hubs.iter().zip(&mut streams) {
            let state = next_state(stream).await;
            assert_eq!(told(&state), expected, "{path}: {state}");
            assert_eq!(counts(hub, &bob).await, expected);
            for (name, value) in change.as_object().unwrap() {
                assert_eq!(&state[name], value, "{path}: {state}");
            }
            versions.push(state["version"].as_i64().unwrap());
        }
        eprintln!("{method} {path} at all hubs after {:?}", begin.elapsed());
        assert!(
            versions
                .iter()
                .all(|one| *one == versions[0] && *one > version)
        );
        version = versions[0];
    }
}

#[tokio::test]
async fn changes_made_at_three_hubs_at_once_are_told_in_one_order_at_all_of_them() {
    const EACH: usize = 12;
    let url = database();
    let hubs = [hub(&url).await, hub(&url).await, hub(&url).await];
    let bob = hubs[0].user("bob").await;
    let id = publish(&hubs[0], "bob").await;
    let mut streams = Vec::new();
    for hub in &hubs {
        streams.push(hub.connected(&bob, "/api/stream").await);
    }

    let (read, unread) = (
        format!("/api/alarms/{id}/read"),
        format!("/api/alarms/{id}/unread"),
    );
    let act_at = async |hub: &TestApp| {
        for turn in 0..EACH {
            let path = if turn % 2 == 0 { &read } else { &unread };
            act(hub, &bob, ("POST", path, json!({}))).await;
        }
    };
    futures::join!(act_at(&hubs[0]), act_at(&hubs[1]), act_at(&hubs[2]));

    let mut orders = Vec::new();
    for stream in &mut streams {
        let mut order = Vec::new();
        for _change in 0..3 * EACH {
            let state = next_state(stream).await;
            order.push((state["version"].as_i64().unwrap(), state["read"].clone()));
        }
        orders.push(order);
    }
    assert!(orders[0].is_sorted_by_key(|(version, _read)| *version));
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0], orders[2]);
    let page = hubs[2].get(&bob, "/api/alarms/top").send().await.unwrap();
    let is_read = page.json::<Value>().await.unwrap()["items"][0]["readAt"].is_string();
    assert_eq!(
        orders[0].last().unwrap().1,
        json!(is_read),
        "the last told is the truth"
    );
}

#[tokio::test]
async fn a_hub_that_missed_signals_tells_its_streams_their_counts_again() {
    let url = database();
    let (link, through) = Link::before(&url).await;
    let (one, cut) = (hub(&url).await, hub(&through).await);
    let bob = one.user("bob").await;
    let id = publish(&one, "bob").await;
    let mut stream = cut.connected(&bob, "/api/stream").await;

    link.now(Conduct::Cut);
    act(
        &one,
        &bob,
        ("POST", "/api/alarms/read", json!({"upTo": id})),
    )
    .await;
    Postgres::shared().sql(&url, "DELETE FROM signals");
    until("unknown", DEADLINE, async || {
        (status(&cut, &bob).await == 503).then_some(())
    })
    .await;
    link.now(Conduct::Pass);

    let state = stream.next_named("state", DEADLINE).await.json();
    assert_eq!(told(&state), (json!(0), json!(0)));
    assert!(state["ids"].is_null() && state["upTo"].is_null(), "{state}");
}

#[tokio::test]
async fn the_end_of_a_session_at_one_hub_is_told_to_the_users_other_sessions_at_all_of_them() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let phone = sign(&Claims::of("bob", "user"));
    let mut near = one.connected(&phone, "/api/stream").await;
    let mut far = other.connected(&phone, "/api/stream").await;
    let ended = one.get(&bob, "/api/stream").send().await.unwrap();
    let session = ended.headers()["campanile-session"]
        .to_str()
        .unwrap()
        .to_owned();

    assert_eq!(sign_out(&one, &bob).await, 204);

    for stream in [&mut near, &mut far] {
        let event = stream.next_named("session", WITHIN).await;
        assert_eq!(event.json()["ended"], json!(session));
    }
}

#[tokio::test]
async fn a_signal_of_a_kind_that_a_later_version_sends_is_passed_over() {
    let url = database();
    let hub = hub(&url).await;
    let bob = hub.user("bob").await;
    let id = publish(&hub, "bob").await;
    let mut stream = hub.connected(&bob, "/api/stream").await;

    let later = "SELECT campanile_signal('later', 'bob', 'unheard of'), \
                 campanile_signal('state', 'bob', '0 {\"pinned\":true}')";
    Postgres::shared().sql(&url, later);

    let unclear = next_state(&mut stream).await;
    assert!(unclear["ids"].is_null() && unclear["upTo"].is_null());
    assert_eq!(unclear["unread"], 1, "{unclear}");
    let path = format!("/api/alarms/{id}/read");
    act(&hub, &bob, ("POST", &path, json!({}))).await;
    assert_eq!(next_state(&mut stream).await["unread"], 0);
}
