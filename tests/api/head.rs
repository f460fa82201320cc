//! HEAD (RFC 9110, section 9.3.2): the fields of GET without the body, on every route that is read.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::support::{DEADLINE, TestApp};

/// Every route with GET, as an admin may call it; a stream is marked.
const ROUTES: [(&str, bool); 33] = [
    ("/", false),
    ("/rooms", false),
    ("/rooms/lobby", false),
    ("/alarms", false),
    ("/admin", false),
    ("/admin/recent", false),
    ("/admin/users?id=admin", false),
    ("/admin/users/admin", false),
    ("/compare", false),
    ("/demo/embed", false),
    ("/campanile.js", false),
    ("/campanile@0.js", false),
    ("/campanile-client.tgz", false),
    ("/assets/campanile.js", false),
    ("/nowhere", false),
    ("/healthz", false),
    ("/readyz", false),
    ("/metrics", false),
    ("/api/auth/me", false),
    ("/api/alarms", false),
    ("/api/alarms/top", false),
    ("/api/alarms/counts", false),
    ("/api/alarms/senders", false),
    ("/api/rooms", false),
    ("/api/rooms/lobby/messages", false),
    ("/api/rooms/lobby/presence", false),
    ("/api/admin/connections", false),
    ("/api/admin/alarms", false),
    ("/api/admin/users/admin", false),
    ("/api/stream", true),
    ("/api/admin/figures", true),
    ("/api/main/alarm/sub", true),
    ("/room/subscribe?id=admin", true),
];

/// The fields without those that differ from one answer to the next.
fn fields(headers: &HeaderMap) -> Vec<String> {
    let changing = [
        "date",
        "x-request-id",
        "connection",
        "content-length",
        "etag",
        "campanile-expires-in",
    ];
    let mut fields: Vec<String> = headers
        .iter()
        .filter(|(name, _)| !changing.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn head_says_what_get_would_and_subscribes_nothing() {
    let app = TestApp::spawn().await;
    app.room("lobby").await;
    let admin = app.admin();

    for client in [&app.client, &app.http2] {
        for (path, is_stream) in ROUTES {
            let ask = |method| {
                client
                    .request(method, app.url(path))
                    .bearer_auth(&admin)
                    .send()
            };
            let get = ask(Method::GET).await.unwrap();
            let (status, expected) = (get.status(), fields(get.headers()));
            drop(get);
            if is_stream {
                app.wait_for_connections(0, DEADLINE).await;
            }
            let head = ask(Method::HEAD).await.unwrap();

            assert_eq!(head.status(), status, "{path}");
            assert_eq!(fields(head.headers()), expected, "{path}");
            assert_eq!(head.text().await.unwrap(), "", "{path}");
            assert_eq!(app.connections().await.len(), 0, "{path}");
        }
    }
}

#[tokio::test]
async fn head_of_a_stream_is_for_the_same_callers() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let head = async |token: &str, path: &str| {
        let request = app.request(Method::HEAD, path).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };

    assert_eq!(head("nonsense", "/api/stream").await, 401);
    assert_eq!(head(&bob, "/api/stream?topic=*").await, 403);
    assert_eq!(head(&bob, "/api/stream?wait=99").await, 422);
    assert_eq!(head(&bob, "/api/admin/figures").await, 403);
    assert_eq!(head(&bob, "/room/subscribe?id=eve").await, 403);
    assert_eq!(head(&bob, "/api/main/alarm/sub").await, 200);
}

#[tokio::test]
async fn head_of_what_changes_something_is_refused_and_changes_nothing() {
    let app = TestApp::spawn().await;
    app.room("lobby").await;
    let service = app.service();
    let before = app
        .publish(serde_json::json!({"everyone": true}), "T")
        .await;

    for path in [
        "/room/publish?sender=backend&roomId=lobby",
        "/api/auth/login",
        "/api/alarms/seen",
        "/logout",
    ] {
        let request = app.request(Method::HEAD, path).bearer_auth(&service);
        assert_eq!(request.send().await.unwrap().status(), 405, "{path}");
    }

    let after = app
        .publish(serde_json::json!({"everyone": true}), "T")
        .await;
    assert_eq!(after, before + 1);
}
