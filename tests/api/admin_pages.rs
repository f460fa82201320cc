//! The admin's pages without JavaScript: who may open them, and what their forms do.

use serde_json::json;

use crate::answers::{answer, send};
use crate::browsing::{back, html, page, submit};
use crate::support::TestApp;

#[tokio::test]
async fn the_admin_page_is_for_admins() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;

    html(page(&app, &app.admin(), "/admin"), 200).await;
    html(page(&app, &bob, "/admin"), 403).await;
    let fields = [("target", "user"), ("users", "bob"), ("alarmType", "T")];
    html(submit(&app, &bob, "/admin/publish", &fields), 403).await;
    html(
        submit(&app, &bob, "/admin/connections/x/disconnect", &[]),
        403,
    )
    .await;

    assert_eq!(
        answer(app.get(&bob, "/api/alarms"), 200).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn the_admin_page_leads_to_the_page_of_the_api_in_both_languages() {
    let app = TestApp::spawn().await;

    for (language, words) in [("en", "Try the API"), ("ko", "API 사용해 보기")] {
        let request = page(&app, &app.admin(), "/admin").header("Accept-Language", language);
        let text = html(request, 200).await;
        let link = format!("<a href=\"/api/docs\" hreflang=\"en\">{words}</a>");
        assert!(text.contains(&link), "{text}");
    }
}

#[tokio::test]
async fn an_admin_publishes_with_the_form() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.user("carol").await;
    let fields = [
        ("idempotencyKey", "form-1"),
        ("target", "user"),
        ("users", "bob, carol"),
        ("room", ""),
        ("alarmType", "NOTICE"),
        ("data", "{\"title\":\"Hello\"}"),
        ("url", "/posts/1"),
        ("expiresInSeconds", ""),
        ("confirm", ""),
    ];

    for _ in 0..2 {
        // The same form sent twice, as by an impatient finger, is one alarm.
        back(&send(submit(&app, &app.admin(), "/admin/publish", &fields)).await);
    }

    let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
    assert_eq!(inbox["items"].as_array().unwrap().len(), 1);
    let alarm = &inbox["items"][0];
    assert_eq!(
        (&alarm["alarmType"], &alarm["url"]),
        (&json!("NOTICE"), &json!("/posts/1"))
    );
    assert_eq!(alarm["data"], json!({"title": "Hello"}));
    let wrong = [
        ("target", "user"),
        ("users", "nobody"),
        ("alarmType", "NOTICE"),
    ];
    let again = html(submit(&app, &app.admin(), "/admin/publish", &wrong), 422).await;
    assert!(
        again.contains("nobody"),
        "the form is shown again as it was filled in"
    );
}

#[tokio::test]
async fn an_admin_disconnects_with_the_form() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.stream(&bob, "/api/stream").await;
    let connect = stream.next_event(crate::support::DEADLINE).await.json();
    let path = format!(
        "/admin/connections/{}/disconnect",
        connect["clientId"].as_str().unwrap()
    );

    assert!(
        html(page(&app, &app.admin(), "/admin"), 200)
            .await
            .contains(&path)
    );
    back(&send(submit(&app, &app.admin(), &path, &[])).await);

    stream.bye("kicked", crate::support::DEADLINE).await;
}

#[tokio::test]
async fn an_admin_looks_a_user_up_and_acts_with_forms_alone() {
    let app = TestApp::spawn().await;
    let admin = app.admin();
    let korean = "\u{c601}\u{d76c}";
    let token = app.user(korean).await;
    let mut stream = app.connected(&token, "/api/stream").await;
    let encoded = percent_encoding::utf8_percent_encode(korean, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/admin/users/{encoded}");

    let find = page(&app, &admin, "/admin/users").query(&[("id", korean)]);
    assert_eq!(back(&send(find).await), path);
    assert!(html(page(&app, &admin, &path), 200).await.contains(korean));
    assert_eq!(
        back(&send(submit(&app, &admin, &format!("{path}/test"), &[])).await),
        format!("{path}?done=test")
    );
    stream.next_named("alarm", crate::support::DEADLINE).await;
    back(&send(submit(&app, &admin, &format!("{path}/disable"), &[])).await);
    let bye = stream.bye("kicked", crate::support::DEADLINE).await;
    assert_eq!(bye["reconnect"], false);
    let shown = html(page(&app, &admin, &format!("{path}?done=disable")), 200).await;
    assert!(
        shown.contains("The account is disabled") && shown.contains("/enable"),
        "{shown}"
    );
    back(&send(submit(&app, &admin, &format!("{path}/enable"), &[])).await);
    back(&send(submit(&app, &admin, &format!("{path}/disconnect"), &[])).await);

    html(page(&app, &admin, "/admin/users?id=nobody"), 404).await;
    html(submit(&app, &admin, "/admin/users/admin/disable", &[]), 403).await;
    html(page(&app, &token, &path), 403).await;
    html(submit(&app, &token, &format!("{path}/disable"), &[]), 403).await;
}

#[tokio::test]
async fn the_recent_alarms_are_filtered_without_a_script() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    app.publish(json!({"user": "bob"}), "APPLE").await;
    app.publish(json!({"everyone": true}), "PEAR").await;

    let all = html(page(&app, &app.admin(), "/admin/recent"), 200).await;
    assert!(all.contains("Apple") && all.contains("Pear"));
    let apples = html(page(&app, &app.admin(), "/admin/recent?q=aPPl"), 200).await;
    assert!(apples.contains("Apple") && !apples.contains("Pear"));
    let none = html(page(&app, &app.admin(), "/admin/recent?q=plum"), 200).await;
    assert!(none.contains("Nothing matches."));
}

#[tokio::test]
async fn a_preview_says_who_is_reached_and_sends_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let _stream = app.connected(&bob, "/api/stream").await;
    let preview = |target: &str, users: &str| {
        let fields = [
            ("target", target),
            ("users", users),
            ("alarmType", "NOTICE"),
            ("data", "{\"a\":\"it's\"}"),
        ];
        submit(&app, &app.admin(), "/admin/preview", &fields)
    };

    let named = html(preview("user", "bob zoe"), 200).await;
    assert!(
        named.contains("Reaches 1 account, 1 open stream right now."),
        "{named}"
    );
    assert!(named.contains("Nobody is called zoe"), "{named}");
    assert!(
        named.contains("value=\"bob zoe\""),
        "the form is kept: {named}"
    );
    let everyone = html(preview("everyone", ""), 200).await;
    assert!(
        everyone.contains("Reaches 2 accounts, 1 open stream right now."),
        "{everyone}"
    );
    html(preview("user", ""), 422).await;

    assert_eq!(
        answer(app.get(&bob, "/api/alarms"), 200).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn an_admin_makes_and_revokes_keys_with_forms() {
    let app = TestApp::embedded().await;
    let (admin, bob) = (app.admin(), app.user("bob").await);
    let fields = [
        ("name", "shop"),
        ("scope", "publish:user"),
        ("scope", "tokens"),
        ("topics", "user:bob user:s-*"),
        ("days", "30"),
    ];
    html(submit(&app, &bob, "/admin/keys", &fields), 403).await;
    html(page(&app, &bob, "/admin/keys"), 403).await;
    let foreign = app
        .request(reqwest::Method::POST, "/admin/keys")
        .header("Origin", "https://evil.example")
        .header("Cookie", format!("campanile_session={admin}"))
        .form(&fields);
    assert_eq!(send(foreign).await.status(), 403);

    let made = html(submit(&app, &admin, "/admin/keys", &fields), 201).await;

    let (_, rest) = made.split_once("cmp_").unwrap();
    let key = format!("cmp_{}", rest.split('<').next().unwrap());
    let alarm = json!({"to": {"user": "bob"}, "alarmType": "T"});
    answer(app.post(&key, "/api/alarms").json(&alarm), 201).await;
    let again = html(submit(&app, &admin, "/admin/keys", &fields), 409).await;
    assert!(again.contains("There is already a key of that name."));
    assert!(
        again.contains("value=\"tokens\" checked"),
        "the form keeps what was chosen"
    );
    let listed = html(page(&app, &admin, "/admin/keys"), 200).await;
    assert!(!listed.contains(&key) && listed.contains("user:bob user:s-*"));
    assert!(listed.contains("api_key.create"));
    let (_, rest) = listed.split_once("/admin/keys/").unwrap();
    let id = rest.split('/').next().unwrap();
    back(
        &send(submit(
            &app,
            &admin,
            &format!("/admin/keys/{id}/revoke"),
            &[],
        ))
        .await,
    );
    assert_eq!(
        send(app.post(&key, "/api/alarms").json(&alarm))
            .await
            .status(),
        401
    );
    back(
        &send(submit(
            &app,
            &admin,
            &format!("/admin/keys/{id}/enable"),
            &[],
        ))
        .await,
    );
    answer(app.post(&key, "/api/alarms").json(&alarm), 201).await;
}

#[tokio::test]
async fn a_form_of_a_key_with_a_fault_is_shown_again() {
    let app = TestApp::embedded().await;
    let admin = app.admin();
    for (name, value) in [
        ("name", "a b"),
        ("scope", "fly"),
        ("topics", "*"),
        ("days", "0"),
    ] {
        let mut wrong = Vec::from([("name", "other"), ("scope", "users")]);
        wrong.retain(|field| field.0 != name);
        wrong.push((name, value));
        html(submit(&app, &admin, "/admin/keys", &wrong), 422).await;
    }
}
