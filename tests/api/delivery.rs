//! The life of one alarm: for whom it was stored, where it was pushed, and what its recipients did with it.

use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::browsing::{html, page};
use crate::database::execute;
use crate::support::{AppBuilder, DEADLINE, SseClient, TestApp, until};

/// The life of an alarm, as an administrator sees it.
async fn life(app: &TestApp, id: i64, query: &str) -> Value {
    let path = format!("/api/admin/alarms/{id}/delivery{query}");
    let life = answer(app.get(&app.admin(), &path), 200).await;
    assert_eq!(life["unanswered"], json!([]), "{life}");
    assert!(!life.to_string().contains("127.0.0.1"), "no addresses");
    life
}

/// Each recipient with the number of pushes and the reason why there is none.
fn told(life: &Value) -> Vec<(String, usize, Value)> {
    let items = life["recipients"]["items"].as_array().unwrap();
    let one = |item: &Value| {
        let pushed = item["pushed"].as_array().unwrap().len();
        let user = item["userId"].as_str().unwrap().to_owned();
        (user, pushed, item["why"].clone())
    };
    items.iter().map(one).collect()
}

fn of(user: &str, pushed: usize, why: Value) -> (String, usize, Value) {
    (user.to_owned(), pushed, why)
}

/// Opens a stream; gives its name too.
async fn open(app: &TestApp, token: &str, path: &str) -> (SseClient, Value) {
    let mut stream = app.stream(token, path).await;
    let connect = stream.next_event(DEADLINE).await;
    (stream, connect.json()["clientId"].take())
}

/// The one recipient has these streams, and each push came after the alarm was stored.
fn pushed_to(life: &Value, mut expected: [&Value; 2]) {
    let pushes = life["recipients"]["items"][0]["pushed"].as_array().unwrap();
    let mut streams: Vec<&Value> = pushes.iter().map(|push| &push["clientId"]).collect();
    streams.sort_by_key(|one| one.to_string());
    expected.sort_by_key(|one| one.to_string());
    assert_eq!(streams, expected);
    let stored = life["alarm"]["createdAt"].as_str().unwrap();
    for push in pushes {
        assert!(push["at"].as_str().unwrap() >= stored, "{life}");
        assert_eq!(push["hub"].as_str().unwrap().len(), 8);
    }
}

/// An alarm for everyone, pushed to the two streams of one user.
async fn everyone_is_told(app: &TestApp, id: i64) {
    let everyone = told(&life(app, id, "").await);
    let expected = [
        of("admin", 0, json!("no_stream")),
        of("bob", 2, Value::Null),
        of("carol", 0, json!("no_stream")),
        of("dora", 0, json!("disabled")),
    ];
    for recipient in &expected {
        assert!(everyone.contains(recipient), "{recipient:?}: {everyone:?}");
    }
    let users: Vec<&String> = everyone.iter().map(|one| &one.0).collect();
    assert!(users.is_sorted(), "{users:?}");
}

/// The recipients one by one are those of a single page.
async fn pages_agree(app: &TestApp, id: i64) {
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = life(app, id, &format!("?limit=1{after}")).await;
        paged.extend(told(&page));
        match page["recipients"]["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, told(&life(app, id, "?limit=200").await));
}

#[tokio::test]
async fn an_alarm_tells_to_which_streams_it_was_pushed_and_why_to_no_other() {
    let app = TestApp::spawn().await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    app.user("dora").await;
    let disable = json!({"disabled": true});
    answer(app.put(&app.admin(), "/api/users/dora").json(&disable), 200).await;
    app.room("lobby").await;
    let (mut first, one) = open(&app, &bob, "/api/stream").await;
    let (mut second, two) = open(&app, &bob, "/api/stream?room=lobby").await;

    let personal = app.publish(json!({"user": "bob"}), "T").await;
    let shared = app.publish(json!({"everyone": true}), "T").await;
    let said = app.publish(json!({"room": "lobby"}), "T").await;
    for stream in [&mut first, &mut second] {
        while stream.next_named("alarm", DEADLINE).await.number() < shared {}
    }
    second.next_event(DEADLINE).await;

    let its_life = life(&app, personal, "").await;
    assert_eq!(told(&its_life), [of("bob", 2, Value::Null)]);
    assert_eq!(its_life["alarm"]["id"], personal);
    pushed_to(&its_life, [&one, &two]);

    everyone_is_told(&app, shared).await;

    assert_eq!(
        told(&life(&app, said, "").await),
        [of("bob", 1, Value::Null)]
    );
    let (_reads, _name) = open(&app, &carol, "/api/stream").await;
    let (alone, later) = ("?user=carol", app.user("erin").await);
    for (id, query, why) in [
        (said, alone, "other_topics"),
        (personal, alone, "not_addressed"),
        (shared, alone, "not_yet"),
        (shared, "?user=erin", "not_addressed"),
        (said, "?user=erin", "no_stream"),
    ] {
        let found = told(&life(&app, id, query).await);
        assert_eq!(
            found,
            [of(query.split('=').nth(1).unwrap(), 0, json!(why))],
            "{id}"
        );
    }
    assert!(!later.is_empty());

    pages_agree(&app, shared).await;
}

#[tokio::test]
async fn marks_and_replays_are_part_of_the_life_and_every_look_is_in_the_audit_log() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    assert_eq!(
        told(&life(&app, id, "").await),
        [of("bob", 0, json!("no_stream"))]
    );

    let mut late = app.stream(&bob, "/api/stream?cursor=0").await;
    late.next_named("alarm", DEADLINE).await;
    answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;
    let read = life(&app, id, "").await;
    assert_eq!(
        told(&read),
        [of("bob", 1, Value::Null)],
        "a replay is a push"
    );
    let bob_of = |life: &Value| life["recipients"]["items"][0].clone();
    assert!(bob_of(&read)["seenAt"].is_string() && bob_of(&read)["readAt"].is_string());
    assert_eq!(bob_of(&read)["deletedAt"], Value::Null);
    answer(app.delete(&bob, &format!("/api/alarms/{id}")), 204).await;
    let deleted = bob_of(&life(&app, id, "?user=bob").await);
    assert!(deleted["deletedAt"].is_string(), "{deleted}");

    let path = format!("/api/admin/alarms/{id}/delivery");
    for token in [&bob, &app.service()] {
        refusal(app.get(token, &path), 403, "forbidden").await;
    }
    for unknown in ["99999", "0", "x"] {
        let path = format!("/api/admin/alarms/{unknown}/delivery");
        refusal(app.get(&app.admin(), &path), 404, "alarm_not_found").await;
    }
    for bad in ["limit=0", "limit=201", "user=a%20b", "after=%0a"] {
        let path = format!("{path}?{bad}");
        refusal(app.get(&app.admin(), &path), 422, "invalid_field").await;
    }

    let audit = answer(app.get(&app.admin(), "/api/admin/audit"), 200).await;
    let entries = audit["entries"].as_array().unwrap().iter();
    let looks: Vec<&Value> = entries
        .filter(|one| one["action"] == "alarm.delivery")
        .collect();
    assert_eq!(looks.len(), 3, "{audit}");
    assert_eq!(looks[0]["detail"], json!({"user": "bob"}));
    for look in looks {
        assert_eq!(
            (&look["actor"], &look["target"]),
            (&json!("admin"), &json!(id.to_string()))
        );
    }
}

#[tokio::test]
async fn pushes_that_are_not_remembered_are_not_denied() {
    let mut app = AppBuilder::default()
        .env("CAMPANILE_RECENT_PUSHES", "0")
        .spawn()
        .await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    assert_eq!(
        told(&life(&app, id, "").await),
        [of("bob", 0, json!("pruned"))]
    );

    // A hub that was started again remembers nothing either.
    app.restart().await;
    until("the hub that was is gone", DEADLINE, async || {
        let path = format!("/api/admin/alarms/{id}/delivery");
        let life = answer(app.get(&app.admin(), &path), 200).await;
        (life["unanswered"] == json!([])).then_some(())
    })
    .await;
    assert_eq!(
        told(&life(&app, id, "").await),
        [of("bob", 0, json!("pruned"))]
    );

    execute(&app, &format!("DELETE FROM alarms WHERE id = {id}"));
    let pruned = life(&app, id, "?user=bob").await;
    assert_eq!(pruned["alarm"], Value::Null);
    assert_eq!(told(&pruned), [of("bob", 0, json!("pruned"))]);
}

#[tokio::test]
async fn an_admin_reads_the_life_of_an_alarm_on_a_page_in_both_languages() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let (mut stream, name) = open(&app, &bob, "/api/stream").await;
    let id = app.publish(json!({"everyone": true}), "MAINTENANCE").await;
    stream.next_named("alarm", DEADLINE).await;
    let path = format!("/admin/alarms/{id}");

    html(page(&app, &bob, &path), 403).await;
    html(page(&app, &app.admin(), "/admin/alarms/99999"), 404).await;
    let recent = html(page(&app, &app.admin(), "/admin/recent"), 200).await;
    assert!(recent.contains(&format!("href=\"{path}\"")), "{recent}");
    let english = html(page(&app, &app.admin(), &path), 200).await;
    assert!(english.contains(name.as_str().unwrap()), "{english}");
    assert!(english.contains("no stream is open"), "{english}");
    let of_carol = html(page(&app, &app.admin(), &format!("{path}?user=carol")), 200).await;
    assert!(!of_carol.contains(name.as_str().unwrap()), "{of_carol}");
    let korean = page(&app, &app.admin(), &path).header("Accept-Language", "ko");
    let korean = html(korean, 200).await;
    assert!(korean.contains("열린 스트림 없음"), "{korean}");
}
