//! The views and the actions of an admin.

use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::support::{DEADLINE, TestApp};

#[tokio::test]
async fn the_connections_are_listed_with_who_and_what() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let request = app
        .get(&bob, "/api/stream?room=lobby")
        .header("User-Agent", "a test/1.0");
    let mut stream = crate::support::SseClient::open(request).await;
    let client = stream.next_event(DEADLINE).await.json()["clientId"].take();
    app.connected(&app.service(), "/api/stream?topic=*").await;
    app.wait_for_connections(1, DEADLINE).await;

    let connections = app.connections().await;

    let connection = &connections[0];
    assert_eq!(connection["clientId"], client);
    assert_eq!(connection["userId"], "bob");
    assert_eq!(connection["role"], "user");
    let topics: Vec<String> = serde_json::from_value(connection["topics"].clone()).unwrap();
    for topic in ["user:bob", "everyone", "room:lobby"] {
        assert!(topics.iter().any(|one| one == topic), "{topic}: {topics:?}");
    }
    assert!(connection["ageSeconds"].as_f64().unwrap() < 60.0);
    assert_eq!(connection["queueDepth"], 0);
    assert!(
        connection["remoteAddress"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1")
    );
    assert_eq!(connection["userAgent"], "a test/1.0");
}

#[tokio::test]
async fn an_admin_disconnects_one_client_and_no_other() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut first = app.stream(&bob, "/api/stream").await;
    let client = first.next_event(DEADLINE).await.json()["clientId"].take();
    let mut second = app.connected(&bob, "/api/stream").await;
    let path = format!("/api/admin/connections/{}", client.as_str().unwrap());

    answer(app.delete(&app.admin(), &path), 204).await;

    let bye = first.bye("kicked", DEADLINE).await;
    assert_eq!(bye["reconnect"], true);
    app.publish(json!({"user": "bob"}), "T").await;
    assert_eq!(second.next_event(DEADLINE).await.name(), "alarm");
    refusal(app.delete(&app.admin(), &path), 404, "connection_not_found").await;
}

#[tokio::test]
async fn an_unknown_client_is_not_found() {
    let app = TestApp::spawn().await;

    for client in ["nobody", "00000000-0000-4000-8000-000000000000", "0"] {
        let path = format!("/api/admin/connections/{client}");
        refusal(app.delete(&app.admin(), &path), 404, "connection_not_found").await;
    }
}

#[tokio::test]
async fn nobody_but_an_admin_sees_or_ends_connections() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let client: Value = stream.next_event(DEADLINE).await.json()["clientId"].take();
    let path = format!("/api/admin/connections/{}", client.as_str().unwrap());

    for token in [&bob, &app.service()] {
        refusal(app.get(token, "/api/admin/connections"), 403, "forbidden").await;
        refusal(app.delete(token, &path), 403, "forbidden").await;
    }

    assert_eq!(
        send(app.get(&app.admin(), "/api/admin/connections"))
            .await
            .status(),
        200
    );
    assert_eq!(app.connections().await.len(), 1);
}

#[tokio::test]
async fn the_figures_come_once_a_second_and_tell_what_happens() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let _his = app.connected(&bob, "/api/stream").await;
    let mut figures = app.stream(&app.admin(), "/api/admin/figures").await;
    let first = figures.next_event(DEADLINE).await;
    assert_eq!(first.name(), "history");
    assert!(first.json().as_array().unwrap().len() <= 60);

    app.publish(json!({"user": "bob"}), "T").await;

    let mut alarms = 0.0;
    let mut sample = Value::Null;
    while alarms == 0.0 {
        sample = figures.next_named("figures", DEADLINE).await.json();
        alarms = sample["alarmsPerSecond"].as_f64().unwrap();
    }
    assert_eq!(
        (&sample["streams"], &sample["users"]),
        (&json!(2), &json!(2))
    );
    assert!(
        sample["deliveriesPerSecond"].as_f64().unwrap() > 0.0,
        "{sample}"
    );
    assert!(
        sample["commitMilliseconds"].as_f64().unwrap() > 0.0,
        "{sample}"
    );
    assert_eq!(
        (&sample["slowDrops"], &sample["replayed"]),
        (&json!(0), &json!(0))
    );
    let mut late = app.stream(&app.admin(), "/api/admin/figures").await;
    let history = late.next_event(DEADLINE).await.json();
    let seen = history
        .as_array()
        .unwrap()
        .iter()
        .any(|one| one["at"] == sample["at"]);
    assert!(seen, "the last minute is there at once: {history}");
}

#[tokio::test]
async fn the_figures_end_with_the_session_the_rights_and_the_hub() {
    let mut app = TestApp::spawn().await;
    let answered = answer(
        app.put(&app.admin(), "/api/users/erin")
            .json(&json!({"role": "admin"})),
        201,
    );
    answered.await;
    let erin = crate::support::sign(&crate::support::Claims::of("erin", "admin"));
    let mut logged_out = app.stream(&erin, "/api/admin/figures").await;
    logged_out.next_event(DEADLINE).await;

    answer(app.post(&erin, "/api/auth/logout"), 204).await;
    logged_out.bye("logout", DEADLINE).await;
    refusal(app.get(&erin, "/api/admin/figures"), 401, "invalid_token").await;

    let erin = crate::support::sign(&crate::support::Claims::of("erin", "admin"));
    let mut demoted = app.stream(&erin, "/api/admin/figures").await;
    demoted.next_event(DEADLINE).await;
    answer(
        app.put(&app.admin(), "/api/users/erin")
            .json(&json!({"role": "user"})),
        200,
    )
    .await;
    demoted.bye("kicked", DEADLINE).await;

    let mut last = app.stream(&app.admin(), "/api/admin/figures").await;
    last.next_event(DEADLINE).await;
    app.ask_to_stop();
    last.bye("shutdown", DEADLINE).await;
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn an_audience_is_counted_before_anything_is_sent() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let _first = app.connected(&bob, "/api/stream?room=lobby").await;
    let _second = app.connected(&bob, "/api/stream").await;
    let audience = async |to: Value| {
        let request = app.post(&app.admin(), "/api/admin/audience");
        answer(request.json(&json!({"to": to})), 200).await
    };

    let named = audience(json!({"users": ["bob", "carol", "zoe"]})).await;
    assert_eq!(
        named,
        json!({"accounts": 2, "streams": 2, "unknownUsers": ["zoe"], "unknownAreMade": false})
    );
    let everyone = audience(json!({"everyone": true})).await;
    assert_eq!(
        (&everyone["accounts"], &everyone["streams"]),
        (&json!(3), &json!(2))
    );
    let admins = audience(json!({"role": "admin"})).await;
    assert_eq!(
        (&admins["accounts"], &admins["streams"]),
        (&json!(1), &json!(0))
    );
    let room = audience(json!({"room": "lobby"})).await;
    assert_eq!(
        (&room["accounts"], &room["streams"]),
        (&Value::Null, &json!(1))
    );

    let unknown = app.post(&app.admin(), "/api/admin/audience");
    refusal(
        unknown.json(&json!({"to": {"room": "cellar"}})),
        422,
        "unknown_room",
    )
    .await;
    let nobody = app.post(&app.admin(), "/api/admin/audience");
    refusal(nobody.json(&json!({"to": {}})), 422, "invalid_field").await;
    assert_eq!(
        answer(app.get(&bob, "/api/alarms"), 200).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn the_newest_alarms_of_the_whole_log_are_listed() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.room("lobby").await;
    app.publish(json!({"user": "bob"}), "FIRST").await;
    app.publish(json!({"room": "lobby"}), "SECOND").await;

    let recent = answer(app.get(&app.admin(), "/api/admin/alarms"), 200).await;
    let types: Vec<&Value> = recent["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alarm| &alarm["alarmType"])
        .collect();
    assert_eq!(types, ["SECOND", "FIRST"]);
    let one = answer(app.get(&app.admin(), "/api/admin/alarms?limit=1"), 200).await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    refusal(
        app.get(&app.admin(), "/api/admin/alarms?limit=201"),
        422,
        "invalid_field",
    )
    .await;
}

#[tokio::test]
async fn a_user_is_looked_up_tested_disconnected_and_disabled() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let path = |what: &str| format!("/api/admin/users/bob{what}");
    let mut stream = app.connected(&bob, "/api/stream").await;

    let sent = answer(app.post(&app.admin(), &path("/test")), 201).await;
    let alarm = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(alarm.json()["id"], sent["alarms"][0]["id"]);
    let found = answer(app.get(&app.admin(), &path("")), 200).await;
    assert_eq!(found["user"]["id"], "bob");
    assert_eq!(found["user"]["hasPassword"], false);
    assert_eq!(found["user"]["disabled"], false);
    assert_eq!(found["connections"].as_array().unwrap().len(), 1);
    assert_eq!(found["inbox"]["items"][0]["alarmType"], "TEST");
    assert_eq!(found["inbox"]["meta"]["unread"], 1);

    let ended = answer(app.post(&app.admin(), &path("/disconnect")), 200).await;
    assert_eq!(ended, json!({"disconnected": 1}));
    assert_eq!(stream.bye("kicked", DEADLINE).await["reconnect"], true);

    let mut stream = app.connected(&bob, "/api/stream").await;
    let disabled = answer(app.post(&app.admin(), &path("/disable")), 200).await;
    assert_eq!(disabled["disabled"], true);
    assert_eq!(stream.bye("kicked", DEADLINE).await["reconnect"], false);
    assert_eq!(send(app.get(&bob, "/api/stream")).await.status(), 204);
    refusal(app.get(&bob, "/api/alarms"), 403, "account_disabled").await;

    answer(app.post(&app.admin(), &path("/enable")), 200).await;
    app.connected(&bob, "/api/stream").await;
}

#[tokio::test]
async fn an_admin_disables_neither_themselves_nor_nobody() {
    let app = TestApp::spawn().await;
    let admin = app.admin();

    refusal(
        app.post(&admin, "/api/admin/users/admin/disable"),
        403,
        "forbidden",
    )
    .await;
    for what in ["", "/disable"] {
        for nobody in ["zoe", "a%20b"] {
            let path = format!("/api/admin/users/{nobody}{what}");
            let request = if what.is_empty() {
                app.get(&admin, &path)
            } else {
                app.post(&admin, &path)
            };
            refusal(request, 404, "user_not_found").await;
        }
    }

    answer(app.get(&admin, "/api/auth/me"), 200).await;
}

#[tokio::test]
async fn nobody_but_an_admin_watches_or_changes_others() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    for token in [&bob, &app.service()] {
        for path in [
            "/api/admin/figures",
            "/api/admin/alarms",
            "/api/admin/users/bob",
        ] {
            refusal(app.get(token, path), 403, "forbidden").await;
        }
        for what in ["disable", "enable", "disconnect", "test"] {
            refusal(
                app.post(token, &format!("/api/admin/users/bob/{what}")),
                403,
                "forbidden",
            )
            .await;
        }
    }

    answer(app.get(&bob, "/api/auth/me"), 200).await;
}
