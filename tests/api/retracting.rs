//! Alarms that a back end retracts: they leave every inbox at once, and open streams are told.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::api_keys::key;
use crate::publishing::{ids, inbox};
use crate::support::{AppBuilder, DEADLINE, TestApp};

/// Publishes an alarm about a thing; gives its id.
async fn about(app: &TestApp, to: Value, target: &str) -> i64 {
    let alarm = json!({"to": to, "alarmType": "T", "targetId": target});
    let publishing = app.post(&app.service(), "/api/alarms").json(&alarm);
    let id = answer(publishing, 201).await["alarms"][0]["id"].take();
    id.as_i64().unwrap()
}

fn retracting(app: &TestApp, by: &str, target: &str, user: &str) -> RequestBuilder {
    let user = match user {
        "" => String::new(),
        user => format!("&user={user}"),
    };
    let path = format!("/api/alarms?targetId={target}&alarmType=T{user}");
    app.delete(by, &path)
}

#[tokio::test]
async fn a_retracted_alarm_is_gone_from_every_list_count_and_replay_and_is_told() {
    let app = TestApp::embedded().await;
    app.room("lobby").await;
    let (bob, carol) = (app.user("bob").await, app.user("carol").await);
    let kept = about(&app, json!({"user": "bob"}), "other").await;
    let own = about(&app, json!({"user": "bob"}), "42").await;
    let of_all = about(&app, json!({"everyone": true}), "42").await;
    about(&app, json!({"user": "carol"}), "42").await;
    about(&app, json!({"room": "lobby"}), "42").await;
    let mut bell = app.connected(&bob, "/api/stream").await;

    let done = answer(retracting(&app, &app.service(), "42", ""), 200).await;

    assert_eq!(done, json!({"deleted": 3, "more": false}));
    let state = bell.next_named("state", DEADLINE).await.json();
    assert_eq!(state["deleted"], true);
    assert_eq!(state["ids"], json!([own, of_all]));
    assert_eq!((&state["unseen"], &state["unread"]), (&json!(1), &json!(1)));
    let page = inbox(&app, &bob).await;
    assert_eq!(ids(&page), [kept]);
    assert_eq!(page["meta"]["unread"], 1);
    assert_eq!(inbox(&app, &carol).await["items"], json!([]));
    let counts = answer(app.get(&bob, "/api/alarms/counts"), 200).await;
    assert_eq!(counts["types"], json!({"T": {"unseen": 1, "unread": 1}}));
    for id in [own, of_all] {
        let path = format!("/api/alarms/{id}");
        refusal(app.get(&bob, &path), 404, "alarm_not_found").await;
        refusal(
            app.post(&bob, &format!("{path}/read")),
            404,
            "alarm_not_found",
        )
        .await;
    }
    // From the log, and from memory.
    for cursor in [0, kept] {
        let path = format!("/api/stream?cursor={cursor}");
        let poll = app.get(&bob, &path).header("Accept", "application/json");
        let told = answer(poll, 200).await;
        let events = told["events"].as_array().unwrap();
        let alarms = events.iter().filter(|event| event["event"] == "alarm");
        let found: Vec<i64> = alarms.filter_map(|event| event["id"].as_i64()).collect();
        let wanted: &[i64] = if cursor == 0 { &[kept] } else { &[] };
        assert_eq!(found, wanted);
    }
    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    let again = answer(retracting(&app, &app.service(), "42", ""), 200).await;
    assert_eq!(again, json!({"deleted": 0, "more": false}));
    let later = about(&app, json!({"user": "bob"}), "42").await;
    assert_eq!(ids(&inbox(&app, &bob).await), [later, kept]);
}

#[tokio::test]
async fn who_may_retract_and_how_far() {
    let app = TestApp::embedded().await;
    let (bob, admin) = (app.user("bob").await, app.admin());
    app.user("bobby").await;
    app.user("carol").await;
    let to = |user: &str| json!({"user": user});
    let (_, wide) = key(&app, "wide", &["publish:user"], &[]).await;
    let topics = &["user:bo*", "room:*"];
    let (_, narrow) = key(&app, "narrow", &["publish:user", "publish:room"], topics).await;
    let (_, rooms) = key(&app, "rooms", &["publish:room"], &[]).await;
    let (_, others) = key(&app, "others", &["publish:user"], &["room:*"]).await;
    for user in ["bob", "bobby", "carol"] {
        about(&app, to(user), "1").await;
        about(&app, to(user), "2").await;
    }
    about(&app, json!({"everyone": true}), "2").await;
    about(&app, json!({"role": "admin"}), "2").await;

    refusal(retracting(&app, &bob, "1", "bob"), 403, "forbidden").await;
    let missing = "missing_scope_publish_user";
    refusal(retracting(&app, &rooms, "1", ""), 403, missing).await;
    refusal(retracting(&app, &rooms, "1", "bob"), 403, missing).await;
    for (by, user) in [(&others, ""), (&narrow, "carol")] {
        refusal(retracting(&app, by, "1", user), 403, "topic_not_allowed").await;
    }
    let unknown = app.delete(&bob, "/api/main/alarm?targetId=1&alarmType=T&user=carol");
    let own = answer(unknown, 200).await;
    assert_eq!(own, json!({"deleted": 1}), "that of bob alone");

    for (by, target, user, deleted) in [
        (&narrow, "1", "", 2),
        (&wide, "1", "bob", 0),
        (&wide, "1", "", 1),
        (&admin, "2", "carol", 1),
        (&wide, "2", "", 2),
    ] {
        let done = answer(retracting(&app, by, target, user), 200).await;
        let wanted = json!({"deleted": deleted, "more": false});
        assert_eq!(done, wanted, "{target} {user}");
    }
    let own = answer(retracting(&app, &admin, "2", ""), 200).await;
    assert_eq!(own, json!({"deleted": 2}), "from the inbox of the admin");
    let left = answer(retracting(&app, &app.service(), "2", ""), 200).await;
    assert_eq!(left["deleted"], 2, "for everyone and for admins");
    assert_eq!(
        send(retracting(&app, &app.service(), "2", "a b"))
            .await
            .status(),
        422
    );
}

#[tokio::test]
async fn a_call_retracts_a_thousand_alarms_the_newest_first_and_says_that_there_are_more() {
    let app = TestApp::embedded().await;
    let users: Vec<String> = (0..1000).map(|i| format!("user{i}")).collect();
    let made: Vec<Value> = users.iter().map(|id| json!({"id": id})).collect();
    answer(app.post(&app.service(), "/api/users").json(&made), 200).await;
    let first = about(&app, json!({"users": ["user3", "user4"]}), "9").await;
    about(&app, json!({"users": users}), "9").await;
    let token = app.user("user3").await;

    let done = answer(retracting(&app, &app.service(), "9", ""), 200).await;

    assert_eq!(done, json!({"deleted": 1000, "more": true}));
    assert_eq!(ids(&inbox(&app, &token).await), [first]);
    let rest = answer(retracting(&app, &app.service(), "9", ""), 200).await;
    assert_eq!(rest, json!({"deleted": 2, "more": false}));
}

#[tokio::test]
async fn a_retracted_alarm_stays_away_after_a_restart_and_repeats_its_first_answer() {
    let mut app = AppBuilder::default().spawn().await;
    let bob = app.user("bob").await;
    let body = json!({"to": {"user": "bob"}, "alarmType": "T", "targetId": 7});
    let publish = |app: &TestApp| {
        let request = app.post(&app.service(), "/api/alarms").json(&body);
        request.header("Idempotency-Key", "one")
    };
    let first = answer(publish(&app), 201).await;
    assert_eq!(
        answer(retracting(&app, &app.service(), "7", "bob"), 200).await["deleted"],
        1
    );

    app.stop().await;
    app.restart().await;

    let again = send(publish(&app)).await;
    assert!(again.status().is_success());
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["alarms"], first["alarms"]);
    assert_eq!(inbox(&app, &bob).await["items"], json!([]));
}
