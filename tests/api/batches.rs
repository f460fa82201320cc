//! Several alarms in one request: all or none, in their order.

use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::support::{DEADLINE, TestApp};

fn to(user: &str) -> Value {
    json!({"to": {"user": user}, "alarmType": "T"})
}

#[tokio::test]
async fn a_batch_is_stored_in_its_order_and_its_repetition_once() {
    let app = TestApp::embedded().await;
    let (bob, _carol) = (app.user("bob").await, app.user("carol").await);
    app.room("lobby").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let items = json!([
        to("bob"),
        {"to": {"users": ["carol", "bob"]}, "alarmType": "T"},
        {"to": {"room": "lobby"}, "alarmType": "T"},
        {"to": {"everyone": true}, "alarmType": "T"},
        to("bob"),
    ]);
    let publish = async |items: &Value| {
        let request = app.post(&app.service(), "/api/alarms").json(items);
        answer(request.header("Idempotency-Key", "batch-1"), 201).await
    };

    let first = publish(&items).await;

    let results = first["results"].as_array().unwrap();
    let topics: Vec<Vec<&str>> = results
        .iter()
        .map(|result| {
            let alarms = result["alarms"].as_array().unwrap().iter();
            alarms
                .map(|alarm| alarm["topic"].as_str().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(
        topics,
        [
            vec!["user:bob"],
            vec!["user:carol", "user:bob"],
            vec!["room:lobby"],
            vec!["everyone"],
            vec!["user:bob"],
        ]
    );
    let ids: Vec<i64> = results
        .iter()
        .flat_map(|result| result["alarms"].as_array().unwrap())
        .map(|alarm| alarm["id"].as_i64().unwrap())
        .collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    assert_eq!(publish(&items).await, first, "the first answer again");
    for id in [ids[0], ids[2], ids[4], ids[5]] {
        assert_eq!(stream.next_named("alarm", DEADLINE).await.number(), id);
    }
    let other = app
        .post(&app.service(), "/api/alarms")
        .json(&json!([to("bob")]));
    let other = other.header("Idempotency-Key", "batch-1");
    refusal(other, 422, "idempotency_mismatch").await;
    let one = answer(app.get(&bob, &format!("/api/alarms/{}", ids[4])), 200).await;
    assert_eq!(one["topic"], "everyone");
    for not_mine in [ids[1], ids[3], 0, ids[5] + 1] {
        let path = format!("/api/alarms/{not_mine}");
        refusal(app.get(&bob, &path), 404, "alarm_not_found").await;
    }
}

#[tokio::test]
async fn a_fault_in_a_batch_is_named_with_its_item_and_nothing_is_stored() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let publish = |token: &str, items: &Value| app.post(token, "/api/alarms").json(items);
    let service = app.service();
    let many = |count: usize| Value::from(vec![to("bob"); count]);
    let users: Vec<String> = (0..600).map(|number| format!("u{number}")).collect();
    let crowd = json!({"to": {"users": users}, "alarmType": "T"});

    for (items, code, named) in [
        (
            json!([to("bob"), to("zoe")]),
            "unknown_user",
            "[1].to.user: unknown user zoe",
        ),
        (
            json!([to("bob"), {"to": {"users": ["bob", "zoe"]}, "alarmType": "T"}]),
            "unknown_user",
            "[1].to.users: ",
        ),
        (
            json!([{"to": {"room": "nowhere"}, "alarmType": "T"}]),
            "unknown_room",
            "[0].to.room: ",
        ),
        (
            json!([to("bob"), to("bob"), {"to": {"user": "a b"}, "alarmType": "T"}]),
            "invalid_field",
            "[2].to",
        ),
        (
            json!([to("bob"), {"to": {"user": "bob"}, "alarmType": "t"}]),
            "invalid_field",
            "[1].alarmType: ",
        ),
        (
            json!([{"to": {"user": "bob"}, "alarmType": "T", "expiresInSeconds": 0}]),
            "invalid_field",
            "[0].expiresInSeconds: ",
        ),
        (
            json!([to("bob"), {"to": {"user": "bob"}, "alarmType": "T", "tpyo": 1}]),
            "unknown_field",
            "[1]",
        ),
        (json!([]), "invalid_field", "1 to 1000"),
        (many(1_001), "invalid_field", "1 to 1000"),
        (json!([crowd, crowd]), "invalid_field", "at most 1000"),
    ] {
        let problem = refusal(publish(&service, &items), 422, code).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{named}: {detail}");
    }
}

#[tokio::test]
async fn each_item_of_a_batch_is_within_the_rights_of_its_publisher() {
    let app = TestApp::embedded().await;
    let (bob, service) = (app.user("bob").await, app.service());
    let publish = |token: &str, items: &Value| app.post(token, "/api/alarms").json(items);
    let many = |count: usize| Value::from(vec![to("bob"); count]);

    refusal(publish(&bob, &json!([to("bob")])), 403, "forbidden").await;
    let wanted = json!({"name": "shop", "scopes": ["publish:user"], "topics": ["user:bob"]});
    let making = app.post(&app.admin(), "/api/admin/keys").json(&wanted);
    let key = answer(making, 201).await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let mixed = json!([to("bob"), to("zoe")]);
    refusal(publish(&key, &mixed), 403, "topic_not_allowed").await;
    let mixed = json!([to("bob"), {"to": {"everyone": true}, "alarmType": "T"}]);
    refusal(publish(&key, &mixed), 403, "missing_scope_publish_everyone").await;
    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"], json!([]), "nothing was stored");
    answer(publish(&service, &many(1_000)), 201).await;
}
