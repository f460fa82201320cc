//! Users who are signed out everywhere, and accounts that are deleted.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::api_keys::key;
use crate::browsing::{html, page};
use crate::publishing::ids;
use crate::signing_in::{PASSWORD, login};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign};

async fn sign_out(app: &TestApp, by: &str, id: &str) -> StatusCode {
    let path = format!("/api/users/{id}/sign-out");
    send(app.post(by, &path)).await.status()
}

async fn delete(app: &TestApp, by: &str, id: &str) -> StatusCode {
    send(app.delete(by, &format!("/api/users/{id}")))
        .await
        .status()
}

/// A token that the hub gives now.
async fn given_now(app: &TestApp, key: &str, id: &str) -> String {
    let asking = app.post(key, "/api/tokens").json(&json!({"userId": id}));
    let token = answer(asking, 201).await["token"].take();
    token.as_str().unwrap().to_owned()
}

/// A token without `iat`.
fn timeless(id: &str, role: &str) -> String {
    let claims = json!({"sub": id, "role": role, "exp": 4_000_000_000_u64});
    let key = jsonwebtoken::EncodingKey::from_secret(crate::support::SECRET.as_bytes());
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

async fn refused(app: &TestApp, token: &str) {
    for path in ["/api/alarms", "/api/stream", "/api/auth/me"] {
        refusal(app.get(token, path), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn a_user_who_is_signed_out_everywhere_keeps_no_token_and_no_stream() {
    let app = TestApp::embedded().await;
    let (_id, tokens) = key(&app, "shop", &["tokens"], &[]).await;
    let signed_in = app.sign_up("bob", PASSWORD).await;
    let (of_site, carol) = (sign(&Claims::of("bob", "user")), app.user("carol").await);
    let of_key = given_now(&app, &tokens, "bob").await;
    let mut bells = Vec::new();
    for token in [&signed_in, &of_site, &of_key] {
        bells.push(app.connected(token, "/api/stream").await);
    }
    let mut other = app.connected(&carol, "/api/stream").await;

    assert_eq!(sign_out(&app, &app.service(), "bob").await, 204);

    for mut bell in bells {
        assert_eq!(bell.bye("logout", DEADLINE).await["reconnect"], false);
    }
    for token in [&signed_in, &of_site, &of_key, &timeless("bob", "user")] {
        refused(&app, token).await;
    }
    let again = given_now(&app, &tokens, "bob").await;
    answer(app.get(&again, "/api/alarms"), 200).await;
    let session = answer(login(&app, "bob", PASSWORD), 200).await;
    let session = session["token"].as_str().unwrap();
    answer(app.get(session, "/api/alarms"), 200).await;
    app.publish(json!({"user": "carol"}), "T").await;
    other.next_named("alarm", DEADLINE).await;
    let log = answer(app.get(&app.admin(), "/api/admin/audit"), 200).await;
    let entry = &log["entries"][0];
    let told = [&entry["action"], &entry["target"], &entry["actor"]];
    assert_eq!(told, ["user.sign_out", "bob", "backend"]);
}

#[tokio::test]
async fn only_those_who_may_sign_out_and_delete_do() {
    let app = TestApp::embedded().await;
    let (bob, admin, service) = (app.user("bob").await, app.admin(), app.service());
    for (id, role) in [("shop", "service"), ("erin", "admin"), ("dave", "user")] {
        let put = app.put(&admin, &format!("/api/users/{id}"));
        answer(put.json(&json!({"role": role})), 201).await;
    }
    let (_, narrow) = key(&app, "narrow", &["users"], &["user:dave", "user:erin"]).await;
    let (_, other) = key(&app, "other", &["tokens", "publish:user"], &[]).await;
    let tries: [(&str, &str, u16); 11] = [
        (&bob, "bob", 403),
        (&bob, "dave", 403),
        (&other, "dave", 403),
        (&narrow, "bob", 403),
        (&narrow, "erin", 403),
        (&service, "erin", 403),
        (&service, "shop", 403),
        (&service, "admin", 403),
        (&service, "nobody", 404),
        (&admin, "nobody", 404),
        (&narrow, "nobody", 403),
    ];

    for (by, id, wanted) in tries {
        assert_eq!(sign_out(&app, by, id).await, wanted, "{id}");
        assert_eq!(delete(&app, by, id).await, wanted, "{id}");
    }

    assert_eq!(delete(&app, &admin, "admin").await, 403, "not themselves");
    assert_eq!(sign_out(&app, &narrow, "dave").await, 204);
    assert_eq!(delete(&app, &narrow, "dave").await, 204);
    assert_eq!(delete(&app, &admin, "shop").await, 204);
    let put = app.put(&admin, "/api/users/erin");
    answer(put.json(&json!({"disabled": true})), 200).await;
    let root = sign(&Claims::of("root", "admin"));
    assert_eq!(delete(&app, &root, "admin").await, 403, "the last one");
    assert_eq!(delete(&app, &admin, "erin").await, 204);
    for token in [
        sign(&Claims::of("erin", "admin")),
        timeless("erin", "admin"),
    ] {
        refusal(app.get(&token, "/api/admin/keys"), 401, "invalid_token").await;
    }
    let log = answer(app.get(&admin, "/api/admin/audit?limit=2"), 200).await;
    assert_eq!(log["entries"][0]["action"], "user.delete");
    assert_eq!(log["entries"][0]["detail"], json!({"role": "admin"}));
}

#[tokio::test]
async fn a_later_account_of_a_deleted_id_sees_nothing_of_the_former_one() {
    for users in ["known", "any"] {
        let app = AppBuilder::default().embedded();
        let app = app.env("CAMPANILE_USERS", users).spawn().await;
        let (_id, tokens) = key(&app, "shop", &["tokens"], &[]).await;
        let (former, service) = (app.user("bob").await, app.service());
        let secret = app.publish(json!({"user": "bob"}), "SECRET").await;
        let everyone = app.publish(json!({"everyone": true}), "SECRET").await;
        answer(
            app.post(&former, &format!("/api/alarms/{secret}/read")),
            200,
        )
        .await;
        let mut bell = app.connected(&former, "/api/stream").await;

        assert_eq!(delete(&app, &service, "bob").await, 204);

        bell.bye("logout", DEADLINE).await;
        for token in [&former, &timeless("bob", "user")] {
            refused(&app, token).await;
        }
        let found = app.get(&app.admin(), "/api/admin/users/bob");
        refusal(found, 404, "user_not_found").await;
        // The first alarm makes the account where any id may have one.
        if users == "known" {
            let put = app.put(&service, "/api/users/bob");
            answer(put.json(&json!({})), 201).await;
        }
        let first = app.publish(json!({"user": "bob"}), "FIRST").await;
        let bob = given_now(&app, &tokens, "bob").await;

        let inbox = answer(app.get(&bob, "/api/alarms"), 200).await;
        assert_eq!(ids(&inbox), [first], "{users}");
        assert_eq!(inbox["meta"]["unread"], 1);
        for id in [secret, everyone] {
            let asking = app.get(&bob, &format!("/api/alarms/{id}"));
            refusal(asking, 404, "alarm_not_found").await;
        }
        let mut replay = app.stream(&bob, "/api/stream?cursor=0").await;
        assert_eq!(replay.next_named("alarm", DEADLINE).await.number(), first);
        for path in ["/api/stream?cursor=0", "/api/main/alarm"] {
            let polled = app.get(&bob, path).header("Accept", "application/json");
            let text = answer(polled, 200).await.to_string();
            let shows_first = text.contains("FIRST") && !text.contains("SECRET");
            assert!(shows_first, "{path}: {text}");
        }
        refused(&app, &former).await;
    }
}

/// Nobody has an account that a token could make again.
#[tokio::test]
async fn a_token_of_a_deleted_user_makes_no_account_and_a_later_one_does() {
    let app = AppBuilder::default().embedded();
    let app = app.env("CAMPANILE_USERS", "any").spawn().await;
    let (_id, tokens) = key(&app, "shop", &["tokens"], &[]).await;
    let former = sign(&Claims::of("bob", "user"));
    let service = sign(&Claims::of("robot", "service"));
    answer(app.get(&former, "/api/auth/me"), 200).await;
    let put = app.put(&app.admin(), "/api/users/robot");
    answer(put.json(&json!({"role": "service"})), 201).await;
    let mut watching = app.connected(&service, "/api/stream?topic=*").await;

    for id in ["bob", "robot"] {
        assert_eq!(delete(&app, &app.admin(), id).await, 204);
    }

    watching.bye("logout", DEADLINE).await;
    for token in [&former, &timeless("bob", "user"), &service] {
        refused(&app, token).await;
    }
    let found = app.get(&app.admin(), "/api/admin/users/bob");
    refusal(found, 404, "user_not_found").await;
    let bob = given_now(&app, &tokens, "bob").await;
    assert_eq!(
        answer(app.get(&bob, "/api/auth/me"), 200).await["id"],
        "bob"
    );
}

#[tokio::test]
async fn what_a_deleted_user_wrote_is_shown_as_that_of_a_deleted_user() {
    let app = TestApp::embedded().await;
    app.room("attic").await;
    let (_id, tokens) = key(&app, "shop", &["tokens"], &[]).await;
    let (former, carol) = (app.user("bob").await, app.user("carol").await);
    let said = app.post(&former, "/api/rooms/attic/messages");
    let said = answer(said.json(&json!({"text": "of the former"})), 201).await;
    let alarm = json!({"to": {"user": "carol"}, "alarmType": "T", "fromUserId": "bob"});
    let sent = app.post(&app.service(), "/api/alarms").json(&alarm);
    let sent = answer(sent, 201).await["alarms"][0]["id"].take();
    assert_eq!(delete(&app, &app.service(), "bob").await, 204);
    let name = json!({"displayName": "Robert"});
    answer(app.put(&app.service(), "/api/users/bob").json(&name), 201).await;
    let bob = given_now(&app, &tokens, "bob").await;
    let new = app.post(&bob, "/api/rooms/attic/messages");
    let new = answer(new.json(&json!({"text": "of the later one"})), 201).await;

    let senders = format!(
        "/api/alarms/senders?id={}&id={}&id={sent}",
        said["id"], new["id"]
    );
    let senders = answer(app.get(&carol, &senders), 200).await;
    let english = html(page(&app, &carol, "/rooms/attic"), 200).await;
    let inbox = page(&app, &carol, "/alarms").header("Accept-Language", "ko");
    let korean = html(inbox, 200).await;
    let history = answer(app.get(&carol, "/api/rooms/attic/messages"), 200).await;

    assert_eq!(senders["names"], json!({"bob": "Robert"}));
    assert_eq!(senders["deleted"], json!({"bob": sent}));
    let bylines: Vec<&str> = english
        .split("class=\"byline\"><b>")
        .skip(1)
        .filter_map(|rest| rest.split("</b>").next())
        .collect();
    assert_eq!(bylines, ["deleted user", "Robert"]);
    assert!(korean.contains("<b>삭제된 사용자</b>"), "{korean}");
    let authors = history["items"].as_array().unwrap().iter();
    let authors: Vec<&Value> = authors.map(|one| &one["fromUserId"]).collect();
    assert_eq!(authors, ["bob", "bob"], "it keeps its author");
}
