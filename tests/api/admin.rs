//! What an admin sees and does.

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
