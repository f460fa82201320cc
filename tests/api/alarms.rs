//! Publishing: what an alarm may hold, when it is stored, how long it lasts.

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::answers::is_time;
use crate::answers::{answer, invalid, problem, refusal, send};
use crate::crowd::crowd;
use crate::database::lock;
use crate::publishing::{count, inbox, publish};
use crate::support::{DEADLINE, TestApp, until};

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
async fn an_admin_publishes_as_well() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let body = json!({"to": {"user": "bob"}, "alarmType": "T"});
    answer(app.post(&app.admin(), "/api/alarms").json(&body), 201).await;

    assert_eq!(count(&app, &bob).await, 1);
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

#[tokio::test]
async fn a_refusal_names_what_is_wrong_and_all_of_it() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let service = app.service();
    let send = |body: String| {
        app.post(&service, "/api/alarms")
            .header("Content-Type", "application/json")
            .body(body)
    };
    let deep = "[".repeat(200) + &"]".repeat(200);
    let with_data =
        |data: &str| format!("{{\"to\":{{\"user\":\"bob\"}},\"alarmType\":\"T\",\"data\":{data}}}");
    for (body, code, words) in [
        (
            with_data("1e999"),
            "invalid_field",
            &["data", "out of range"][..],
        ),
        (with_data(&deep), "invalid_field", &["data", "deeper than"]),
        (
            r#"{"to":{"user":"bob"},"alarmType":"T","expiresInSeconds":1e999}"#.to_owned(),
            "invalid_field",
            &["expiresInSeconds", "out of range"],
        ),
        (
            r#"{"to":"bob","alarmType":"T"}"#.to_owned(),
            "invalid_field",
            &["to: ", "one of user, users, everyone, role, room"],
        ),
        (
            r#"{"to":{"users":["dave","bob","erin","zoe"]},"alarmType":"T"}"#.to_owned(),
            "unknown_user",
            &["unknown users dave, erin, zoe: PUT /api/users/{id} first, or CAMPANILE_USERS=any"],
        ),
        (
            r#"{"to":{"user":"dave"},"alarmType":"T"}"#.to_owned(),
            "unknown_user",
            &["unknown user dave: PUT"],
        ),
    ] {
        let problem = refusal(send(body), 422, code).await;
        let detail = problem["detail"].as_str().unwrap();
        for word in words {
            assert!(detail.contains(word), "{word:?} in {detail:?}");
        }
    }
}
