//! The sites whose pages may send requests in a visitor's name, and those whose pages may read the answers.

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::signing_in::session;
use crate::support::{AppBuilder, DEADLINE, TestApp};

#[tokio::test]
async fn an_unsafe_request_with_the_cookie_must_come_from_the_same_origin() {
    let app = TestApp::spawn().await;
    let token = app.user("bob").await;
    let post = || {
        app.request(Method::POST, "/api/rooms")
            .header("Cookie", session(&token))
            .json(&json!({"name": "A room"}))
    };

    refusal(post(), 403, "cross_origin").await;
    for origin in [
        "http://evil.example",
        "null",
        "https://127.0.0.1",
        "http://127.0.0.1:1",
    ] {
        eprintln!("{origin}");
        refusal(post().header("Origin", origin), 403, "cross_origin").await;
    }
    for site in ["cross-site", "same-site"] {
        eprintln!("{site}");
        refusal(post().header("Sec-Fetch-Site", site), 403, "cross_origin").await;
    }
    answer(post().header("Origin", &app.base_url), 201).await;
    answer(post().header("Sec-Fetch-Site", "same-origin"), 201).await;
    // On two lines neither counts, whichever comes first.
    for (name, values) in [
        ("Origin", [app.base_url.as_str(), "http://evil.example"]),
        ("Origin", ["null", app.base_url.as_str()]),
        ("Sec-Fetch-Site", ["same-origin", "cross-site"]),
        ("Sec-Fetch-Site", ["cross-site", "same-origin"]),
    ] {
        let two = post().header(name, values[0]).header(name, values[1]);
        refusal(two, 403, "cross_origin").await;
    }
    let delete = app
        .request(Method::DELETE, "/api/alarms/1")
        .header("Cookie", session(&token));
    refusal(delete, 403, "cross_origin").await;
}

#[tokio::test]
async fn an_unsafe_request_with_the_cookie_may_come_from_an_origin_the_operator_named() {
    let app = AppBuilder::default()
        .env("CAMPANILE_CORS_ORIGINS", "https://a.example")
        .spawn()
        .await;
    let token = app.user("bob").await;
    let post = |origin: &str| {
        app.request(Method::POST, "/api/rooms")
            .header("Cookie", session(&token))
            .header("Origin", origin)
            .header("Sec-Fetch-Site", "same-site")
            .json(&json!({"name": "A room"}))
    };

    answer(post("https://a.example"), 201).await;
    for origin in ["https://b.example", "http://a.example", "null"] {
        refusal(post(origin), 403, "cross_origin").await;
    }
}

#[tokio::test]
async fn a_request_with_a_bearer_token_may_come_from_anywhere() {
    let app = TestApp::spawn().await;
    let token = app.user("bob").await;

    let request = app
        .post(&token, "/api/rooms")
        .header("Origin", "http://elsewhere.example")
        .json(&json!({"name": "A room"}));

    answer(request, 201).await;
}

#[tokio::test]
async fn a_cookie_opens_a_stream_and_reads_without_an_origin() {
    let app = TestApp::spawn().await;
    let token = app.user("bob").await;
    let get = |path: &str| {
        app.request(Method::GET, path)
            .header("Cookie", session(&token))
    };

    answer(get("/api/alarms"), 200).await;
    let mut stream = crate::support::SseClient::open(get("/api/stream")).await;
    assert_eq!(stream.next_event(DEADLINE).await.name(), "connect");
}

#[tokio::test]
async fn only_the_origins_named_may_read_from_another_site() {
    let app = AppBuilder::default()
        .env(
            "CAMPANILE_CORS_ORIGINS",
            "https://a.example,https://b.example",
        )
        .spawn()
        .await;
    let token = app.user("bob").await;
    let allowed = async |origin: &str| {
        let response = send(app.get(&token, "/api/rooms").header("Origin", origin)).await;
        let header = response
            .headers()
            .get("access-control-allow-origin")
            .cloned();
        header.map(|value| value.to_str().unwrap().to_owned())
    };

    assert_eq!(
        allowed("https://b.example").await.as_deref(),
        Some("https://b.example")
    );
    for same in ["HTTPS://B.example", "https://b.example:443"] {
        assert_eq!(allowed(same).await.as_deref(), Some(same), "as RFC 6454");
    }
    for other in [
        "https://evil.example",
        "http://b.example",
        "null",
        "https://b.example:444",
    ] {
        assert_eq!(allowed(other).await, None, "{other}");
    }
}
