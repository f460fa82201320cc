//! The states of alarms: seen, read, unread and deleted, separate for each user and sent to the user's own streams.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::is_time;
use crate::answers::{answer, refusal};
use crate::publishing::{ids, list, publish_many};
use crate::support::{DEADLINE, TestApp};

async fn publish_about(app: &TestApp, to: Value, target: &str, alarm_type: &str) -> i64 {
    let body = json!({"to": to, "targetId": target, "alarmType": alarm_type});
    let answer = answer(app.post(&app.service(), "/api/alarms").json(&body), 201).await;
    answer["alarms"][0]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn seen_and_read_go_up_to_an_id_and_leave_later_ones_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let published = publish_many(&app, "bob", 3).await;
    let up_to = |path: &str, id: i64| {
        answer(
            app.post(&bob, &format!("/api/alarms/{path}"))
                .json(&json!({"upTo": id})),
            200,
        )
    };

    let seen = up_to("seen", published[1]).await;
    let read = up_to("read", published[0]).await;

    assert_eq!((&seen["unseen"], &seen["unread"]), (&json!(1), &json!(3)));
    assert_eq!((&read["unseen"], &read["unread"]), (&json!(1), &json!(2)));
    let page = list(&app, &bob, "").await;
    let states: Vec<(bool, bool)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["seenAt"].is_string(), item["readAt"].is_string()))
        .collect();
    assert_eq!(states, [(false, false), (true, false), (true, true)]);
    assert!(is_time(page["items"][2]["readAt"].as_str().unwrap()));
}

#[tokio::test]
async fn reading_up_to_an_id_takes_alarms_for_everyone_along_for_me_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let id = app.publish(json!({"everyone": true}), "T").await;

    let bobs = answer(
        app.post(&bob, "/api/alarms/read")
            .json(&json!({"upTo": id})),
        200,
    )
    .await;

    assert_eq!(bobs["unread"], 0);
    assert_eq!(list(&app, &carol, "").await["meta"]["unread"], 1);
}

#[tokio::test]
async fn what_seen_and_read_are_given_is_checked() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    for path in ["/api/alarms/seen", "/api/alarms/read"] {
        refusal(app.post(&bob, path).json(&json!({})), 422, "missing_field").await;
        refusal(
            app.post(&bob, path).json(&json!({"upTo": "x"})),
            422,
            "invalid_field",
        )
        .await;
        refusal(
            app.post(&bob, path).json(&json!({"upto": 1})),
            422,
            "unknown_field",
        )
        .await;
        let broken = app
            .post(&bob, path)
            .header("Content-Type", "application/json")
            .body("{");
        refusal(broken, 400, "malformed_json").await;
    }
}

#[tokio::test]
async fn an_alarm_is_read_and_unread_as_often_as_one_likes() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;
    let mark = |what: &str| answer(app.post(&bob, &format!("/api/alarms/{id}/{what}")), 200);

    let first = mark("read").await;
    let second = mark("read").await;
    assert_eq!(first["id"], id);
    assert!(
        first["readAt"].is_string() && first["seenAt"].is_string(),
        "{first}"
    );
    assert_eq!(first, second);

    for _ in 0..2 {
        let unread = mark("unread").await;
        assert_eq!(unread["readAt"], Value::Null);
        assert_eq!(list(&app, &bob, "").await["meta"]["unread"], 1);
    }
}

#[tokio::test]
async fn an_alarm_that_is_not_mine_cannot_be_touched() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    app.room("lobby").await;
    let ids = [
        app.publish(json!({"user": "carol"}), "T").await,
        app.publish(json!({"role": "admin"}), "T").await,
        app.publish(json!({"room": "lobby"}), "T").await,
        999,
    ];

    for id in ids {
        for (method, path) in [
            (Method::POST, format!("/api/alarms/{id}/read")),
            (Method::POST, format!("/api/alarms/{id}/unread")),
            (Method::DELETE, format!("/api/alarms/{id}")),
        ] {
            eprintln!("{method} {path}");
            let request = app.request(method, &path).bearer_auth(&bob);
            refusal(request, 404, "alarm_not_found").await;
        }
    }
    assert_eq!(list(&app, &carol, "").await["meta"]["unread"], 1);
}

#[tokio::test]
async fn deleting_an_alarm_for_everyone_leaves_it_in_other_inboxes() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let id = app.publish(json!({"everyone": true}), "T").await;

    answer(app.delete(&bob, &format!("/api/alarms/{id}")), 204).await;

    let bobs = list(&app, &bob, "").await;
    assert_eq!(ids(&bobs), Vec::<i64>::new());
    assert_eq!(bobs["meta"]["unread"], 0);
    assert_eq!(ids(&list(&app, &carol, "").await), [id]);
    refusal(
        app.delete(&bob, &format!("/api/alarms/{id}")),
        404,
        "alarm_not_found",
    )
    .await;
    refusal(
        app.post(&bob, &format!("/api/alarms/{id}/read")),
        404,
        "alarm_not_found",
    )
    .await;
}

#[tokio::test]
async fn a_deleted_alarm_is_not_replayed() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let published = publish_many(&app, "bob", 3).await;
    answer(
        app.delete(&bob, &format!("/api/alarms/{}", published[1])),
        204,
    )
    .await;

    let mut stream = app.connected(&bob, "/api/stream?cursor=0").await;

    assert_eq!(
        stream.next_named("alarm", DEADLINE).await.number(),
        published[0]
    );
    assert_eq!(
        stream.next_named("alarm", DEADLINE).await.number(),
        published[2]
    );
}

#[tokio::test]
async fn all_alarms_of_a_target_and_a_type_are_deleted_at_once() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    publish_about(&app, json!({"user": "bob"}), "17", "COMMENT").await;
    publish_about(&app, json!({"everyone": true}), "17", "COMMENT").await;
    let other_type = publish_about(&app, json!({"user": "bob"}), "17", "LIKE").await;
    let other_target = publish_about(&app, json!({"user": "bob"}), "18", "COMMENT").await;
    let hers = publish_about(&app, json!({"user": "carol"}), "17", "COMMENT").await;
    let path = "/api/alarms?targetId=17&alarmType=COMMENT";

    let deleted = answer(app.delete(&bob, path), 200).await;
    let again = answer(app.delete(&bob, path), 200).await;

    assert_eq!(deleted, json!({"deleted": 2}));
    assert_eq!(again, json!({"deleted": 0}));
    assert_eq!(ids(&list(&app, &bob, "").await), [other_target, other_type]);
    assert_eq!(ids(&list(&app, &carol, "").await).len(), 2);
    assert_eq!(ids(&list(&app, &carol, "").await)[0], hers);
}

#[tokio::test]
async fn deleting_a_pair_wants_both_of_it() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    publish_about(&app, json!({"user": "bob"}), "17", "COMMENT").await;

    for query in ["", "?targetId=17", "?alarmType=COMMENT"] {
        eprintln!("{query}");
        let response = crate::answers::send(app.delete(&bob, &format!("/api/alarms{query}"))).await;
        assert_eq!(response.status(), 422);
    }

    assert_eq!(ids(&list(&app, &bob, "").await).len(), 1);
}

#[tokio::test]
async fn every_change_of_state_reaches_my_other_streams() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let ids = publish_many(&app, "bob", 4).await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    let one = |what: &str| {
        (
            Method::POST,
            format!("/api/alarms/{}{what}", ids[0]),
            Value::Null,
        )
    };
    let up_to = |what: &str| {
        let path = format!("/api/alarms/{what}");
        (Method::POST, path, json!({"upTo": ids[1]}))
    };
    let delete = (
        Method::DELETE,
        format!("/api/alarms/{}", ids[3]),
        Value::Null,
    );

    for ((method, path, body), told, unseen, unread) in [
        (one("/read"), json!({"ids": [ids[0]], "read": true}), 3, 3),
        (
            one("/unread"),
            json!({"ids": [ids[0]], "read": false}),
            3,
            4,
        ),
        (up_to("seen"), json!({"upTo": ids[1], "seen": true}), 2, 4),
        (
            up_to("read"),
            json!({"upTo": ids[1], "read": true, "seen": true}),
            2,
            2,
        ),
        (delete, json!({"ids": [ids[3]], "deleted": true}), 1, 1),
    ] {
        eprintln!("{method} {path}");
        let mut request = app.request(method, &path).bearer_auth(&bob);
        if !body.is_null() {
            request = request.json(&body);
        }
        assert!(crate::answers::send(request).await.status().is_success());

        let state = stream.next_event(DEADLINE).await;
        assert_eq!((state.name(), &state.id), ("state", &None), "{state:?}");
        let state = state.json();
        for (name, value) in told.as_object().unwrap() {
            assert_eq!(&state[name], value, "{name}: {state}");
        }
        assert_eq!(
            (&state["unseen"], &state["unread"]),
            (&json!(unseen), &json!(unread))
        );
        assert_eq!(state["head"], ids[3], "what the counts cover");
    }
}

#[tokio::test]
async fn a_change_of_state_is_told_to_nobody_else() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let mut hers = app.connected(&carol, "/api/stream").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;

    answer(app.post(&bob, &format!("/api/alarms/{id}/read")), 200).await;
    app.publish(json!({"user": "carol"}), "HERS").await;

    assert_eq!(hers.next_event(DEADLINE).await.name(), "alarm");
}

#[tokio::test]
async fn deleting_a_pair_is_told_to_my_other_streams() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let first = publish_about(&app, json!({"user": "bob"}), "17", "COMMENT").await;
    let second = publish_about(&app, json!({"user": "bob"}), "17", "COMMENT").await;
    let mut stream = app.connected(&bob, "/api/stream").await;

    answer(
        app.delete(&bob, "/api/alarms?targetId=17&alarmType=COMMENT"),
        200,
    )
    .await;

    let state = stream.next_named("state", DEADLINE).await.json();
    let mut told: Vec<i64> = serde_json::from_value(state["ids"].clone()).unwrap();
    told.sort_unstable();
    assert_eq!(told, [first, second]);
    assert_eq!(
        (&state["deleted"], &state["unread"]),
        (&json!(true), &json!(0))
    );
}

#[tokio::test]
async fn a_stored_alarm_keeps_its_state_over_a_restart() {
    let mut app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let published = publish_many(&app, "bob", 3).await;
    answer(
        app.post(&bob, &format!("/api/alarms/{}/read", published[0])),
        200,
    )
    .await;
    answer(
        app.delete(&bob, &format!("/api/alarms/{}", published[1])),
        204,
    )
    .await;
    let before = list(&app, &bob, "").await;

    app.restart().await;

    assert_eq!(list(&app, &bob, "").await, before);
}
