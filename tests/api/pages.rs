//! The pages without JavaScript: who gets in, what the forms do, and that nothing typed by people becomes markup.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, send};
use crate::browsing::{back, html, page, submit};
use crate::support::{AppBuilder, TestApp};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn pages_send_those_who_are_not_signed_in_to_the_door_and_back() {
    let app = TestApp::spawn().await;
    app.room("lobby").await;

    for path in ["/rooms", "/rooms/lobby", "/alarms", "/admin", "/compare"] {
        let location = back(&send(app.request(Method::GET, path)).await);
        let next = location.strip_prefix("/?next=").expect("the door");
        let decoded = percent_encoding::percent_decode_str(next)
            .decode_utf8()
            .unwrap();
        assert_eq!(decoded, path);
    }
    let door = html(app.request(Method::GET, "/?next=/alarms"), 200).await;
    assert!(door.contains("action=\"/login\"") && door.contains("value=\"/alarms\""));
}

#[tokio::test]
async fn signing_in_and_out_works_with_forms_alone() {
    let app = TestApp::spawn().await;
    let sign_up = app
        .request(Method::POST, "/signup")
        .header("Origin", &app.base_url)
        .form(&[
            ("userId", "alice"),
            ("password", PASSWORD),
            ("displayName", "Alice A."),
            ("next", "/alarms"),
        ]);
    let response = send(sign_up).await;
    assert_eq!(back(&response), "/alarms");
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    let session = cookie.split([';', '=']).nth(1).unwrap().to_owned();

    let rooms = html(page(&app, &session, "/rooms"), 200).await;
    assert!(rooms.contains("Alice A."));
    assert_eq!(back(&send(page(&app, &session, "/")).await), "/rooms");

    let response = send(submit(&app, &session, "/logout", &[])).await;
    assert_eq!(back(&response), "/");
    assert!(
        response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("campanile_session=;")
    );

    let login = |password: &str, next: &str| {
        app.request(Method::POST, "/login")
            .header("Origin", &app.base_url)
            .form(&[("userId", "alice"), ("password", password), ("next", next)])
    };
    assert_eq!(back(&send(login(PASSWORD, "/rooms")).await), "/rooms");
    let wrong = html(login("a wrong password", "/rooms"), 401).await;
    assert!(wrong.contains("action=\"/login\"") && !wrong.contains("a wrong password"));
    for elsewhere in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        let location = back(&send(login(PASSWORD, elsewhere)).await);
        assert_eq!(location, "/rooms", "{elsewhere:?}");
    }
}

#[tokio::test]
async fn a_closed_hub_shows_no_form_to_sign_up() {
    let app = AppBuilder::default()
        .env("CAMPANILE_SIGNUP", "closed")
        .spawn()
        .await;

    let door = html(app.request(Method::GET, "/"), 200).await;

    assert!(door.contains("action=\"/login\"") && !door.contains("action=\"/signup\""));
}

#[tokio::test]
async fn forms_from_another_site_are_refused() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("lobby").await;
    let id = app.publish(json!({"user": "bob"}), "T").await;

    for path in [
        "/rooms".to_owned(),
        "/rooms/lobby".to_owned(),
        format!("/alarms/{id}/delete"),
        "/alarms/read".to_owned(),
        "/admin/publish".to_owned(),
        "/logout".to_owned(),
        "/login".to_owned(),
        "/signup".to_owned(),
    ] {
        // Signing in has no cookie to abuse: a program that names no origin may.
        let may_be_silent = matches!(path.as_str(), "/login" | "/signup");
        let origins = [Some("http://evil.example"), None];
        for origin in origins.into_iter().take(if may_be_silent { 1 } else { 2 }) {
            eprintln!("{path} from {origin:?}");
            let mut request = app
                .request(Method::POST, &path)
                .header("Accept", "text/html")
                .header("Cookie", format!("campanile_session={bob}"))
                .form(&[
                    ("text", "x"),
                    ("name", "x"),
                    ("upTo", "1"),
                    ("userId", "bob"),
                    ("password", "12345678"),
                ]);
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            html(request, 403).await;
        }
    }
    assert_eq!(
        answer(app.get(&bob, "/api/alarms"), 200).await["meta"]["unread"],
        1
    );
}

#[tokio::test]
async fn rooms_and_messages_work_with_forms_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    let made = send(submit(
        &app,
        &bob,
        "/rooms",
        &[("id", "attic"), ("name", "The attic")],
    ))
    .await;
    assert_eq!(back(&made), "/rooms/attic");
    let said = send(submit(
        &app,
        &bob,
        "/rooms/attic",
        &[("text", "Hello there"), ("clientId", "c1")],
    ))
    .await;
    assert!(back(&said).starts_with("/rooms/attic"));
    let again = send(submit(
        &app,
        &bob,
        "/rooms/attic",
        &[("text", "Hello there"), ("clientId", "c1")],
    ))
    .await;
    assert!(back(&again).starts_with("/rooms/attic"));

    let room = html(page(&app, &bob, "/rooms/attic"), 200).await;
    assert_eq!(room.matches("Hello there").count(), 1);
    assert!(room.contains("The attic"));
    assert!(
        html(page(&app, &bob, "/rooms"), 200)
            .await
            .contains("The attic")
    );
    html(page(&app, &bob, "/rooms/nowhere"), 404).await;
    html(
        submit(&app, &bob, "/rooms", &[("id", "attic"), ("name", "Again")]),
        409,
    )
    .await;
    html(submit(&app, &bob, "/rooms/attic", &[("text", " ")]), 422).await;
}

#[tokio::test]
async fn the_inbox_works_with_forms_alone() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.publish(json!({"user": "bob"}), "NEW_COMMENT").await);
    }
    let counts = async || {
        let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
        (
            inbox["items"].as_array().unwrap().len(),
            inbox["meta"]["unread"].clone(),
        )
    };
    let post = |path: String, fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        submit(&app, &bob, &path, &fields)
    };

    let inbox = html(page(&app, &bob, "/alarms"), 200).await;
    assert_eq!(
        inbox.matches(&format!("/alarms/{}/delete", ids[0])).count(),
        1
    );
    assert!(
        back(&send(post(format!("/alarms/{}/read", ids[0]), vec![])).await).starts_with("/alarms")
    );
    assert_eq!(counts().await, (3, json!(2)));
    back(&send(post(format!("/alarms/{}/unread", ids[0]), vec![])).await);
    assert_eq!(counts().await, (3, json!(3)));
    back(
        &send(post(
            "/alarms/read".to_owned(),
            vec![("upTo", ids[1].to_string())],
        ))
        .await,
    );
    assert_eq!(counts().await, (3, json!(1)));
    back(&send(post(format!("/alarms/{}/delete", ids[2]), vec![])).await);
    assert_eq!(counts().await, (2, json!(0)));
    let elsewhere = post(
        format!("/alarms/{}/read", ids[0]),
        vec![("back", "//evil.example".to_owned())],
    );
    assert!(back(&send(elsewhere).await).starts_with("/alarms"));
}

#[tokio::test]
async fn what_people_type_is_shown_as_text_on_every_page() {
    let app = TestApp::spawn().await;
    let script = "<script>alert('x')</script>\"'&";
    let body = json!({"displayName": script});
    answer(app.put(&app.service(), "/api/users/bob").json(&body), 201).await;
    let bob = app.user("bob").await;
    let room = json!({"id": "lobby", "name": script});
    answer(app.post(&bob, "/api/rooms").json(&room), 201).await;
    let message = json!({"text": script, "clientId": script});
    answer(
        app.post(&bob, "/api/rooms/lobby/messages").json(&message),
        201,
    )
    .await;
    for to in [
        json!({"user": "bob"}),
        json!({"room": "lobby"}),
        json!({"everyone": true}),
    ] {
        let alarm = json!({"to": to, "alarmType": "T", "targetId": script,
            "data": {"title": script, "text": script}, "url": "https://a.example/\"><script>alert(1)</script>"});
        let status = send(app.post(&app.service(), "/api/alarms").json(&alarm))
            .await
            .status();
        assert!([201, 422].contains(&status.as_u16()), "{status}");
        let mut alarm: Value = alarm;
        alarm["url"] = json!("/posts/1");
        answer(app.post(&app.service(), "/api/alarms").json(&alarm), 201).await;
    }
    let agent = app.get(&bob, "/api/stream").header("User-Agent", script);
    let _stream = crate::support::SseClient::open(agent).await;
    let door = format!(
        "/?next=/{}",
        percent_encoding::utf8_percent_encode(script, percent_encoding::NON_ALPHANUMERIC)
    );

    for (session, path) in [
        (&bob, "/rooms"),
        (&bob, "/rooms/lobby"),
        (&bob, "/alarms"),
        (&app.admin(), "/admin"),
        (&app.admin(), "/alarms"),
        (&String::new(), door.as_str()),
    ] {
        eprintln!("{path}");
        let request = if session.is_empty() {
            app.request(Method::GET, path)
        } else {
            page(&app, session, path)
        };
        let html = html(request, 200).await;
        assert!(!html.contains("<script>alert"), "{html}");
    }
}

#[tokio::test]
async fn pages_may_not_be_framed_nor_run_scripts_of_others() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    for path in ["/rooms", "/alarms"] {
        let response = send(page(&app, &bob, path)).await;
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"),
            "{policy}"
        );
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}
