//! API keys of back ends: what each may do and nothing else.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::support::{DEADLINE, TestApp};

/// Makes a key; gives its id and the key itself.
pub(crate) async fn key(
    app: &TestApp,
    name: &str,
    scopes: &[&str],
    topics: &[&str],
) -> (String, String) {
    let wanted = json!({"name": name, "scopes": scopes, "topics": topics});
    let making = app.post(&app.admin(), "/api/admin/keys").json(&wanted);
    let made = answer(making, 201).await;
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

pub(crate) async fn revoke(app: &TestApp, id: &str) {
    answer(
        app.delete(&app.admin(), &format!("/api/admin/keys/{id}")),
        204,
    )
    .await;
}

pub(crate) fn publishing(app: &TestApp, key: &str, to: Value) -> RequestBuilder {
    let alarm = json!({"to": to, "alarmType": "T"});
    app.post(key, "/api/alarms").json(&alarm)
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_it() {
    let app = TestApp::embedded().await;
    let admin = app.admin();

    let (id, key) = key(&app, "shop", &["publish:user"], &["user:bob", "user:s-*"]).await;

    assert!(key.starts_with("cmp_") && key.len() == 47, "{key}");
    let listed = answer(app.get(&admin, "/api/admin/keys"), 200).await;
    assert!(!listed.to_string().contains(&key));
    let shown = &listed["keys"][0];
    assert_eq!(shown["id"], *id);
    assert_eq!(shown["name"], "shop");
    assert_eq!(shown["scopes"], json!(["publish:user"]));
    assert_eq!(shown["topics"], json!(["user:bob", "user:s-*"]));
    assert_eq!(shown["expiresAt"], Value::Null);
    let again = json!({"name": "shop", "scopes": ["users"]});
    refusal(
        app.post(&admin, "/api/admin/keys").json(&again),
        409,
        "key_exists",
    )
    .await;
    for (body, code) in [
        (json!({"name": "a b", "scopes": ["users"]}), "invalid_field"),
        (json!({"name": "x", "scopes": ["fly"]}), "invalid_field"),
        (json!({"name": "x", "scopes": []}), "invalid_field"),
        (
            json!({"name": "x", "scopes": ["admin"], "topics": ["everyone"]}),
            "invalid_field",
        ),
        (
            json!({"name": "x", "scopes": ["users"], "topics": ["*"]}),
            "invalid_field",
        ),
        (
            json!({"name": "x", "scopes": ["users"], "expiresInSeconds": 0}),
            "invalid_field",
        ),
        (
            json!({"name": "x", "scopes": ["users"], "role": "admin"}),
            "unknown_field",
        ),
        (json!({"scopes": ["users"]}), "missing_field"),
    ] {
        let making = app.post(&admin, "/api/admin/keys").json(&body);
        refusal(making, 422, code).await;
    }
    for path in ["/api/admin/keys/nobody", "/api/admin/keys/0"] {
        refusal(app.delete(&admin, path), 404, "key_not_found").await;
    }
    for token in [app.user("bob").await, app.service(), key] {
        for path in ["/api/admin/keys", "/api/admin/audit"] {
            assert_eq!(send(app.get(&token, path)).await.status(), 403);
        }
    }
}

/// Method, path, body, and the scope that lets a key in; `none` where no key is let in.
const ROUTES: &str = r#"
POST   /api/alarms {"to": {"user": "bob"}, "alarmType": "T"}          publish:user
POST   /api/alarms {"to": {"users": ["bob"]}, "alarmType": "T"}       publish:user
POST   /api/alarms {"to": {"everyone": true}, "alarmType": "T"}       publish:everyone
POST   /api/alarms {"to": {"role": "admin"}, "alarmType": "T"}        publish:everyone
POST   /api/alarms {"to": {"room": "lobby"}, "alarmType": "T"}        publish:room
PUT    /api/users/bob {"displayName": "Bob"}                          users
POST   /api/users [{"id": "bob"}]                                     users
DELETE /api/alarms?targetId=1&alarmType=T&user=bob                    publish:user
POST   /api/users/bob/sign-out                                        users
POST   /api/tokens {"userId": "bob"}                                  tokens
GET    /metrics                                                       metrics
GET    /api/stream?topic=user:bob                                     watch
GET    /api/stream?topic=*                                            watch
GET    /api/stream?rooms=all                                          watch
GET    /api/admin/keys                                                admin
GET    /api/admin/audit                                               admin
GET    /api/admin/connections                                         admin
GET    /api/admin/alarms                                              admin
GET    /api/admin/users/bob                                           admin
GET    /api/auth/me                                                   none
POST   /api/auth/logout                                               none
GET    /api/alarms                                                    none
GET    /api/alarms/top                                                none
GET    /api/alarms/counts                                             none
POST   /api/alarms/seen {"upTo": 1}                                   none
DELETE /api/alarms/1                                                  none
GET    /api/rooms                                                     none
POST   /api/rooms {"name": "A room"}                                  none
GET    /api/rooms/lobby/messages                                      none
POST   /api/rooms/lobby/messages {"text": "Hello"}                    none
GET    /api/rooms/lobby/presence                                      none
GET    /api/main/alarm                                                none
GET    /api/main/alarm/sub                                            none
HEAD   /api/main/alarm/sub                                            none
GET    /room/subscribe?id=bob                                         none
POST   /room/publish?sender=bob&roomId=lobby                          none
GET    /alarms                                                        none
GET    /admin                                                         none
DELETE /api/users/bob                                                 users
"#;

const SCOPES: &str =
    "publish:user publish:everyone publish:room users tokens types metrics watch admin";

#[tokio::test]
async fn each_route_lets_in_the_scope_that_it_names_and_no_other() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    app.room("lobby").await;
    let mut keys = Vec::new();
    for scope in SCOPES.split(' ') {
        let name = scope.replace(':', "-");
        keys.push((scope, key(&app, &name, &[scope], &[]).await.1));
    }

    for line in ROUTES.trim().lines() {
        let (rest, wanted) = line.trim().rsplit_once(' ').unwrap();
        let mut parts = rest.trim().splitn(3, ' ').filter(|part| !part.is_empty());
        let method: Method = parts.next().unwrap().parse().unwrap();
        let rest: Vec<&str> = parts.collect();
        let rest = rest.join(" ");
        let (path, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        for (scope, key) in &keys {
            let request = app.request(method.clone(), path).bearer_auth(key);
            let request = match body.trim() {
                "" => request,
                json => request
                    .header("Content-Type", "application/json")
                    .body(json.to_owned()),
            };
            let response = send(request).await;
            let (status, case) = (response.status().as_u16(), format!("{line} with {scope}"));
            let is_let_in = wanted == *scope || (wanted, *scope) == ("metrics", "admin");
            if is_let_in {
                assert!((200..300).contains(&status), "{case}: {status}");
                continue;
            }
            assert_eq!(status, 403, "{case}");
            if wanted != "none" {
                let problem: Value = response.json().await.unwrap();
                let code = format!("missing_scope_{}", wanted.replace(':', "_"));
                assert_eq!(problem["code"], *code, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_with_topics_reaches_nothing_beyond_them() {
    let app = TestApp::embedded().await;
    for user in ["bob", "bobby", "s-1", "carol"] {
        app.user(user).await;
    }
    app.room("lobby").await;
    let scopes: Vec<&str> = SCOPES.split(' ').take(8).collect();
    let topics = ["user:bob", "user:s-*", "room:lobby"];
    let (_id, key) = key(&app, "shop", &scopes, &topics).await;

    for inside in [
        json!({"user": "bob"}),
        json!({"users": ["bob", "s-1"]}),
        json!({"room": "lobby"}),
    ] {
        answer(publishing(&app, &key, inside), 201).await;
    }
    for outside in [
        json!({"user": "bobby"}),
        json!({"user": "carol"}),
        json!({"users": ["bob", "carol"]}),
        json!({"everyone": true}),
        json!({"role": "admin"}),
        json!({"room": "other"}),
        json!({"user": "nobody-of-this-name"}),
    ] {
        refusal(publishing(&app, &key, outside), 403, "topic_not_allowed").await;
    }
    for user in ["carol", "bobby", "nobody-of-this-name"] {
        let asking = app.post(&key, "/api/tokens").json(&json!({"userId": user}));
        refusal(asking, 403, "topic_not_allowed").await;
        let naming = app
            .put(&key, &format!("/api/users/{user}"))
            .json(&json!({}));
        refusal(naming, 403, "topic_not_allowed").await;
        let naming = app
            .post(&key, "/api/users")
            .json(&json!([{"id": "bob"}, {"id": user}]));
        refusal(naming, 403, "topic_not_allowed").await;
    }
}

#[tokio::test]
async fn a_key_with_topics_watches_these_alone() {
    let app = TestApp::embedded().await;
    for user in ["bob", "bobby", "s-1", "carol"] {
        app.user(user).await;
    }
    app.room("lobby").await;
    let topics = ["user:bob", "user:s-*", "room:lobby"];
    let (_id, key) = key(&app, "shop", &["watch"], &topics).await;

    for query in [
        "topic=*",
        "rooms=all",
        "topic=user:carol",
        "topic=user:bobby",
        "topic=everyone",
        "room=other",
        "topic=user:bob&topic=user:carol",
    ] {
        let path = format!("/api/stream?{query}");
        refusal(app.get(&key, &path), 403, "topic_not_allowed").await;
    }
    let mut named = app.connected(&key, "/api/stream?topic=user:s-1").await;
    let mut own = app.connected(&key, "/api/stream").await;
    app.publish(json!({"user": "carol"}), "SECRET").await;
    app.publish(json!({"everyone": true}), "SECRET").await;
    app.publish(json!({"user": "s-1"}), "FIRST").await;
    app.publish(json!({"user": "bob"}), "SECOND").await;
    let first = named.next_named("alarm", DEADLINE).await.json();
    assert_eq!(first["topic"], "user:s-1");
    let second = own.next_named("alarm", DEADLINE).await.json();
    assert_eq!(
        second["topic"], "user:bob",
        "the topics of the key one by one"
    );
    let presence = app.user("bob").await;
    let rooms = answer(app.get(&presence, "/api/rooms/lobby/presence"), 200).await;
    assert_eq!(rooms["count"], 0, "a key is present nowhere");
}

#[tokio::test]
async fn a_key_gives_no_role_that_reaches_further_than_it_does() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let (_id, users) = key(&app, "users", &["users", "tokens"], &[]).await;
    let (_id, both) = key(&app, "both", &["users", "admin"], &[]).await;
    let put = |key: &str, body: Value| app.put(key, "/api/users/bob").json(&body);

    for body in [
        json!({"role": "admin"}),
        json!({"role": "service"}),
        json!({"disabled": true}),
    ] {
        refusal(put(&users, body), 403, "forbidden").await;
    }
    answer(
        put(&users, json!({"role": "user", "displayName": "B"})),
        200,
    )
    .await;
    answer(put(&both, json!({"role": "service"})), 200).await;
    refusal(put(&users, json!({"role": "user"})), 403, "forbidden").await;
    for user in ["bob", "admin"] {
        let asking = app
            .post(&users, "/api/tokens")
            .json(&json!({"userId": user}));
        refusal(asking, 403, "forbidden").await;
    }
}

#[tokio::test]
async fn a_key_is_taken_from_the_header_alone() {
    let app = TestApp::embedded().await;
    let (_id, key) = key(&app, "shop", &["watch", "publish:user"], &[]).await;

    let path = format!("/api/stream?topic=*&token={key}");
    let problem = refusal(app.request(Method::GET, &path), 401, "invalid_token").await;
    assert!(!problem.to_string().contains(&key), "{problem}");
    let cookie = format!("campanile_session={key}");
    let request = app.request(Method::GET, "/api/stream?topic=*");
    refusal(request.header("Cookie", cookie), 401, "invalid_token").await;
    for wrong in [
        "cmp_",
        "cmp_x",
        &key[..46],
        &format!("{key}x"),
        &key.replace("cmp_", "CMP_"),
    ] {
        refusal(
            publishing(&app, wrong, json!({"user": "bob"})),
            401,
            "invalid_token",
        )
        .await;
    }
    let before = app.reads().await;
    for number in 0..200 {
        let guess = format!("cmp_{number:0>43}");
        refusal(
            publishing(&app, &guess, json!({"user": "bob"})),
            401,
            "invalid_token",
        )
        .await;
    }
    let reads = app.reads().await - before;
    assert!(
        reads < 150.0,
        "guesses are not looked up one by one: {reads}"
    );
    assert!(app.figure("campanile_unknown_api_keys_total").await >= 200.0);
}

#[tokio::test]
async fn a_revoked_key_is_refused_with_its_tokens_and_its_streams_end() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let (id, shop) = key(&app, "shop", &["watch", "tokens", "publish:user"], &[]).await;
    let (_id, other) = key(&app, "other", &["watch"], &[]).await;
    let asking = || {
        app.post(&shop, "/api/tokens")
            .json(&json!({"userId": "bob"}))
    };
    let token = answer(asking(), 201).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut watching = app.connected(&shop, "/api/stream?topic=*").await;
    let mut bell = app.connected(&token, "/api/stream").await;
    let mut still = app.connected(&other, "/api/stream?topic=*").await;

    revoke(&app, &id).await;

    assert_eq!(watching.bye("logout", DEADLINE).await["reconnect"], false);
    bell.bye("logout", DEADLINE).await;
    refusal(
        publishing(&app, &shop, json!({"user": "bob"})),
        401,
        "invalid_token",
    )
    .await;
    refusal(app.get(&token, "/api/alarms"), 401, "invalid_token").await;
    refusal(asking(), 401, "invalid_token").await;
    app.publish(json!({"user": "bob"}), "T").await;
    still.next_named("alarm", DEADLINE).await;

    let path = format!("/api/admin/keys/{id}/enable");
    answer(app.post(&app.admin(), &path), 200).await;
    answer(publishing(&app, &shop, json!({"user": "bob"})), 201).await;
    refusal(app.get(&token, "/api/alarms"), 401, "invalid_token").await;
    let fresh = answer(asking(), 201).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    answer(app.get(&fresh, "/api/alarms"), 200).await;
}

#[tokio::test]
async fn keys_of_one_name_repeat_their_own_requests_only() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let (_id, one) = key(&app, "one", &["publish:user"], &[]).await;
    let (_id, two) = key(&app, "two", &["publish:user"], &[]).await;
    let publish = async |key: &str| {
        let request = publishing(&app, key, json!({"user": "bob"})).header("Idempotency-Key", "k");
        answer(request, 201).await["alarms"][0]["id"]
            .as_i64()
            .unwrap()
    };

    let first = publish(&one).await;

    assert_eq!(publish(&one).await, first);
    assert_ne!(publish(&two).await, first);
}
