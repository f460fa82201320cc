//! Tokens by key sets, and by issuers of the file of issuers.

use std::collections::HashMap;

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hub::{DETAIL, Hub, next, now, outcome, status};
use crate::provider::{Page, Pair, Provider, set_of};
use crate::support::postgres::Postgres;
use crate::support::{AppBuilder, DEADLINE, on_postgres, until};

/// A token of version 0 by a key of a set.
fn token_0(pair: &Pair, issuer: &str) -> String {
    token_of("ann", pair, issuer)
}

/// A token of version 0 of a user.
fn token_of(user: &str, pair: &Pair, issuer: &str) -> String {
    let claims = json!({
        "iss": issuer, "aud": "app", "sub": user, "exp": now() + 600, "iat": now(),
        "mercure": {"publish": ["*"], "subscribe": ["*"]},
    });
    pair.sign(Algorithm::ES256, &claims)
}

/// An access token of version 1.0 by a key of a set.
fn token_1(pair: &Pair, issuer: &str, audience: &Value) -> String {
    let detail =
        json!({"type": DETAIL, "actions": ["publish", "subscribe"], "topics": [{"match": "*"}]});
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "ann", "exp": now() + 600, "iat": now(),
        "authorization_details": [detail],
    });
    let header = json!({"alg": "ES256", "kid": pair.kid, "typ": "at+jwt"});
    pair.sign_with(&header, Algorithm::ES256, &claims)
}

/// The status of a publication, once the keys of the token are known.
async fn published(hub: &Hub, token: &str) -> u16 {
    until("the keys are known", DEADLINE, async || {
        let (status, _) = outcome(hub.post(token, &[("topic", "a"), ("private", "on")])).await;
        (status != 503).then_some(status)
    })
    .await
}

/// Waits until a publication has a status.
async fn wait_until(hub: &Hub, token: &str, wanted: u16) {
    until("the status", DEADLINE, async || {
        (published(hub, token).await == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_keys_of_each_role_come_from_a_set_and_may_rotate() {
    let server = Provider::start().await;
    let (publisher, subscriber) = (
        Pair::of(Algorithm::ES256, "k"),
        Pair::of(Algorithm::ES256, "k"),
    );
    server.show("/p", Page::Json(set_of(&[&publisher])));
    server.show("/s", Page::Json(set_of(&[&subscriber])));
    let settings = AppBuilder::default()
        .env(
            "MERCURE_PUBLISHER_JWKS_URL",
            &format!("{}/p", server.address),
        )
        .env(
            "MERCURE_SUBSCRIBER_JWKS_URL",
            &format!("{}/s", server.address),
        );
    let hub = Hub::ours(settings).await;
    let (publishing, subscribing) = (token_0(&publisher, "app"), token_0(&subscriber, "app"));
    assert_eq!(published(&hub, &publishing).await, 200);
    assert_eq!(
        published(&hub, &subscribing).await,
        401,
        "the other role's key"
    );
    until("the other set is known", DEADLINE, async || {
        let status = status(hub.get("topic=a").bearer_auth(&subscribing)).await;
        (status == 200).then_some(())
    })
    .await;
    let mut stream = hub.subscribe(&subscribing, "topic=a").await;
    assert_eq!(
        status(hub.get("topic=a").bearer_auth(&publishing)).await,
        401
    );

    // The unknown name of a key asks for a fetch before its time.
    let new = Pair::of(Algorithm::ES256, "n");
    server.show("/p", Page::Json(set_of(&[&new])));
    wait_until(&hub, &token_0(&new, "app"), 200).await;
    assert_eq!(
        published(&hub, &publishing).await,
        401,
        "a key that is gone"
    );
    let id = hub
        .publish(&token_0(&new, "app"), &[("topic", "a"), ("id", "last")])
        .await;
    while next(&mut stream).await.0 != id {}

    // A key that goes takes its streams with it.
    let other = Pair::of(Algorithm::ES256, "o");
    server.show("/s", Page::Json(set_of(&[&other])));
    until("the new key is known", DEADLINE, async || {
        let token = token_0(&other, "app");
        let status = status(hub.get("topic=a").bearer_auth(&token)).await;
        (status == 200).then_some(())
    })
    .await;
    while stream.event_or_end(DEADLINE).await.is_some() {}
}

/// An entry of the file of issuers with Mercure rights.
fn entry(name: &str, mercure: &str) -> String {
    format!(
        "[[issuer]]\nissuer = \"{name}\"\naudience = [\"app\", \"https://localhost/.well-known/mercure\"]\n\
         pem = \"key.pem\"\nalgorithms = [\"ES256\"]\nmercure = [{mercure}]\n\n"
    )
}

#[tokio::test]
async fn an_issuer_gives_the_rights_of_its_entry_and_no_others() {
    let key = Pair::of(Algorithm::ES256, "k");
    let file = [
        entry("both", "\"subscribe\", \"publish\""),
        entry("reader", "\"subscribe\""),
        entry("none", ""),
    ];
    let settings = AppBuilder::default()
        .embedded()
        .env("CAMPANILE_MERCURE", "on")
        .env("CAMPANILE_PUBLIC_URL", "https://localhost")
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", file.concat())
        .file("key.pem", key.pem.clone());
    let hub = Hub::ours(settings).await;
    let own = json!("https://localhost/.well-known/mercure");
    let other = Pair::of(Algorithm::ES256, "k");

    for (token, publishing, subscribing) in [
        (token_0(&key, "both"), 200, 200),
        (token_1(&key, "both", &own), 200, 200),
        (token_1(&key, "both", &json!(["app", own])), 200, 200),
        // The entry takes it, and version 1.0 asks for the hub's own identifier.
        (token_1(&key, "both", &json!("app")), 401, 401),
        (token_1(&key, "both", &json!("other")), 401, 401),
        (token_0(&other, "both"), 401, 401),
        (token_0(&key, "reader"), 401, 200),
        (token_0(&key, "none"), 401, 401),
        (token_0(&key, "unknown"), 401, 401),
    ] {
        assert_eq!(published(&hub, &token).await, publishing, "{token}");
        let status = status(hub.get("topic=a").bearer_auth(&token)).await;
        assert_eq!(status, subscribing, "{token}");
    }
    let mut stream = hub.subscribe(&token_0(&key, "reader"), "topic=a").await;
    let form = [("topic", "a"), ("private", "on"), ("data", "x")];
    let id = hub.publish(&token_0(&key, "both"), &form).await;
    assert_eq!(next(&mut stream).await, (id, "x".to_owned()));
}

/// A way to take the rights of a user away.
struct Loss {
    user: &'static str,
    method: Method,
    path: String,
    body: Value,
}

fn losses() -> [Loss; 4] {
    let loss = |user, method, path: &str, body| Loss {
        user,
        method,
        path: path.to_owned(),
        body,
    };
    [
        loss(
            "disabled",
            Method::PUT,
            "/api/users/disabled",
            json!({"disabled": true}),
        ),
        loss(
            "signed",
            Method::POST,
            "/api/users/signed/sign-out",
            Value::Null,
        ),
        loss("deleted", Method::DELETE, "/api/users/deleted", Value::Null),
        loss(
            "kicked",
            Method::POST,
            "/api/admin/users/kicked/disconnect",
            Value::Null,
        ),
    ]
}

/// A hub, and another one where the database may have two.
async fn hubs_that_trust(key: &Pair) -> Vec<Hub> {
    let settings = || {
        AppBuilder::default()
            .env("CAMPANILE_MERCURE", "on")
            .env("CAMPANILE_ISSUERS", "issuers.toml")
            .file("issuers.toml", entry("both", "\"subscribe\", \"publish\""))
            .file("key.pem", key.pem.clone())
    };
    if !on_postgres() {
        return vec![Hub::ours(settings()).await];
    }
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres::shared().database_of(folder.path());
    let on_it = || settings().env("CAMPANILE_DATABASE_URL", &url);
    vec![Hub::ours(on_it()).await, Hub::ours(on_it()).await]
}

#[tokio::test]
async fn a_stream_of_an_issuers_token_ends_on_every_hub_with_the_rights_of_its_user() {
    let key = Pair::of(Algorithm::ES256, "k");
    let hubs = hubs_that_trust(&key).await;
    let one = hubs[0].app();
    let users = losses().map(|loss| loss.user).into_iter().chain(["own"]);
    let tokens: HashMap<&str, String> = users
        .map(|user| (user, token_of(user, &key, "both")))
        .collect();
    let mut streams = Vec::new();
    for hub in &hubs {
        for (user, token) in &tokens {
            one.user(user).await;
            streams.push((user, hub.subscribe(token, "topic=a").await));
        }
    }
    let ann = token_0(&key, "both");
    let mut still = hubs[hubs.len() - 1].subscribe(&ann, "topic=a").await;

    for loss in losses() {
        let changing = hubs[0].request(loss.method, &loss.path);
        let changing = changing.bearer_auth(one.admin());
        let status = changing.json(&loss.body).send().await.unwrap().status();
        assert!(status.is_success(), "{}: {status}", loss.path);
    }
    let leaving = one.post(&tokens["own"], "/api/auth/logout").send().await;
    assert_eq!(leaving.unwrap().status(), 204);

    for (user, stream) in &mut streams {
        eprintln!("{user}");
        while stream.event_or_end(DEADLINE).await.is_some() {}
    }
    for (user, wanted) in [
        ("disabled", 401),
        ("signed", 401),
        ("deleted", 401),
        ("own", 401),
        ("kicked", 200),
    ] {
        for hub in &hubs {
            let status = status(hub.get("topic=a").bearer_auth(&tokens[user])).await;
            assert_eq!(status, wanted, "{user}");
        }
    }
    let id = hubs[0]
        .publish(&ann, &[("topic", "a"), ("data", "x")])
        .await;
    assert_eq!(next(&mut still).await, (id, "x".to_owned()));
}
