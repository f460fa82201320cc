//! Tokens that a key gives, the keys of the command line, and the audit log.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::api_keys::{key, publishing, revoke};
use crate::browsing::{back, submit};
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, run, sign, until};

async fn audit(app: &TestApp) -> Vec<Value> {
    let mut page = answer(app.get(&app.admin(), "/api/admin/audit"), 200).await;
    serde_json::from_value(page["entries"].take()).unwrap()
}

/// The audit log, two entries at a time.
async fn paged(app: &TestApp) -> Vec<Value> {
    let mut before = String::new();
    let mut paged = Vec::new();
    loop {
        let path = format!("/api/admin/audit?limit=2{before}");
        let page = answer(app.get(&app.admin(), &path), 200).await;
        paged.extend(page["entries"].as_array().unwrap().clone());
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return paged,
        }
    }
}

/// The number of uses that the entries count.
fn uses(entries: &[Value], id: &str) -> i64 {
    let uses = entries
        .iter()
        .filter(|entry| entry["action"] == "api_key.use");
    let uses: Vec<_> = uses.collect();
    assert!(
        uses.iter()
            .all(|one| one["actor"] == "key:shop" && one["target"] == id)
    );
    uses.iter()
        .map(|one| one["detail"]["count"].as_i64().unwrap())
        .sum()
}

/// Runs `campanile api-key` in the folder of the hub.
async fn api_key(app: &TestApp, arguments: &[&str]) -> std::process::Output {
    let arguments = [&["api-key"], arguments].concat();
    run(app.folder(), &arguments, &[], "").await
}

#[tokio::test]
async fn a_token_is_for_a_user_and_for_a_limited_time() {
    let app = TestApp::embedded().await;
    app.user("bob").await;
    let wanted = json!({"name": "brief", "scopes": ["tokens"], "expiresInSeconds": 120});
    let making = app.post(&app.admin(), "/api/admin/keys").json(&wanted);
    let brief = answer(making, 201).await;
    let (_id, long) = key(&app, "long", &["tokens"], &[]).await;
    let ask = |key: &str, body: Value| app.post(key, "/api/tokens").json(&body);

    for ttl in [0, 59, 86_401] {
        let body = json!({"userId": "bob", "ttlSeconds": ttl});
        refusal(ask(&long, body), 422, "invalid_field").await;
    }
    let body = json!({"userId": "bob", "role": "admin"});
    refusal(ask(&long, body), 422, "unknown_field").await;
    refusal(ask(&long, json!({"userId": "nobody"})), 422, "unknown_user").await;
    for token in [app.admin(), app.service(), sign(&Claims::of("bob", "user"))] {
        refusal(ask(&token, json!({"userId": "bob"})), 403, "forbidden").await;
    }

    for (key, ttl, least, most) in [
        (long.as_str(), None, 3_590, 3_600),
        (long.as_str(), Some(60), 50, 60),
        (long.as_str(), Some(86_400), 86_390, 86_400),
        (brief["key"].as_str().unwrap(), Some(3_600), 60, 120),
    ] {
        let issued = answer(ask(key, json!({"userId": "bob", "ttlSeconds": ttl})), 201).await;
        let token = issued["token"].as_str().unwrap();
        let response = send(
            app.get(token, "/api/stream?cursor=0")
                .header("Accept", "application/json"),
        )
        .await;
        assert_eq!(response.status(), 200);
        let left: i64 = response.headers()["campanile-expires-in"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((least - 30..=most).contains(&left), "{ttl:?}: {left}");
        let me = answer(app.get(token, "/api/auth/me"), 200).await;
        assert_eq!((&me["id"], &me["role"]), (&json!("bob"), &json!("user")));
    }
}

#[tokio::test]
async fn the_audit_log_tells_each_change_once_and_counts_the_uses() {
    let mut app = TestApp::spawn().await;
    app.user("bob").await;
    let (id, shop) = key(&app, "shop", &["publish:user"], &[]).await;
    let put = |body: Value| app.put(&app.admin(), "/api/users/bob").json(&body).send();
    for body in [
        json!({"role": "service"}),
        json!({"role": "service"}),
        json!({"disabled": true}),
        json!({"disabled": false}),
    ] {
        assert_eq!(put(body).await.unwrap().status(), 200);
    }
    for _use in 0..3 {
        answer(publishing(&app, &shop, json!({"user": "bob"})), 201).await;
    }
    revoke(&app, &id).await;
    revoke(&app, &id).await;
    app.restart().await;

    let entries = audit(&app).await;

    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["target"].as_str().unwrap(),
            )
        })
        .collect();
    let changes: Vec<_> = told.iter().filter(|one| one.0 != "api_key.use").collect();
    assert_eq!(
        changes,
        [
            &("api_key.revoke", "shop"),
            &("user.enable", "bob"),
            &("user.disable", "bob"),
            &("user.role", "bob"),
            &("api_key.create", "shop"),
            &("user.create", "bob"),
            &("user.create", "admin"),
        ]
    );
    let role = entries
        .iter()
        .find(|entry| entry["action"] == "user.role")
        .unwrap();
    assert_eq!(role["actor"], "admin");
    assert_eq!(role["address"], "127.0.0.1");
    assert_eq!(role["detail"], json!({"from": "user", "to": "service"}));
    assert_eq!(uses(&entries, &id), 3);
    let listed = answer(app.get(&app.admin(), "/api/admin/keys"), 200).await;
    assert!(listed["keys"][0]["lastUsedAt"].is_string(), "{listed}");

    assert_eq!(paged(&app).await, entries);
}

#[tokio::test]
async fn keys_are_administered_by_the_command_line_beside_a_running_hub() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let command = async |arguments: &[&str]| api_key(&app, arguments).await;

    let added = command(&[
        "add",
        "--name",
        "shop",
        "--scope",
        "publish:user",
        "watch",
        "--topic",
        "user:*",
        "--expires",
        "90d",
    ])
    .await;

    assert!(added.status.success(), "{added:?}");
    let printed = String::from_utf8(added.stdout).unwrap();
    let key = printed.strip_suffix('\n').unwrap().to_owned();
    assert!(key.starts_with("cmp_") && key.len() == 47, "{key}");
    let status = async || {
        send(publishing(&app, &key, json!({"user": "bob"})))
            .await
            .status()
            .as_u16()
    };
    until("the key is known", DEADLINE, async || {
        (status().await == 201).then_some(())
    })
    .await;
    let twice = command(&["add", "--name", "shop", "--scope", "users"]).await;
    assert_eq!(twice.status.code(), Some(1));
    assert!(
        String::from_utf8(twice.stderr)
            .unwrap()
            .contains("already an API key shop")
    );
    let listed = String::from_utf8(command(&["list"]).await.stdout).unwrap();
    assert!(
        listed.starts_with("shop\tuntil ") && listed.contains("publish:user watch\tuser:*"),
        "{listed}"
    );
    assert!(!listed.contains(&key));

    let mut stream = app.connected(&key, "/api/stream?topic=user:bob").await;
    assert!(command(&["revoke", "shop"]).await.status.success());
    stream.bye("logout", DEADLINE).await;
    assert_eq!(status().await, 401);
    assert!(command(&["enable", "shop"]).await.status.success());
    until("the key is enabled", DEADLINE, async || {
        (status().await == 201).then_some(())
    })
    .await;
    assert_eq!(command(&["revoke", "nobody"]).await.status.code(), Some(1));
    let entries = audit(&app).await;
    let by_command = entries
        .iter()
        .filter(|one| one["actor"] == "campanile api-key");
    assert_eq!(by_command.count(), 3);
}

/// The entries after the first `known` ones: actor, action, target, address and detail, oldest first.
async fn told_after(app: &TestApp, known: usize) -> Vec<Value> {
    let mut entries = audit(app).await;
    entries.reverse();
    let entries = entries.into_iter().skip(known);
    let entries = entries.filter(|one| one["action"] != "api_key.use");
    entries
        .map(|one| {
            json!([
                one["actor"],
                one["action"],
                one["target"],
                one["address"],
                one["detail"]
            ])
        })
        .collect()
}

/// Runs `campanile user` in the folder of the hub.
async fn user(app: &TestApp, arguments: &[&str], input: &str) {
    let arguments = [&["user"], arguments].concat();
    let done = run(app.folder(), &arguments, &[("RUST_LOG", "error")], input).await;
    assert!(done.status.success(), "{done:?}");
}

const PASSWORD: &str = "a first password";

/// Makes accounts in every way, and changes a password.
async fn make_accounts(app: &TestApp, shop: &str) {
    let form = [
        ("userId", "dave"),
        ("password", PASSWORD),
        ("displayName", ""),
    ];
    let page = app.request(Method::POST, "/signup").form(&form);
    assert!(send(page).await.status().is_redirection());
    let put = |body: Value| app.put(&app.admin(), "/api/users/bob").json(&body);
    answer(put(json!({"role": "service", "disabled": true})), 201).await;
    answer(put(json!({"displayName": "Robert"})), 200).await;
    let many = json!([{"id": "erin"}, {"id": "bob"}]);
    answer(app.post(shop, "/api/users").json(&many), 200).await;
    user(app, &["add", "frank", "--role", "user"], PASSWORD).await;
    user(app, &["password", "frank"], "another password").await;
    let gina = sign(&Claims::of("gina", "user"));
    answer(app.get(&gina, "/api/alarms"), 200).await;
    let asking = app
        .post(shop, "/api/tokens")
        .json(&json!({"userId": "hugo"}));
    answer(asking, 201).await;
    app.publish(json!({"user": "nobody_yet"}), "T").await;
}

/// Disconnects two streams, and all of a user twice; returns the ids of the two.
async fn disconnect(app: &TestApp, carol: &str) -> [String; 2] {
    let admin = app.admin();
    let mut streams = Vec::new();
    for _stream in 0..3 {
        streams.push(app.connected(carol, "/api/stream").await);
    }
    let connections = app.connections().await;
    let id = |at: usize| connections[at]["clientId"].as_str().unwrap().to_owned();
    let ids = [id(0), id(1)];
    let path = format!("/api/admin/connections/{}", ids[0]);
    answer(app.delete(&admin, &path), 204).await;
    let path = format!("/admin/connections/{}/disconnect", ids[1]);
    back(&send(submit(app, &admin, &path, &[])).await);
    let path = "/api/admin/users/carol/disconnect";
    answer(app.post(&admin, path), 200).await;
    let path = "/admin/users/carol/disconnect";
    back(&send(submit(app, &admin, path, &[])).await);
    ids
}

/// Asks for what is refused.
async fn ask_in_vain(app: &TestApp, gone: &str) {
    let admin = app.admin();
    let path = format!("/api/admin/connections/{gone}");
    refusal(app.delete(&admin, &path), 404, "connection_not_found").await;
    let path = "/api/admin/users/nobody/disconnect";
    refusal(app.post(&admin, path), 404, "user_not_found").await;
    let twice = json!({"userId": "carol", "password": PASSWORD});
    let twice = app.request(Method::POST, "/api/auth/signup").json(&twice);
    refusal(twice, 409, "user_exists").await;
}

#[tokio::test]
async fn accounts_passwords_and_disconnections_have_an_entry_each() {
    let app = AppBuilder::default().env("CAMPANILE_USERS", "any");
    let app = app.spawn().await;
    let (_id, shop) = key(&app, "shop", &["users", "tokens"], &[]).await;
    let known = audit(&app).await.len();

    let carol = app.sign_up("carol", PASSWORD).await;
    make_accounts(&app, &shop).await;
    let ids = disconnect(&app, &carol).await;
    ask_in_vain(&app, &ids[0]).await;
    let told = told_after(&app, known).await;

    let (here, by) = ("127.0.0.1", "campanile user");
    let made =
        |role: &str, disabled: bool| json!({"role": role, "disabled": disabled, "issuer": null});
    let expected = json!([
        ["carol", "user.create", "carol", here, made("user", false)],
        ["dave", "user.create", "dave", here, made("user", false)],
        ["admin", "user.create", "bob", here, made("service", true)],
        ["key:shop", "user.create", "erin", here, made("user", false)],
        [by, "user.create", "frank", "", made("user", false)],
        [by, "user.password", "frank", "", {}],
        ["gina", "user.create", "gina", "", made("user", false)],
        ["key:shop", "user.create", "hugo", here, made("user", false)],
        ["admin", "stream.disconnect", ids[0], here, {}],
        ["admin", "stream.disconnect", ids[1], here, {}],
        ["admin", "user.disconnect", "carol", here, {}],
        ["admin", "user.disconnect", "carol", here, {}],
    ]);
    assert_eq!(Value::from(told), expected);
    let whole = Value::from(audit(&app).await).to_string();
    for secret in [PASSWORD, "another password", &carol, &shop, &app.admin()] {
        assert!(!whole.contains(secret), "{whole}");
    }
}

#[tokio::test]
async fn a_signing_key_that_is_made_or_retired_has_an_entry() {
    let app = TestApp::spawn().await;
    let known = audit(&app).await.len();
    let signing_key = async |arguments: &[&str]| {
        let arguments = [&["signing-key"], arguments].concat();
        run(app.folder(), &arguments, &[], "").await
    };

    let made = signing_key(&["rotate"]).await;
    let made = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(signing_key(&["retire", &made]).await.status.success());
    let nothing = signing_key(&["retire", &made]).await;
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");

    let told = told_after(&app, known).await;
    let by = "campanile signing-key";
    assert_eq!(told.len(), 2, "{told:?}");
    let until = told[0][4]["othersVerifyUntil"].clone();
    assert!(until.is_string(), "{told:?}");
    let expected = json!([
        [by, "signing_key.rotate", made, "", {"othersVerifyUntil": until}],
        [by, "signing_key.retire", made, "", {}],
    ]);
    assert_eq!(Value::from(told), expected);
}
