//! Ids, names and passwords: what looks the same is the same, and what is not text is refused.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::answers::{answer, invalid, refusal, send, text};
use crate::database;
use crate::signing_in::{PASSWORD, login, session};
use crate::support::{Claims, DEADLINE, TestApp, run, sign};

/// 한글 as macOS types it, letter by letter.
const NFD: &str = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
const NFC: &str = "한글";

fn in_path(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn an_id_in_composed_and_decomposed_letters_is_one_account() {
    let app = TestApp::spawn().await;
    app.sign_up(NFD, &format!("{NFD} and more")).await;

    let body = json!({"userId": NFC, "password": PASSWORD});
    refusal(
        app.request(Method::POST, "/api/auth/signup").json(&body),
        409,
        "user_exists",
    )
    .await;
    let session = answer(login(&app, NFC, &format!("{NFC} and more")), 200).await;
    assert_eq!(session["user"]["id"], NFC);
    let mut stream = app
        .connected(&sign(&Claims::of(NFD, "user")), "/api/stream")
        .await;
    app.publish(json!({"user": NFD}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
}

#[tokio::test]
async fn an_id_of_an_identity_provider_works_on_every_route_and_page() {
    let app = TestApp::spawn().await;
    for id in [
        "auth0|66ab12",
        "a/b|c:d@e+f",
        "x=y~z",
        "한글/π",
        &"x".repeat(255),
    ] {
        eprintln!("{id}");
        let path = in_path(id);
        let put = app.put(&app.service(), &format!("/api/users/{path}"));
        assert_eq!(answer(put.json(&json!({})), 201).await["id"], id);
        let bob = sign(&Claims::of(id, "user"));
        let mut stream = app.connected(&bob, "/api/stream").await;
        app.publish(json!({"user": id}), "T").await;
        stream.next_named("alarm", DEADLINE).await;
        let admin = app.admin();
        let user = answer(app.get(&admin, &format!("/api/admin/users/{path}")), 200).await;
        assert_eq!(user["user"]["id"], id, "{user}");
        let test = app.post(&admin, &format!("/api/admin/users/{path}/test"));
        answer(test.json(&json!({})), 201).await;
        let page = send(app.get(&admin, &format!("/admin/users/{path}"))).await;
        assert_eq!(page.status(), 200);
        let page = text(page).await;
        assert!(
            page.contains(&format!("/admin/users/{path}/test")),
            "{page}"
        );
        let form = app.post(&admin, &format!("/admin/users/{path}/disconnect"));
        let form = send(
            form.body("")
                .header("Content-Type", "application/x-www-form-urlencoded"),
        );
        assert_eq!(form.await.status(), 303);
    }
    for id in [".", "..", "\u{200b}", "\u{2800}", "\u{3164}", "a\u{200b}"] {
        let body = json!({"userId": id, "password": PASSWORD});
        invalid(
            app.request(Method::POST, "/api/auth/signup").json(&body),
            "userId",
        )
        .await;
    }
}

#[tokio::test]
async fn a_display_name_that_shows_nothing_is_refused() {
    let app = TestApp::spawn().await;
    for name in ["\u{200b}", "\u{2800}", "\u{3164}", " \u{2800}\u{200b} "] {
        let put = app.put(&app.service(), "/api/users/bob");
        invalid(put.json(&json!({"displayName": name})), "displayName").await;
    }
    let put = app.put(&app.service(), "/api/users/bob");
    let made = answer(put.json(&json!({"displayName": "  Bob   🤖 "})), 201).await;
    assert_eq!(made["displayName"], "Bob 🤖");
}

#[tokio::test]
async fn a_chat_message_that_shows_nothing_is_refused() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    app.room("42").await;
    for text in [
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "\u{ad}\u{fe0f}",
        " \u{3000}\n",
    ] {
        let said = app.post(&bob, "/api/rooms/42/messages");
        invalid(said.json(&json!({"text": text})), "text").await;
    }
    for text in ["\u{1f9d1}\u{200d}\u{1f680}", "\u{200b}a", "."] {
        let said = app.post(&bob, "/api/rooms/42/messages");
        answer(said.json(&json!({"text": text})), 201).await;
    }
}

#[tokio::test]
async fn a_password_typed_on_another_keyboard_is_the_same() {
    let app = TestApp::spawn().await;
    app.sign_up("alice", &format!("{NFD} {NFD} {NFD}")).await;

    answer(login(&app, "alice", &format!("{NFC} {NFC} {NFC}")), 200).await;
    answer(login(&app, "alice", &format!("{NFD} {NFD} {NFD}")), 200).await;
    refusal(login(&app, "alice", PASSWORD), 401, "bad_credentials").await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_where_they_identify_something() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let (service, admin) = (app.service(), app.admin());
    let bytes = |text: &[u8]| HeaderValue::from_bytes(text).unwrap();

    let path = app.get(&admin, "/api/admin/users/%ff%fe");
    let problem = refusal(path, 422, "invalid_field").await;
    assert_eq!(problem["detail"], "path: this is not UTF-8");
    invalid(
        app.put(&service, "/api/users/bob%ff").json(&json!({})),
        "path",
    )
    .await;
    let delete = app.request(Method::DELETE, "/api/alarms?targetId=%ff&alarmType=T");
    invalid(delete.bearer_auth(&bob), "targetId").await;
    let publish = json!({"to": {"user": "bob"}, "alarmType": "T"});
    let post = app.post(&service, "/api/alarms").json(&publish);
    invalid(
        post.header("Idempotency-Key", bytes(b"a\xffb")),
        "Idempotency-Key",
    )
    .await;
    let me = app.request(Method::GET, "/api/auth/me");
    let me = me.header("Authorization", bytes(b"Bearer Jos\xe9"));
    refusal(me, 401, "invalid_token").await;
    let form = app.request(Method::POST, "/login");
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = send(form.body("userId=bob&password=%ff%fe%ff%fe%ff%fe%ff%fe")).await;
    assert_eq!(answer.status(), 422);
    assert_eq!(
        send(app.request(Method::GET, "/?utm=%ff")).await.status(),
        200
    );
}

#[tokio::test]
async fn a_cookie_of_another_application_does_not_matter() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    for other in [
        &b"lastname=Jos\xe9"[..],
        b"a=\"x;y\"",
        b"=",
        b"novalue",
        b"x=\x80\x81",
    ] {
        for cookie in [
            [other, b"; ", session(&bob).as_bytes()].concat(),
            [session(&bob).as_bytes(), b"; ", other].concat(),
        ] {
            let me = app.request(Method::GET, "/api/auth/me");
            let cookie = HeaderValue::from_bytes(&cookie).unwrap();
            let me = answer(me.header("Cookie", cookie.clone()), 200).await;
            assert_eq!(me["id"], "bob");
            let page = app.request(Method::GET, "/rooms").header("Cookie", cookie);
            assert_eq!(send(page).await.status(), 200);
        }
    }
}

/// One that was left for a wider domain, for example; the browser sends both, and signing in again would not help.
#[tokio::test]
async fn another_cookie_of_the_same_name_does_not_matter() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let expired = sign(&Claims::of("bob", "user").expired());
    let good = session(&bob);
    for other in [
        "campanile_session=left over".to_owned(),
        "campanile_session=".to_owned(),
        session(&expired),
    ] {
        for cookie in [format!("{other}; {good}"), format!("{good}; {other}")] {
            let me = app.request(Method::GET, "/api/auth/me");
            assert_eq!(answer(me.header("Cookie", cookie), 200).await["id"], "bob");
        }
        let two_bad = format!("{other}; {other}x");
        let me = app.request(Method::GET, "/api/auth/me");
        refusal(me.header("Cookie", two_bad), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn ids_of_earlier_versions_stay_what_they_are_and_are_found_in_either_spelling() {
    let mut app = TestApp::spawn().await;
    app.sign_up("old-nfd", PASSWORD).await;
    app.sign_up("old-roman", PASSWORD).await;
    app.stop().await;
    for (made, former) in [("old-nfd", NFD), ("old-roman", "Ⅷ²")] {
        let statement = format!("UPDATE users SET id = '{former}' WHERE id = '{made}'");
        database::execute(&app, &statement);
    }
    app.restart().await;

    for typed in [NFD, NFC] {
        let session = answer(login(&app, typed, PASSWORD), 200).await;
        assert_eq!(session["user"]["id"], NFD);
    }
    let session = answer(login(&app, "Ⅷ²", PASSWORD), 200).await;
    assert_eq!(session["user"]["id"], "Ⅷ²");
    app.publish(json!({"user": NFC}), "T").await;
    let token = session["token"].as_str().unwrap();
    answer(app.get(token, "/api/alarms"), 200).await;
}

#[tokio::test]
async fn the_command_adds_no_second_account_for_an_id_of_an_earlier_version() {
    let mut app = TestApp::spawn().await;
    app.sign_up("old-nfd", PASSWORD).await;
    app.stop().await;
    let rename = format!("UPDATE users SET id = '{NFD}' WHERE id = 'old-nfd'");
    database::execute(&app, &rename);

    for typed in [NFD, NFC] {
        let arguments = ["user", "add", typed, "--role", "user"];
        let output = run(app.folder(), &arguments, &[], PASSWORD).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("already a user"), "{told}");
    }
}
