//! Each change of an inbox at one hub shows on the streams of all of them, in one order.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::hubs::{WITHIN, database, hub, publish, sign_out, status};
use crate::link::{Conduct, Link};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign, until};

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

#[tokio::test]
async fn an_alarm_retracted_at_one_hub_is_gone_at_the_other_with_its_streams_told() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let pair = json!({"to": {"user": "bob"}, "alarmType": "TEST", "targetId": "17"});
    let mut bells = Vec::new();
    for hub in [&one, &other] {
        bells.push(hub.connected(&bob, "/api/stream").await);
    }
    let publishing = one.post(&one.service(), "/api/alarms").json(&pair);
    let published: Value = publishing.send().await.unwrap().json().await.unwrap();
    let id = &published["alarms"][0]["id"];
    for bell in &mut bells {
        bell.next_named("alarm", WITHIN).await;
    }

    let path = "/api/alarms?targetId=17&alarmType=TEST&user=bob";
    let retracting = one.delete(&one.service(), path).send().await.unwrap();
    let retracted: Value = retracting.json().await.unwrap();

    assert_eq!(retracted, json!({"deleted": 1, "more": false}));
    for (hub, bell) in [&one, &other].into_iter().zip(&mut bells) {
        let state = next_state(bell).await;
        assert_eq!(state["ids"], json!([id]));
        assert_eq!(state["deleted"], true);
        assert_eq!(told(&state), (json!(0), json!(0)));
        assert_eq!(counts(hub, &bob).await, (json!(0), json!(0)));
        let cursor = id.as_i64().unwrap() - 1;
        let path = format!("/api/stream?cursor={cursor}");
        let poll = hub.get(&bob, &path).header("Accept", "application/json");
        let poll: Value = poll.send().await.unwrap().json().await.unwrap();
        assert_eq!(poll["events"], json!([]), "memory has forgotten it");
    }
}

#[tokio::test]
async fn an_alarm_pruned_at_one_hub_is_told_to_open_streams_at_the_other() {
    let url = database();
    let one = hub(&url).await;
    let bob = one.user("bob").await;
    let id = publish(&one, "bob").await;
    let mut bell = one.connected(&bob, "/api/stream").await;
    Postgres::shared().sql(
        &url,
        "UPDATE alarms SET created_at = created_at - 200 * 24 * 3600 * 1000::bigint",
    );

    // A hub prunes when it starts.
    let other = AppBuilder::default()
        .env("CAMPANILE_DATABASE_URL", &url)
        .env("CAMPANILE_RETENTION_DAYS", "1")
        .spawn()
        .await;

    let state = next_state(&mut bell).await;
    assert_eq!(state["ids"], json!([id]));
    assert_eq!(state["expired"], true);
    assert_eq!(told(&state), (json!(0), json!(0)));
    for hub in [&one, &other] {
        assert_eq!(counts(hub, &bob).await, (json!(0), json!(0)));
    }
}

/// Publishes alarms to bob, as many as two batches of marks and some more; returns the first and the last id.
async fn publish_many(hub: &TestApp) -> (i64, i64) {
    let one = json!({"to": {"user": "bob"}, "alarmType": "TEST"});
    let mut ids = Vec::new();
    for count in [1_000, 100] {
        let items = vec![one.clone(); count];
        let publishing = hub.post(&hub.service(), "/api/alarms").json(&items);
        let answer = publishing.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        let results = answer["results"].as_array().unwrap().iter();
        ids.extend(results.map(|one| one["alarms"][0]["id"].as_i64().unwrap()));
    }
    assert_eq!(ids.len(), 1_100);
    (ids[0], ids[1_099])
}

#[tokio::test]
async fn a_long_mark_that_fails_halfway_is_told_at_the_other_hub_as_far_as_it_came() {
    let url = database();
    let (one, other) = (hub(&url).await, hub(&url).await);
    let bob = one.user("bob").await;
    let (first, last) = publish_many(&one).await;
    let mut stream = other.connected(&bob, "/api/stream").await;
    let refuse = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON receipts FOR EACH ROW WHEN (NEW.alarm_id >= {}) EXECUTE FUNCTION refuse()",
        first + 1_000
    );
    Postgres::shared().sql(&url, &refuse);

    let reading = one
        .post(&bob, "/api/alarms/read")
        .json(&json!({"upTo": last}));
    let answer = reading.send().await.unwrap();

    assert!(answer.status().is_server_error(), "{}", answer.status());
    let mut state = next_state(&mut stream).await;
    while told(&state) != (json!(100), json!(100)) {
        assert!(state["ids"].is_null() && state["upTo"].is_null(), "{state}");
        state = next_state(&mut stream).await;
    }
    Postgres::shared().sql(&url, "DROP TRIGGER refuse ON receipts");
    act(
        &one,
        &bob,
        ("POST", "/api/alarms/read", json!({"upTo": last})),
    )
    .await;
    while state["upTo"].is_null() {
        state = next_state(&mut stream).await;
    }
    assert_eq!(state["upTo"], last);
    assert_eq!(told(&state), (json!(0), json!(0)));
}
