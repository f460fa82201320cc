//! Signing up, in and out, and the three places a token may come from.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::answers::{answer, invalid, problem, refusal, send};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};

const PASSWORD: &str = "correct horse battery";

fn sign_up(app: &TestApp, body: &Value) -> RequestBuilder {
    app.request(Method::POST, "/api/auth/signup").json(body)
}

fn login(app: &TestApp, id: &str, password: &str) -> RequestBuilder {
    app.request(Method::POST, "/api/auth/login")
        .json(&json!({"userId": id, "password": password}))
}

fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned()
}

fn session(token: &str) -> String {
    format!("campanile_session={token}")
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
    let too_long = "x".repeat(65);

    for id in [
        "",
        "a b",
        "a/b",
        "a\nb",
        "a:b",
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

    for id in ["박지성", "Ünïcode", "a.b_c@d-e", "7", &"ж".repeat(64)] {
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

/// RFC 3339, UTC, milliseconds and `Z`.
pub(crate) fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
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
async fn a_wrong_password_and_an_unknown_user_are_answered_in_the_same_words() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.user("carol").await;

    let mut answers = Vec::new();
    // Carol has an account, but no password.
    for id in ["alice", "nobody", "carol"] {
        let mut body = refusal(login(&app, id, "a wrong password"), 401, "bad_credentials").await;
        body["requestId"] = Value::Null;
        answers.push(body);
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_in_the_same_time() {
    let app = AppBuilder::default().alone().spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.user("carol").await;

    let mut medians = Vec::new();
    for id in ["alice", "nobody", "carol"] {
        let mut times = Vec::new();
        for _ in 0..7 {
            let begin = Instant::now();
            refusal(login(&app, id, "a wrong password"), 401, "bad_credentials").await;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        medians.push(times[3]);
    }

    let (fastest, slowest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*slowest < *fastest * 2, "{medians:?}");
}

#[tokio::test]
async fn after_ten_wrong_passwords_an_account_is_closed_for_a_while() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;
    app.sign_up("bob", PASSWORD).await;

    // One known and one unknown account: the limit must not tell them apart either.
    for id in ["alice", "nobody"] {
        let attempts = (0..14).map(|_| send(login(&app, id, "a wrong password")));
        let answers = join_all(attempts).await;
        let wrong = answers
            .iter()
            .filter(|answer| answer.status() == 401)
            .count();
        assert!((10..14).contains(&wrong), "{wrong} attempts for {id}");
        for answer in answers {
            if answer.status() == 429 {
                let wait = answer.headers()["retry-after"].to_str().unwrap();
                assert!((1..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
                problem(answer, 429, "too_many_attempts").await;
            }
        }
    }
    answer(login(&app, "bob", PASSWORD), 200).await;
}

#[tokio::test]
async fn after_a_hundred_wrong_passwords_an_address_is_closed_for_a_while() {
    let app = TestApp::spawn().await;

    let mut wrong = 0;
    let mut refused = Vec::new();
    for round in 0..30 {
        let attempts = (0..10).map(|i| {
            let nobody = format!("nobody{round}-{i}");
            send(login(&app, &nobody, "a wrong password"))
        });
        for answer in join_all(attempts).await {
            if answer.status() == 401 {
                wrong += 1;
            } else {
                refused.push(answer);
            }
        }
        if !refused.is_empty() {
            break;
        }
    }

    // One more a second is allowed while it lasts, so a slow machine gets past the hundred.
    assert!((100..300).contains(&wrong), "{wrong} attempts");
    let refused = refused.pop().expect("a refusal");
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "too_many_attempts").await;
}

#[tokio::test]
async fn right_passwords_use_up_no_attempt() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", PASSWORD).await;

    for _ in 0..15 {
        answer(login(&app, "alice", PASSWORD), 200).await;
    }
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
        refusal(request, 401, "unauthorized").await;
    }
    app.connected(&token, "/api/stream").await;
}

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
    assert_eq!(allowed("https://evil.example").await, None);
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
