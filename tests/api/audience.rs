//! The recipients of an alarm: exactly one kind each, and none of them if one is unknown.

use serde_json::{Value, json};

use crate::answers::{answer, invalid, refusal};
use crate::publishing::{count, publish};
use crate::support::TestApp;

#[tokio::test]
async fn every_kind_of_recipient_has_its_topic() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let topics = async |to: Value| -> Vec<String> {
        let body = json!({"to": to, "alarmType": "T"});
        let answer = answer(publish(&app, &body), 201).await;
        let alarms = answer["alarms"].as_array().unwrap().clone();
        alarms
            .iter()
            .map(|alarm| alarm["topic"].as_str().unwrap().to_owned())
            .collect()
    };

    assert_eq!(topics(json!({"user": "bob"})).await, ["user:bob"]);
    assert_eq!(
        topics(json!({"users": ["carol", "bob"]})).await,
        ["user:carol", "user:bob"]
    );
    assert_eq!(topics(json!({"everyone": true})).await, ["everyone"]);
    assert_eq!(topics(json!({"role": "admin"})).await, ["role:admin"]);
    assert_eq!(topics(json!({"room": "lobby"})).await, ["room:lobby"]);
}

#[tokio::test]
async fn a_thousand_users_are_addressed_at_once_and_not_one_more() {
    let app = TestApp::embedded().await;
    let users: Vec<Value> = (0..1001)
        .map(|i| json!({"id": format!("user{i}")}))
        .collect();
    answer(
        app.post(&app.service(), "/api/users").json(&users[..1000]),
        200,
    )
    .await;
    answer(
        app.post(&app.service(), "/api/users").json(&users[1000..]),
        200,
    )
    .await;
    let ids: Vec<String> = (0..1001).map(|i| format!("user{i}")).collect();

    let body = json!({"to": {"users": &ids[..1000]}, "alarmType": "T"});
    let published = answer(publish(&app, &body), 201).await;

    let ids_given: Vec<i64> = published["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alarm| alarm["id"].as_i64().unwrap())
        .collect();
    let expected: Vec<i64> = (ids_given[0]..ids_given[0] + 1000).collect();
    assert_eq!(ids_given, expected);
    invalid(
        publish(&app, &json!({"to": {"users": ids}, "alarmType": "T"})),
        "to",
    )
    .await;
    invalid(
        publish(&app, &json!({"to": {"users": []}, "alarmType": "T"})),
        "to",
    )
    .await;
}

#[tokio::test]
async fn with_one_unknown_recipient_nothing_is_stored() {
    let app = TestApp::embedded().await;
    let bob = app.user("bob").await;

    for to in [
        json!({"user": "nobody"}),
        json!({"users": ["bob", "nobody"]}),
    ] {
        let body = json!({"to": to, "alarmType": "T"});
        let problem = refusal(publish(&app, &body), 422, "unknown_user").await;
        assert!(
            problem["detail"].as_str().unwrap().contains("nobody"),
            "{problem}"
        );
    }
    let body = json!({"to": {"room": "nowhere"}, "alarmType": "T"});
    refusal(publish(&app, &body), 422, "unknown_room").await;

    assert_eq!(count(&app, &bob).await, 0);
    assert_eq!(app.publish(json!({"user": "bob"}), "FIRST").await, 1);
}

#[tokio::test]
async fn a_recipient_is_exactly_one_kind() {
    let app = TestApp::embedded().await;
    app.user("bob").await;

    for to in [
        json!({}),
        json!({"user": "bob", "everyone": true}),
        json!({"everyone": false}),
        json!({"role": "user"}),
        json!({"role": "everyone"}),
        json!({"user": "not an id"}),
        json!({"room": "not a room"}),
    ] {
        eprintln!("{to}");
        invalid(publish(&app, &json!({"to": to, "alarmType": "T"})), "to").await;
    }
    refusal(
        publish(&app, &json!({"alarmType": "T"})),
        422,
        "missing_field",
    )
    .await;
    let unknown = json!({"to": {"group": "g"}, "alarmType": "T"});
    refusal(publish(&app, &unknown), 422, "unknown_field").await;
}
