//! Query parameters: the known ones, and all others, which never pass in silence.

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::support::{AppBuilder, DEADLINE, TestApp};

/// Every route under `/api/` that can be asked without a body, as the table of routes has them.
const ROUTES: [(&str, &str); 18] = [
    ("GET", "/api/auth/me"),
    ("GET", "/api/alarms"),
    ("DELETE", "/api/alarms"),
    ("GET", "/api/alarms/top"),
    ("GET", "/api/alarms/counts"),
    ("GET", "/api/alarms/senders"),
    ("DELETE", "/api/alarms/1"),
    ("POST", "/api/alarms/1/read"),
    ("POST", "/api/alarms/1/unread"),
    ("GET", "/api/rooms"),
    ("GET", "/api/rooms/42/messages"),
    ("GET", "/api/rooms/42/presence"),
    ("GET", "/api/stream"),
    ("GET", "/api/admin/connections"),
    ("DELETE", "/api/admin/connections/x"),
    ("GET", "/api/admin/figures"),
    ("GET", "/api/admin/alarms"),
    ("GET", "/api/admin/users/bob"),
];

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_answered_as_such_whatever_the_query() {
    let app = TestApp::spawn().await;
    let admin = app.admin();

    for (method, path) in ROUTES {
        let other = if method == "GET" { "TRACE" } else { "PATCH" };
        let request = app.request(other.parse().unwrap(), &format!("{path}?limit=5"));
        let answer = send(request.bearer_auth(&admin)).await;
        assert_eq!(answer.status(), 405, "{other} {path}");
    }
}

#[tokio::test]
async fn a_parameter_that_a_route_does_not_know_is_refused_by_name() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.room("42").await;
    let admin = app.admin();

    for (method, path) in ROUTES {
        let method: Method = method.parse().unwrap();
        let request = app.request(method.clone(), &format!("{path}?limt=5"));
        let problem = refusal(request.bearer_auth(&admin), 422, "unknown_parameter").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`limt`"), "{method} {path}: {detail}");
    }
    let problem = refusal(
        app.get(&admin, "/api/stream?curser=0"),
        422,
        "unknown_parameter",
    )
    .await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("`curser`") && detail.contains("cursor"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_parameter_with_one_value_that_comes_twice_is_refused_by_name() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("42").await;
    let admin = app.admin();

    for (method, path, name) in [
        ("GET", "/api/alarms?limit=1&limit=2", "limit"),
        ("GET", "/api/alarms?before=1&limit=2&before=1", "before"),
        ("GET", "/api/alarms?status=all&status=unread", "status"),
        ("GET", "/api/alarms?limit=1&l%69mit=", "limit"),
        ("HEAD", "/api/alarms?limit=1&limit=2", ""),
        (
            "DELETE",
            "/api/alarms?targetId=1&alarmType=T&targetId=2",
            "targetId",
        ),
        (
            "DELETE",
            "/api/alarms?targetId=1&alarmType=T&alarmType=U",
            "alarmType",
        ),
        ("GET", "/api/alarms/top?limit=1&limit=2", "limit"),
        ("GET", "/api/rooms?after=42&after=42", "after"),
        ("GET", "/api/rooms/42/messages?limit=1&limit=2", "limit"),
        ("GET", "/api/rooms/42/presence?limit=1&limit=2", "limit"),
        ("GET", "/api/admin/alarms?limit=1&limit=2", "limit"),
        ("GET", "/api/stream?cursor=1&cursor=2", "cursor"),
        (
            "GET",
            "/api/stream?lastEventId=1&lastEventId=2",
            "lastEventId",
        ),
        ("GET", "/api/stream?rooms=all&rooms=all", "rooms"),
        ("GET", "/api/stream?wait=1&room=42&wait=2", "wait"),
    ] {
        let request = app.request(method.parse().unwrap(), path);
        let answer = send(request.bearer_auth(&admin)).await;
        assert_eq!(answer.status(), 422, "{method} {path}");
        let problem = answer.text().await.unwrap();
        let named =
            problem.contains("repeated_parameter") && problem.contains(&format!("`{name}`"));
        assert!(named || method == "HEAD", "{path}: {problem}");
    }
    for path in [
        "/api/alarms?alarmType=T&alarmType=U&_=1&_=2",
        "/api/alarms/senders?id=1&id=2",
        "/api/main/alarm?limit=1&limit=2",
        "/healthz?x=1&x=2",
    ] {
        assert_eq!(send(app.get(&bob, path)).await.status(), 200, "{path}");
    }
    app.room("43").await;
    app.connected(&admin, "/api/stream?room=42&room=43&topic=*&topic=everyone")
        .await;
    app.stream(&bob, "/room/subscribe?id=bob&id=bob").await;
}

#[tokio::test]
async fn a_cache_buster_and_the_parameters_of_other_routes_pass() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("42").await;
    app.connected(&bob, "/api/stream?_=1&room=42&cursor=0")
        .await;
    answer(app.get(&bob, "/api/alarms?limit=5&_=1"), 200).await;
    for path in [
        "/?utm_source=mail",
        "/assets/app.css?v=1",
        "/healthz?x=1",
        "/readyz?x=1",
        "/api/main/alarm?x=1",
        "/api/main/alarm/top?x=1",
    ] {
        let answer = send(app.get(&bob, path)).await;
        assert!(answer.status().as_u16() < 400, "{path}: {answer:?}");
    }
    answer_ok(&app, "/metrics?x=1").await;
    app.stream(&bob, "/api/main/alarm/sub?x=1").await;
    app.stream(&bob, "/room/subscribe?id=bob&x=1").await;
    refusal(app.get(&bob, "/api/nothing?x=1"), 404, "not_found").await;
}

async fn answer_ok(app: &TestApp, path: &str) {
    assert_eq!(
        send(app.get(&app.admin(), path)).await.status(),
        200,
        "{path}"
    );
}

#[tokio::test]
async fn a_caller_without_a_good_token_hears_that_first() {
    let app = TestApp::spawn().await;
    for (method, path) in ROUTES {
        let method: Method = method.parse().unwrap();
        let request = || app.request(method.clone(), &format!("{path}?limt=5"));
        refusal(request(), 401, "unauthorized").await;
        refusal(request().bearer_auth("none"), 401, "invalid_token").await;
    }
    let login = app.request(Method::POST, "/api/auth/login?x=1");
    refusal(login.json(&json!({})), 422, "unknown_parameter").await;
}

#[tokio::test]
async fn every_spelling_of_a_cursor_resumes() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for _ in 0..3 {
        app.publish(json!({"user": "bob"}), "T").await;
    }
    let spellings = [
        "cursor",
        "lastEventId",
        "lastEventID",
        "Last-Event-ID",
        "last_event_id",
    ];

    for name in spellings {
        // A polyfill adds its own parameter to the address of the first request.
        for path in [
            format!("/api/stream?{name}=2"),
            format!("/api/stream?cursor=0&{name}=2"),
            format!("/api/main/alarm/sub?{name}=2"),
        ] {
            if name == "cursor" && path.contains('&') {
                continue;
            }
            let mut stream = app.stream(&bob, &path).await;
            let first = stream.next_event(DEADLINE).await;
            assert_eq!(first.number(), 2, "{path}: {first:?}");
            assert_eq!(stream.next_event(DEADLINE).await.number(), 3, "{path}");
        }
    }
    for name in [
        "Last-Event-ID",
        "last-event-id",
        "Last_Event_ID",
        "lastEventId",
    ] {
        let request = app.get(&bob, "/api/stream?cursor=0").header(name, "2");
        let mut stream = crate::support::SseClient::open(request).await;
        assert_eq!(stream.next_event(DEADLINE).await.number(), 2, "{name}");
        assert_eq!(stream.next_event(DEADLINE).await.number(), 3, "{name}");
    }
}

#[tokio::test]
async fn a_cursor_that_is_no_number_or_no_text_is_a_gap() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.publish(json!({"user": "bob"}), "T").await;
    let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();

    for request in [
        app.get(&bob, "/api/stream").header("Last-Event-ID", bytes),
        app.get(&bob, "/api/stream?cursor=%FF%FE"),
        app.get(&bob, "/api/stream?lastEventId=garbage"),
        app.get(&bob, "/api/stream")
            .header("Last-Event-ID", "0")
            .header("Last-Event-ID", "1"),
    ] {
        let mut stream = crate::support::SseClient::open(request).await;
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(connect.json()["gap"], true, "{connect:?}");
        assert_eq!(connect.number(), 1);
    }
}

#[tokio::test]
async fn a_preflight_may_name_any_parameter() {
    let origin = "https://www.example.com";
    let app = AppBuilder::default()
        .env("CAMPANILE_CORS_ORIGINS", origin)
        .spawn()
        .await;

    for path in ["/api/alarms?limit=20&status=unread", "/api/stream?cursor=7"] {
        let preflight = app
            .request(Method::OPTIONS, path)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "authorization");
        let answer = send(preflight).await;

        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    }
}
