//! The user of a stream: the hub names them on each stream, prefers the token in the address to the cookie, and refuses a
//! page's requests for another user.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::signing_in::session;
use crate::support::{AppBuilder, Claims, DEADLINE, SseClient, TestApp, sign};

const STREAM_ROUTES: [&str; 3] = [
    "/api/stream?token=",
    "/api/main/alarm/sub?token=",
    "/room/subscribe?id=bob&token=",
];

#[tokio::test]
async fn connect_and_polls_say_whose_they_are() {
    let app = TestApp::spawn().await;
    for (token, user) in [
        (app.user("bob").await, "bob"),
        (app.service(), "backend"),
        (app.admin(), "admin"),
    ] {
        let mut stream = app.stream(&token, "/api/stream").await;
        let connect = stream.next_event(DEADLINE).await;
        assert_eq!(connect.json()["userId"], user);

        let poll = app
            .get(&token, "/api/stream")
            .header("Accept", "application/json");
        assert_eq!(answer(poll, 200).await["userId"], user);
    }
}

#[tokio::test]
async fn connect_tells_the_logs_head_to_every_role() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    for _ in 0..3 {
        app.publish(json!({"user": "bob"}), "A").await;
    }

    for token in [app.service(), app.admin(), app.user("bob").await] {
        for query in ["", "?cursor=1"] {
            let mut stream = app.stream(&token, &format!("/api/stream{query}")).await;
            let connect = stream.next_event(DEADLINE).await;
            assert_eq!(connect.json()["head"], 3, "{query}");
        }
    }
    let service = app.service();
    let mut whole_log = app.stream(&service, "/api/stream?topic=*&cursor=0").await;
    let connect = whole_log.next_event(DEADLINE).await;
    assert_eq!(connect.json()["head"], 3);
}

#[tokio::test]
async fn a_token_in_the_address_is_who_it_is_whatever_cookie_comes_along() {
    let app = TestApp::spawn().await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);

    let request = app
        .request(Method::GET, &format!("/api/stream?token={bob}"))
        .header("Cookie", session(&eve));
    let mut stream = SseClient::open(request).await;

    let connect = stream.next_event(DEADLINE).await;
    assert_eq!(connect.json()["userId"], "bob");
    for bad in ["garbage", "", &sign(&Claims::of("bob", "user").expired())] {
        let request = app
            .request(Method::GET, &format!("/api/stream?token={bad}"))
            .header("Cookie", session(&eve));
        refusal(request, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn where_no_token_may_be_in_an_address_it_is_refused_and_the_cookie_does_not_take_its_place()
{
    let app = AppBuilder::default()
        .env("CAMPANILE_QUERY_TOKEN", "off")
        .spawn()
        .await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);

    for path in STREAM_ROUTES {
        for token in [bob.as_str(), "garbage", ""] {
            let request = app
                .request(Method::GET, &format!("{path}{token}"))
                .header("Cookie", session(&eve));
            let refused = refusal(request, 401, "invalid_token").await;
            let detail = refused["detail"].as_str().unwrap();
            assert!(detail.contains("CAMPANILE_QUERY_TOKEN"), "{detail}");
        }
    }
    // The cookie alone is good, and so is the header.
    let by_cookie = app
        .request(Method::GET, "/api/stream")
        .header("Cookie", session(&eve));
    SseClient::open(by_cookie).await;
    app.connected(&bob, "/api/stream").await;
}

#[tokio::test]
async fn what_a_page_asks_for_one_user_is_not_answered_for_another() {
    let app = TestApp::spawn().await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let id = app.publish(json!({"user": "eve"}), "SECRET").await;

    for path in ["/api/alarms", "/api/stream", "/api/auth/me", "/api/rooms"] {
        let request = app
            .request(Method::GET, path)
            .header("Cookie", session(&eve))
            .header("Campanile-User", "bob");
        refusal(request, 412, "other_user").await;
    }
    let read = app
        .post(&eve, &format!("/api/alarms/{id}/read"))
        .header("Campanile-User", "bob");
    refusal(read, 412, "other_user").await;
    let inbox = answer(app.get(&eve, "/api/alarms"), 200).await;
    assert_eq!(inbox["meta"]["unread"], 1);
    let for_herself = app
        .get(&eve, "/api/alarms")
        .header("Campanile-User", "%65ve");
    answer(for_herself, 200).await;
    let unreadable = app.get(&bob, "/api/alarms").header("Campanile-User", "%ff");
    refusal(unreadable, 412, "other_user").await;
}

#[tokio::test]
async fn a_stream_is_told_how_long_its_session_lasts_and_the_end_of_the_users_others() {
    let app = TestApp::spawn().await;
    let here = app.user("bob").await;
    let there = sign(&Claims::of("bob", "user"));
    let mut stream = app.connected(&here, "/api/stream").await;
    let mut eves = app.connected(&app.user("eve").await, "/api/stream").await;
    let poll = app
        .get(&there, "/api/stream")
        .header("Accept", "application/json");
    let polled = send(poll).await;
    let left: i64 = text(polled.headers(), "campanile-expires-in")
        .parse()
        .unwrap();
    assert!((3_590..=3_600).contains(&left), "{left}");

    let logout = send(app.post(&there, "/api/auth/logout")).await;
    assert_eq!(logout.status(), StatusCode::NO_CONTENT);

    let ended = stream.next_named("session", DEADLINE).await;
    assert_eq!(
        ended.json()["ended"],
        text(polled.headers(), "campanile-session")
    );
    assert_ne!(
        ended.json()["ended"],
        text(&stream.headers, "campanile-session")
    );
    app.publish(json!({"everyone": true}), "STILL_HERE").await;
    assert_eq!(stream.next_event(DEADLINE).await.name(), "alarm");
    assert_eq!(eves.next_event(DEADLINE).await.name(), "alarm");
}

fn text<'a>(headers: &'a reqwest::header::HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}
