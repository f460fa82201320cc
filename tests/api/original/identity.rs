//! Faults of identity in the notification server that this one replaces: one test for each, so that none comes back.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::support::{Claims, DEADLINE, SseClient, TestApp, sign};

#[tokio::test]
async fn fault_a_token_cut_out_of_the_query_it_is_parsed_wherever_it_is() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let encoded = bob.replace('.', "%2E");

    for query in [
        format!("token={bob}"),
        format!("token={bob}&cursor=0"),
        format!("cursor=0&token={bob}"),
        format!("a=b=c&token={bob}&&d"),
        format!("token={encoded}"),
    ] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub?{query}");
        let mut stream = SseClient::open(app.request(Method::GET, &path)).await;
        assert_eq!(stream.next_event(DEADLINE).await.data, "connect completed");
    }
    for query in [
        format!("token={bob}="),
        format!("token={bob}%3D%3D"),
        "token==".to_owned(),
        "token=".to_owned(),
    ] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub?{query}");
        refusal(app.request(Method::GET, &path), 401, "invalid_token").await;
    }
    for query in ["", "?", "?x", "?xtoken=1"] {
        eprintln!("{query}");
        let path = format!("/api/main/alarm/sub{query}");
        refusal(app.request(Method::GET, &path), 401, "unauthorized").await;
    }
}

#[tokio::test]
async fn fault_an_invalid_token_treated_as_none_it_is_refused_even_beside_a_good_one() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let expired = sign(&Claims::of("bob", "user").expired());

    for bad in ["garbage", &expired] {
        let beside_a_cookie = app
            .get(bad, "/api/stream")
            .header("Cookie", format!("campanile_session={bob}"));
        refusal(beside_a_cookie, 401, "invalid_token").await;
        let beside_a_query = app.get(bad, &format!("/api/stream?token={bob}"));
        refusal(beside_a_query, 401, "invalid_token").await;
        let in_the_query = app.request(Method::GET, &format!("/api/stream?token={bad}"));
        refusal(in_the_query, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn fault_a_token_checked_only_at_the_start_a_stream_ends_with_its_token() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let token = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(3)));
    let mut stream = app.connected(&token, "/api/stream").await;
    let mut original = app.stream(&token, "/room/subscribe?id=bob").await;

    stream.bye("expired", DEADLINE).await;
    original.bye("expired", DEADLINE).await;

    app.wait_for_connections(0, DEADLINE).await;
}

#[tokio::test]
async fn fault_anyone_may_subscribe_as_anyone_the_id_must_be_the_callers() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;

    refusal(app.get(&bob, "/room/subscribe?id=carol"), 403, "forbidden").await;
    let path = "/room/subscribe?id=carol";
    refusal(app.request(Method::GET, path), 401, "unauthorized").await;
}

#[tokio::test]
async fn fault_a_get_that_publishes_for_any_sender_the_sender_must_be_the_caller() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    app.room("lobby").await;
    let path = "/room/publish?sender=carol&roomId=lobby";

    for method in [Method::GET, Method::POST] {
        let request = app.request(method.clone(), path);
        refusal(request, 401, "unauthorized").await;
        let request = app.request(method, path).bearer_auth(&bob);
        refusal(request, 403, "forbidden").await;
    }
    let by_link = app
        .request(Method::GET, "/room/publish?sender=bob&roomId=lobby")
        .header("Cookie", format!("campanile_session={bob}"));
    assert_eq!(send(by_link).await.status(), 405);

    let history = answer(app.get(&bob, "/api/rooms/lobby/messages"), 200).await;
    assert_eq!(history["items"], json!([]));
}
