//! The three places a token may come from, and which of them counts.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::entries::next_entry;
use crate::signing_in::session;
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign};

#[tokio::test]
async fn a_token_may_come_as_bearer_in_any_case_or_as_cookie() {
    let app = TestApp::spawn().await;
    let token = app.user("bob").await;
    let me = || app.request(Method::GET, "/api/auth/me");

    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        answer(
            me().header("Authorization", format!("{scheme} {token}")),
            200,
        )
        .await;
    }
    answer(me().header("Cookie", session(&token)), 200).await;
    let among_others = format!("a=1; {}; b=2", session(&token));
    answer(me().header("Cookie", among_others), 200).await;
}

#[tokio::test]
async fn the_bearer_token_wins_over_the_cookie_even_when_it_is_bad() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;
    let me = |bearer: &str| {
        app.get(bearer, "/api/auth/me")
            .header("Cookie", session(&bob))
    };

    assert_eq!(answer(me(&carol), 200).await["id"], "carol");
    refusal(me("garbage"), 401, "invalid_token").await;
    let expired = sign(&Claims::of("carol", "user").expired());
    refusal(me(&expired), 401, "invalid_token").await;
}

#[tokio::test]
async fn the_bearer_token_wins_over_the_query() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let carol = app.user("carol").await;

    let mut stream = app
        .connected(&bob, &format!("/api/stream?token={carol}"))
        .await;

    app.publish(json!({"user": "carol"}), "HERS").await;
    app.publish(json!({"user": "bob"}), "HIS").await;
    let alarm = stream.next_named("alarm", DEADLINE).await;
    assert_eq!(alarm.json()["alarmType"], "HIS");
    let path = format!("/api/stream?token={carol}");
    refusal(app.get("garbage", &path), 401, "invalid_token").await;
}

#[tokio::test]
async fn a_query_token_may_be_anywhere_and_percent_encoded() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let encoded: String = bob.bytes().map(|byte| format!("%{byte:02X}")).collect();

    for path in [
        format!("/api/stream?token={bob}&room=lobby"),
        format!("/api/stream?room=lobby&token={bob}"),
        format!("/api/stream?room=lobby&token={encoded}&cursor=0"),
    ] {
        let mut stream = SseClient::open(app.request(Method::GET, &path)).await;
        assert_eq!(stream.next_event(DEADLINE).await.name(), "connect");
        let id = app.publish(json!({"room": "lobby"}), "T").await;
        let mut event = next_entry(&mut stream).await;
        while event.number() < id {
            event = next_entry(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn query_tokens_can_be_turned_off() {
    let app = AppBuilder::default()
        .env("CAMPANILE_QUERY_TOKEN", "off")
        .spawn()
        .await;
    let token = app.user("bob").await;

    for path in [
        "/api/stream?token=",
        "/api/main/alarm/sub?token=",
        "/room/subscribe?id=bob&token=",
    ] {
        let request = app.request(Method::GET, &format!("{path}{token}"));
        refusal(request, 401, "invalid_token").await;
    }
    app.connected(&token, "/api/stream").await;
}

#[tokio::test]
async fn a_token_good_for_seconds_is_refused_when_they_are_over() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let token = sign(&Claims::of("bob", "user").lasting(Duration::from_secs(2)));
    answer(app.get(&token, "/api/auth/me"), 200).await;

    crate::support::until("the token's end", DEADLINE, async || {
        let response = send(app.get(&token, "/api/auth/me")).await;
        (response.status() == 401).then_some(())
    })
    .await;

    refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
}
