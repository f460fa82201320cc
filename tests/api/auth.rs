//! Signing up, in and out.

use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::answers::{answer, invalid, is_time, refusal, send};
use crate::signing_in::{PASSWORD, login, session};
use crate::support::{AppBuilder, DEADLINE, TestApp};

fn sign_up(app: &TestApp, body: &Value) -> RequestBuilder {
    app.request(Method::POST, "/api/auth/signup").json(body)
}

fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn signing_up_gives_a_session_and_its_cookie() {
    let app = TestApp::spawn().await;

    let response = send(sign_up(
        &app,
        &json!({"userId": "alice", "password": PASSWORD, "displayName": "Alice A."}),
    ))
    .await;

    assert_eq!(response.status(), 201);
    let cookie = cookie(&response);
    let body: Value = response.json().await.unwrap();
    let token = body["token"].as_str().unwrap();
    assert_eq!(
        body["user"],
        json!({"id": "alice", "displayName": "Alice A.", "role": "user"})
    );
    let attributes: Vec<&str> = cookie.split("; ").collect();
    assert_eq!(attributes[0], session(token));
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(&attribute), "{attribute}: {cookie}");
    }
    assert!(!attributes.contains(&"Secure"), "no TLS here: {cookie}");
    let me = answer(app.get(token, "/api/auth/me"), 200).await;
    assert_eq!(me, body["user"]);
}

#[tokio::test]
async fn a_display_name_is_the_id_unless_given() {
    let app = TestApp::spawn().await;

    let token = app.sign_up("alice", PASSWORD).await;

    let me = answer(app.get(&token, "/api/auth/me"), 200).await;
    assert_eq!(me["displayName"], "alice");
}

#[tokio::test]
async fn an_id_is_taken_once_however_its_account_was_made() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.user("bob").await;

    for id in ["alice", "bob", "admin"] {
        let body = json!({"userId": id, "password": PASSWORD});
        refusal(sign_up(&app, &body), 409, "user_exists").await;
    }
}

#[tokio::test]
async fn of_many_sign_ups_with_one_id_one_succeeds() {
    let app = TestApp::spawn().await;
    let body = json!({"userId": "alice", "password": PASSWORD});

    let answers = join_all((0..6).map(|_| send(sign_up(&app, &body)))).await;

    let count = |status: u16| {
        answers
            .iter()
            .filter(|answer| answer.status() == status)
            .count()
    };
    assert_eq!((count(201), count(409)), (1, 5));
}

#[tokio::test]
async fn a_closed_hub_takes_no_sign_up() {
    let app = AppBuilder::default()
        .env("CAMPANILE_SIGNUP", "closed")
        .spawn()
        .await;

    let body = json!({"userId": "alice", "password": PASSWORD});
    refusal(sign_up(&app, &body), 403, "signup_closed").await;
}

#[tokio::test]
async fn a_sign_up_is_checked_field_by_field() {
    let app = TestApp::spawn().await;
    let too_long = "x".repeat(256);

    for id in [
        "",
        "a b",
        "a,b",
        "a\nb",
        "a\\b",
        "<b>",
        "a\u{0}",
        "a\u{202e}b",
        &too_long,
    ] {
        eprintln!("{id:?}");
        invalid(
            sign_up(&app, &json!({"userId": id, "password": PASSWORD})),
            "userId",
        )
        .await;
    }
    for password in ["", "1234567"] {
        invalid(
            sign_up(&app, &json!({"userId": "alice", "password": password})),
            "password",
        )
        .await;
    }
    for name in [String::new(), "a\nb".to_owned(), "x".repeat(101)] {
        let body = json!({"userId": "alice", "password": PASSWORD, "displayName": name});
        invalid(sign_up(&app, &body), "displayName").await;
    }
    let typo = json!({"userId": "alice", "password": PASSWORD, "displayname": "A"});
    let problem = refusal(sign_up(&app, &typo), 422, "unknown_field").await;
    assert!(problem["detail"].as_str().unwrap().contains("displayname"));
    let problem = refusal(
        sign_up(&app, &json!({"userId": "alice"})),
        422,
        "missing_field",
    )
    .await;
    assert!(problem["detail"].as_str().unwrap().contains("password"));
}

#[tokio::test]
async fn user_ids_may_be_of_any_script() {
    let app = TestApp::spawn().await;

    for id in ["박지성", "Ünïcode", "a.b_c@d-e", "7", &"ж".repeat(255)] {
        eprintln!("{id}");
        let body = json!({"userId": id, "password": PASSWORD});
        let account = answer(sign_up(&app, &body), 201).await;
        assert_eq!(account["user"]["id"], id);
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let app = TestApp::spawn().await;
    let post = || {
        app.request(Method::POST, "/api/auth/signup")
            .header("Content-Type", "application/json")
    };

    refusal(post().body("{\"userId\":"), 400, "malformed_json").await;
    refusal(post().body(""), 400, "malformed_json").await;
    let large = json!({"userId": "alice", "password": "x".repeat(70_000)});
    refusal(sign_up(&app, &large), 413, "body_too_large").await;
}

#[tokio::test]
async fn signing_in_gives_a_session_as_long_as_configured() {
    let app = AppBuilder::default()
        .env("CAMPANILE_SESSION_TTL", "2h")
        .spawn()
        .await;
    app.sign_up("alice", PASSWORD).await;

    let response = send(login(&app, "alice", PASSWORD)).await;

    assert_eq!(response.status(), 200);
    let cookie = cookie(&response);
    let body: Value = response.json().await.unwrap();
    let token = body["token"].as_str().unwrap();
    assert!(cookie.starts_with(&session(token)), "{cookie}");
    assert_eq!(body["user"]["id"], "alice");
    let expires = body["expiresAt"].as_str().unwrap();
    assert!(is_time(expires), "{expires}");
    let expires: jiff::Timestamp = expires.parse().unwrap();
    let life = expires.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((7_100..=7_200).contains(&life), "{life} s");
    answer(app.get(token, "/api/auth/me"), 200).await;
}

#[tokio::test]
async fn the_first_account_signs_in_with_the_password_of_the_log() {
    let app = TestApp::spawn().await;

    let body = answer(login(&app, "admin", &app.admin_password()), 200).await;

    assert_eq!(body["user"]["role"], "admin");
    answer(
        app.get(body["token"].as_str().unwrap(), "/api/admin/connections"),
        200,
    )
    .await;
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let app = TestApp::spawn().await;
    let here = app.sign_up("alice", PASSWORD).await;
    let there = answer(login(&app, "alice", PASSWORD), 200).await;
    let there = there["token"].as_str().unwrap();
    let mut stream_here = app.connected(&here, "/api/stream").await;
    let mut stream_there = app.connected(there, "/api/stream").await;

    let response = send(app.post(&here, "/api/auth/logout")).await;

    assert_eq!(response.status(), 204);
    let cookie = cookie(&response);
    assert!(cookie.starts_with("campanile_session=;"), "{cookie}");
    assert!(
        cookie.contains("Max-Age=0") || cookie.contains("Expires=Thu, 01 Jan 1970"),
        "{cookie}"
    );
    let bye = stream_here.bye("logout", DEADLINE).await;
    assert_eq!(bye["reconnect"], false);
    refusal(app.get(&here, "/api/auth/me"), 401, "invalid_token").await;
    refusal(app.get(&here, "/api/stream"), 401, "invalid_token").await;
    answer(app.get(there, "/api/auth/me"), 200).await;
    app.publish(json!({"user": "alice"}), "STILL_HERE").await;
    let alarm = stream_there.next_named("alarm", DEADLINE).await;
    assert_eq!(alarm.json()["alarmType"], "STILL_HERE");
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_a_revoked_one_stays_revoked() {
    let mut app = TestApp::spawn().await;
    let kept = app.sign_up("alice", PASSWORD).await;
    let ended = app.sign_up("bob", PASSWORD).await;
    answer(app.post(&ended, "/api/auth/logout"), 204).await;

    app.restart().await;

    answer(app.get(&kept, "/api/auth/me"), 200).await;
    refusal(app.get(&ended, "/api/auth/me"), 401, "invalid_token").await;
}

#[tokio::test]
async fn the_sign_in_page_says_whether_sign_up_is_open() {
    for (setting, english, korean) in [
        ("open", "Sign-up is open", "가입이 열려 있습니다"),
        ("closed", "Sign-up is closed", "가입이 닫혀 있습니다"),
        // By default it is closed where standard error is no terminal, as under a service manager behind a proxy.
        ("", "Sign-up is closed", "가입이 닫혀 있습니다"),
    ] {
        let app = AppBuilder::default()
            .env("CAMPANILE_SIGNUP", setting)
            .spawn()
            .await;
        for (language, words) in [("en", english), ("ko", korean)] {
            let page = app.request(Method::GET, "/");
            let page = send(page.header("Accept-Language", language)).await;
            let page = crate::answers::text(page).await;
            assert!(page.contains(words), "{setting}: {page}");
        }
    }
}
