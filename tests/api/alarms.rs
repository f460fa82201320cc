//! Publishing: who to, what, once.

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::{answer, invalid, problem, refusal, send};
use crate::auth::is_time;
use crate::crowd::crowd;
use crate::database::lock;
use crate::support::{DEADLINE, TestApp, until};

fn publish(app: &TestApp, body: &Value) -> RequestBuilder {
    app.post(&app.service(), "/api/alarms").json(body)
}

fn keyed(app: &TestApp, token: &str, key: &str, body: &Value) -> RequestBuilder {
    app.post(token, "/api/alarms")
        .header("Idempotency-Key", key)
        .json(body)
}

async fn inbox(app: &TestApp, token: &str) -> Value {
    answer(app.get(token, "/api/alarms?limit=100"), 200).await
}

async fn count(app: &TestApp, token: &str) -> usize {
    inbox(app, token).await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn an_alarm_is_stored_as_it_was_published() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let published = answer(
        publish(
            &app,
            &json!({"to": {"user": "bob"}, "alarmType": "NEW_COMMENT_ON_POST", "fromUserId": "alice",
                "targetId": 17, "data": {"title": "Hello", "n": [1, null, "é"]}, "url": "/posts/17"}),
        ),
        201,
    )
    .await;

    let id = published["alarms"][0]["id"].as_i64().unwrap();
    assert_eq!(
        published,
        json!({"alarms": [{"id": id, "topic": "user:bob"}]})
    );
    let mut alarm = inbox(&app, &bob).await["items"][0].take();
    let created = alarm["createdAt"].take();
    assert!(is_time(created.as_str().unwrap()), "{created}");
    assert_eq!(
        alarm,
        json!({"id": id, "topic": "user:bob", "alarmType": "NEW_COMMENT_ON_POST", "fromUserId": "alice",
            "targetId": "17", "data": {"title": "Hello", "n": [1, null, "é"]}, "url": "/posts/17",
            "createdAt": null, "expiresAt": null, "seenAt": null, "readAt": null})
    );
}

#[tokio::test]
async fn what_is_not_given_is_null() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    app.publish(json!({"user": "bob"}), "BARE").await;

    let alarm = inbox(&app, &bob).await["items"][0].take();
    for field in [
        "fromUserId",
        "targetId",
        "data",
        "url",
        "expiresAt",
        "seenAt",
        "readAt",
    ] {
        assert_eq!(alarm.get(field), Some(&Value::Null), "{field}: {alarm}");
    }
}

#[tokio::test]
async fn every_kind_of_recipient_has_its_topic() {
    let app = TestApp::spawn().await;
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
async fn an_admin_publishes_as_well() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    answer(app.post(&app.admin(), "/api/alarms").json(&body), 201).await;

    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_thousand_users_are_addressed_at_once_and_not_one_more() {
    let app = TestApp::spawn().await;
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
    let app = TestApp::spawn().await;
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
    let app = TestApp::spawn().await;
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

#[tokio::test]
async fn an_alarm_is_checked_field_by_field() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let with = |field: &str, value: Value| {
        let mut body = json!({"to": {"user": "bob"}, "alarmType": "T"});
        body[field] = value;
        publish(&app, &body)
    };

    for alarm_type in [
        "",
        "lower",
        "1A",
        "_A",
        "A B",
        "A-B",
        "A\nB",
        "A\r",
        "Ä",
        &"A".repeat(65),
    ] {
        eprintln!("{alarm_type:?}");
        invalid(with("alarmType", json!(alarm_type)), "alarmType").await;
    }
    for target in [
        json!("x".repeat(129)),
        json!(true),
        json!([1]),
        json!({"a": 1}),
    ] {
        eprintln!("{target}");
        invalid(with("targetId", target), "targetId").await;
    }
    for url in [
        "",
        "posts/17",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "ftp://a.example/",
        "/a\nb",
    ] {
        eprintln!("{url:?}");
        invalid(with("url", json!(url)), "url").await;
    }
    for from in ["", "not an id", "a\nb"] {
        invalid(with("fromUserId", json!(from)), "fromUserId").await;
    }
    for seconds in [json!(0), json!(-1), json!("soon"), json!(1.5)] {
        eprintln!("{seconds}");
        invalid(with("expiresInSeconds", seconds), "expiresInSeconds").await;
    }
    let typo = refusal(with("targetID", json!(1)), 422, "unknown_field").await;
    assert!(typo["detail"].as_str().unwrap().contains("targetID"));
    refusal(
        publish(&app, &json!({"to": {"user": "bob"}})),
        422,
        "missing_field",
    )
    .await;
}

#[tokio::test]
async fn the_values_at_the_edge_are_taken() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let largest = "x".repeat(16 * 1024 - 2);

    for (field, value) in [
        ("alarmType", json!("A".repeat(64))),
        ("alarmType", json!("A_1")),
        ("targetId", json!("ж".repeat(128))),
        ("targetId", json!(12_345_678_901_i64)),
        ("url", json!("/")),
        ("url", json!("https://a.example/b?c=d#e")),
        ("data", json!(largest)),
        ("data", json!("\u{0}\r\n\u{2028}")),
    ] {
        eprintln!("{field}");
        let mut body = json!({"to": {"user": "bob"}, "alarmType": "T"});
        body[field] = value.clone();
        answer(publish(&app, &body), 201).await;

        let stored = inbox(&app, &bob).await["items"][0][field].take();
        let expected = value
            .as_i64()
            .map_or(value, |number| json!(number.to_string()));
        assert!(stored == expected, "{field} as it was given");
    }
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "data": format!("{largest}x")});
    invalid(publish(&app, &body), "data").await;
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused() {
    let app = TestApp::spawn().await;

    let request = app
        .post(&app.service(), "/api/alarms")
        .header("Content-Type", "application/json")
        .body(" ".repeat(1024 * 1024 + 1));

    refusal(request, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let app = TestApp::spawn().await;
    let post = |body: &'static str| {
        app.post(&app.service(), "/api/alarms")
            .header("Content-Type", "application/json")
            .body(body)
    };

    for body in [
        "",
        "{",
        "{\"to\":}",
        "nonsense",
        "{\"to\":{\"everyone\":true},\"alarmType\":\"T\"} {}",
    ] {
        eprintln!("{body}");
        refusal(post(body), 400, "malformed_json").await;
    }
}

#[tokio::test]
async fn ids_are_dense_however_many_publish_at_once() {
    let app = TestApp::spawn().await;
    app.user("bob").await;

    let publishers = (0..50).map(|_| app.publish(json!({"user": "bob"}), "T"));
    let mut ids = join_all(publishers).await;

    ids.sort_unstable();
    let expected: Vec<i64> = (1..=50).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_refused_publish_leaves_no_hole_in_the_ids() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let first = app.publish(json!({"user": "bob"}), "T").await;

    let body = json!({"to": {"user": "nobody"}, "alarmType": "T"});
    refusal(publish(&app, &body), 422, "unknown_user").await;

    assert_eq!(app.publish(json!({"user": "bob"}), "T").await, first + 1);
}

#[tokio::test]
async fn the_same_key_again_gives_the_first_answer_and_stores_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let body = json!({"to": {"users": ["bob", "carol"]}, "alarmType": "T"});
    let service = app.service();

    let first = answer(keyed(&app, &service, "key-1", &body), 201).await;
    let again = answer(keyed(&app, &service, "key-1", &body), 201).await;
    let other = answer(keyed(&app, &service, "key-2", &body), 201).await;

    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(count(&app, &bob).await, 2);
}

#[tokio::test]
async fn the_same_key_sent_many_times_at_once_stores_one_alarm() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let service = app.service();

    let answers = join_all((0..20).map(|_| answer(keyed(&app, &service, "key", &body), 201))).await;

    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let service = app.service();
    let body = |alarm_type: &str| json!({"to": {"user": "bob"}, "alarmType": alarm_type});

    answer(keyed(&app, &service, "key", &body("ONE")), 201).await;
    refusal(
        keyed(&app, &service, "key", &body("TWO")),
        422,
        "idempotency_mismatch",
    )
    .await;

    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_publisher() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    let one = answer(keyed(&app, &app.service(), "key", &body), 201).await;
    let other = answer(keyed(&app, &app.admin(), "key", &body), 201).await;

    assert_ne!(one, other);
    assert_eq!(count(&app, &bob).await, 2);
}

#[tokio::test]
async fn a_key_outlives_a_restart() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let first = answer(keyed(&app, &app.service(), "key", &body), 201).await;

    app.restart().await;

    let again = answer(keyed(&app, &app.service(), "key", &body), 201).await;
    assert_eq!(first, again);
    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn a_key_is_1_to_128_characters() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    answer(keyed(&app, &service, &"k".repeat(128), &body), 201).await;
    for key in [String::new(), "k".repeat(129)] {
        refusal(keyed(&app, &service, &key, &body), 422, "invalid_field").await;
    }
}

#[tokio::test]
async fn a_refused_publish_does_not_use_up_its_key() {
    let app = TestApp::spawn().await;
    let service = app.service();
    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});

    refusal(keyed(&app, &service, "key", &body), 422, "unknown_user").await;
    app.user("bob").await;

    answer(keyed(&app, &service, "key", &body), 201).await;
}

#[tokio::test]
async fn an_alarm_past_its_time_is_neither_listed_nor_counted_nor_replayed() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "SHORT", "expiresInSeconds": 1});
    answer(publish(&app, &body), 201).await;
    let lasting = json!({"to": {"user": "bob"}, "alarmType": "LONG", "expiresInSeconds": 3600});
    answer(publish(&app, &lasting), 201).await;
    let expires = inbox(&app, &bob).await["items"][0]["expiresAt"].take();
    assert!(is_time(expires.as_str().unwrap()), "{expires}");

    until("the end of the short one", DEADLINE, async || {
        let inbox = inbox(&app, &bob).await;
        (inbox["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;

    let listed = inbox(&app, &bob).await;
    assert_eq!(listed["items"][0]["alarmType"], "LONG");
    assert_eq!(listed["meta"]["unread"], 1);
    assert_eq!(listed["meta"]["unseen"], 1);
    let mut stream = app.connected(&bob, "/api/stream?cursor=0").await;
    let replayed = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(replayed.json()["alarmType"], "LONG");
}

#[tokio::test]
async fn a_publish_is_answered_after_its_commit() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let response = send(publish(
        &app,
        &json!({"to": {"user": "bob"}, "alarmType": "T"}),
    ))
    .await;
    app.kill().await;
    assert_eq!(response.status(), 201);
    app.restart().await;

    assert_eq!(count(&app, &bob).await, 1);
}

#[tokio::test]
async fn more_than_can_wait_to_be_stored_is_answered_503_and_stored_not_at_all() {
    let app = TestApp::spawn().await;
    let users = crowd(&app, 1000).await;
    let ids: Vec<String> = (0..1000).map(|i| format!("member{i}")).collect();
    let body = json!({"to": {"users": ids}, "alarmType": "T"});

    let held = lock(&app);
    let mut publishing: FuturesUnordered<_> = (0..24).map(|_| send(publish(&app, &body))).collect();
    // Nothing can be stored yet, so the first answer is a refusal; then everything that waits may go on.
    let mut answers = vec![publishing.next().await.unwrap()];
    drop(held);
    answers.extend(publishing.collect::<Vec<_>>().await);

    let stored = answers
        .iter()
        .filter(|answer| answer.status() == 201)
        .count();
    assert!(stored < answers.len(), "some were turned away");
    for answer in answers {
        if answer.status() != 201 {
            assert!(answer.headers().contains_key("retry-after"));
            problem(answer, 503, "overloaded").await;
        }
    }
    assert_eq!(count(&app, &users[0]).await, stored);
}
