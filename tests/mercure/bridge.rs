//! The bridge: alarms as private updates, for those who were granted exactly their topic.

use serde_json::json;

use crate::hub::{Hub, keys, next, next_ids, status, strict, token, token_0, url_escaped};
use crate::support::DEADLINE;

#[tokio::test]
async fn an_alarm_reaches_those_who_were_granted_exactly_its_topic() {
    let hub = Hub::ours(strict().env("CAMPANILE_MERCURE_BRIDGE", "on")).await;
    let app = hub.app();
    app.user("bob").await;
    app.user("eve").await;
    app.room("42").await;
    let topics = ["/users/bob/alarms", "/everyone", "/rooms/42"];
    let query: Vec<String> = topics
        .iter()
        .map(|topic| format!("match={}", url_escaped(topic.as_bytes())))
        .collect();
    let query = query.join("&");
    let mut bob = hub.subscribe(&token(&[], &topics), &query).await;
    let mut by_pattern = hub
        .subscribe(
            &token(&["*"], &["*"]),
            &format!("{query}&match=*&match=end"),
        )
        .await;
    let mut not_asked = hub
        .subscribe(
            &token(&[], &topics),
            "match=end&match_urlpattern=%2Fusers%2F%3Aid%2Falarms",
        )
        .await;
    let mut not_granted = hub
        .subscribe(
            &token(&[], &["/users/eve/alarms"]),
            &format!("{query}&match=end"),
        )
        .await;

    let first = app.publish(json!({"user": "bob"}), "FOR_BOB").await;
    app.publish(json!({"user": "eve"}), "FOR_EVE").await;
    let third = app.publish(json!({"everyone": true}), "FOR_ALL").await;
    hub.publish(&token(&["*"], &[]), &[("topic", "end"), ("id", "end")])
        .await;

    let (id, data) = next(&mut bob).await;
    let alarm: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&alarm["id"], &alarm["alarmType"]),
        (&json!(first), &json!("FOR_BOB"))
    );
    let (_, data) = next(&mut bob).await;
    assert!(
        data.contains("FOR_ALL") && data.contains(&third.to_string()),
        "{data}"
    );
    for other in [&mut by_pattern, &mut not_asked, &mut not_granted] {
        assert_eq!(next_ids(other, 1).await, ["end"]);
    }
    let resume = format!("{query}&last_event_id={}", url_escaped(id.as_bytes()));
    let mut resumed = hub.subscribe(&token(&[], &topics), &resume).await;
    assert!(next(&mut resumed).await.1.contains("FOR_ALL"));
    let whole = format!("{query}&match=end&last_event_id=earliest");
    let mut whole = hub.subscribe(&token(&[], &topics), &whole).await;
    assert!(next(&mut whole).await.1.contains("FOR_BOB"));
    assert!(next(&mut whole).await.1.contains("FOR_ALL"));
    assert_eq!(next_ids(&mut whole, 1).await, ["end"]);
}

#[tokio::test]
async fn what_was_retracted_or_for_a_deleted_account_is_not_replayed() {
    let hub = Hub::ours(strict().env("CAMPANILE_MERCURE_BRIDGE", "on")).await;
    let app = hub.app();
    app.user("bob").await;
    let topic = "/users/bob/alarms";
    let query = format!("match={}&match=end", url_escaped(topic.as_bytes()));
    app.publish(json!({"user": "bob"}), "FORMER").await;
    let deleting = app.delete(&app.service(), "/api/users/bob").send().await;
    assert_eq!(deleting.unwrap().status(), 204);
    app.user("bob").await;
    let about = json!({"to": {"user": "bob"}, "alarmType": "RETRACTED", "targetId": 1});
    let publishing = app.post(&app.service(), "/api/alarms").json(&about);
    assert_eq!(publishing.send().await.unwrap().status(), 201);
    let path = "/api/alarms?targetId=1&alarmType=RETRACTED";
    let retracting = app.delete(&app.service(), path).send().await.unwrap();
    let retracted: serde_json::Value = retracting.json().await.unwrap();
    assert_eq!(retracted["deleted"], 1);
    app.publish(json!({"user": "bob"}), "LATER").await;
    hub.publish(&token(&["*"], &[]), &[("topic", "end"), ("id", "end")])
        .await;

    let whole = format!("{query}&last_event_id=earliest");
    let mut whole = hub.subscribe(&token(&[], &[topic]), &whole).await;

    let (_, data) = next(&mut whole).await;
    assert!(data.contains("LATER"), "{data}");
    assert_eq!(next_ids(&mut whole, 1).await, ["end"]);
}

#[tokio::test]
async fn no_publisher_may_use_a_topic_of_the_bridge() {
    let hub = Hub::ours(strict().env("CAMPANILE_MERCURE_BRIDGE", "on")).await;
    let all = token(&["*"], &[]);

    for topic in [
        "/users/bob/alarms",
        "/everyone",
        "/rooms/42",
        "https://localhost/everyone",
        "../everyone",
    ] {
        assert_eq!(
            status(hub.post(&all, &[("topic", topic)])).await,
            400,
            "{topic}"
        );
    }
    assert_eq!(
        status(hub.post(&all, &[("topic", "/users/bob")])).await,
        200
    );
}

#[tokio::test]
async fn without_the_setting_there_is_no_bridge() {
    let hub = Hub::ours(keys()).await;
    let app = hub.app();
    app.user("bob").await;
    let all = token_0(&["*"], &["/users/bob/alarms", "*"]);
    let mut stream = hub.subscribe(&all, "topic=%2Fusers%2Fbob%2Falarms").await;

    app.publish(json!({"user": "bob"}), "FOR_BOB").await;
    hub.publish(&all, &[("topic", "/users/bob/alarms"), ("id", "own")])
        .await;

    let event = stream.next_event(DEADLINE).await;
    assert_eq!(event.id.as_deref(), Some("own"));
}
