//! Signing in with providers that answer what the test tells them to: each check of the hub, and providers that do not mean well.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::issuers::now;
use crate::provider::{Page, Pair, Provider, set_of, signed};
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

/// The sign-in page after a provider that failed.
const TOLD: &str = "did not sign you in";

/// A provider at a path of the server, with a document that has some fields changed; `null` takes one away.
pub(crate) fn show(server: &Provider, name: &str, key: &Pair, changes: &Value) {
    let issuer = format!("{}/{name}", server.address);
    let mut document = json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"),
        "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        "end_session_endpoint": format!("{issuer}/end"),
    });
    change(&mut document, changes);
    server.show(
        &format!("/{name}/.well-known/openid-configuration"),
        Page::Json(document.to_string()),
    );
    server.show(&format!("/{name}/jwks"), Page::Json(set_of(&[key])));
}

fn change(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        let object = object.as_object_mut().unwrap();
        object.remove(name);
        if !value.is_null() {
            object.insert(name.clone(), value.clone());
        }
    }
}

/// The entry of a provider.
pub(crate) fn entry(server: &Provider, name: &str, lines: &str) -> String {
    format!(
        "[[issuer]]\nissuer = \"{}/{name}\"\naudience = [\"hub\"]\ndiscovery = true\nalgorithms = [\"ES256\"]\n\
         create_users = {}\n[issuer.sign_in]\nname = \"{name}\"\nclient_id = \"the hub\"\n{lines}\n",
        server.address,
        name != "strict"
    )
}

/// A hub with these providers.
fn builder(entries: String) -> AppBuilder {
    AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", entries)
}

pub(crate) async fn hub(entries: String) -> TestApp {
    builder(entries).embedded().spawn().await
}

/// A visitor who was sent to a provider.
pub(crate) struct Sent {
    name: String,
    cookie: String,
    asked: url::Url,
}

impl Sent {
    /// Sends a visitor, as soon as the hub knows the provider.
    pub(crate) async fn to(app: &TestApp, name: &str) -> Self {
        let path = format!("/login/{name}?next=%2Falarms");
        let response = until("the provider is known", DEADLINE, async || {
            let response = app.request(Method::GET, &path).send().await.unwrap();
            (response.status() == 303).then_some(response)
        })
        .await;
        Self {
            name: name.to_owned(),
            cookie: cookie(&response, "campanile_login").unwrap(),
            asked: response.headers()["location"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap(),
        }
    }

    fn parameter(&self, name: &str) -> String {
        let mut pairs = self.asked.query_pairs();
        let pair = pairs.find(|(key, _)| key == name);
        pair.unwrap_or_else(|| panic!("{name}: {}", self.asked))
            .1
            .into_owned()
    }

    /// Good claims for a user with some changed.
    pub(crate) fn claims(&self, server: &Provider, user: &str, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": format!("{}/{}", server.address, self.name), "sub": user, "aud": "the hub",
            "exp": now() + 600.0, "iat": now(), "nonce": self.parameter("nonce"),
        });
        change(&mut claims, changes);
        claims
    }

    /// Comes back with some parameters besides a code and the state.
    pub(crate) async fn back(&self, app: &TestApp, more: &str) -> Response {
        let state = self.parameter("state");
        self.back_with(app, &format!("code=c&state={state}{more}"))
            .await
    }

    async fn back_with(&self, app: &TestApp, query: &str) -> Response {
        let path = format!("/login/{}/callback?{query}", self.name);
        let request = app.request(Method::GET, &path);
        let request = request.header("Cookie", format!("campanile_login={}", self.cookie));
        request.send().await.unwrap()
    }
}

/// The value of a cookie that a response sets.
pub(crate) fn cookie(response: &Response, name: &str) -> Option<String> {
    let lines = response.headers().get_all("set-cookie");
    let mut pairs = lines.iter().filter_map(|line| {
        let pair = line.to_str().unwrap().split(';').next().unwrap();
        pair.split_once('=')
    });
    let (_, value) = pairs.find(|(key, value)| *key == name && !value.is_empty())?;
    Some(value.to_owned())
}

/// The token endpoint gives this ID token from now on.
pub(crate) fn give(server: &Provider, name: &str, id_token: &str) {
    let tokens = json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token});
    server.show(&format!("/{name}/token"), Page::Json(tokens.to_string()));
}

/// A refusal is the sign-in page with a reason, and no session.
pub(crate) async fn refused(what: &str, response: Response, status: u16, words: &str) {
    assert_eq!(response.status(), status, "{what}");
    assert!(cookie(&response, "campanile_session").is_none(), "{what}");
    let page = response.text().await.unwrap();
    assert!(page.contains(words), "{what}: {page}");
    assert!(page.contains("/login/"), "{what}: {page}");
}

/// ID tokens with one claim that is wrong.
fn wrong_claims(server: &Provider) -> Vec<Value> {
    vec![
        json!({"nonce": "other"}),
        json!({"nonce": null}),
        json!({"aud": "hub"}),
        json!({"aud": ["other"]}),
        json!({"aud": null}),
        json!({"iss": format!("{}/naming", server.address)}),
        json!({"iss": null}),
        json!({"exp": now() - 70.0}),
        json!({"exp": null}),
        json!({"nbf": now() + 100.0}),
        json!({"iat": now() + 100.0}),
        json!({"azp": "other"}),
        json!({"sub": null}),
        json!({"sub": ".."}),
        json!({"groups": "g".repeat(33_000)}),
    ]
}

/// ID tokens with good claims whose signature is not that of the provider.
fn wrongly_signed(key: &Pair, claims: &Value) -> Vec<(&'static str, String)> {
    let other = Pair::of(Algorithm::ES256, "k");
    let good = key.sign(Algorithm::ES256, claims);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let secret = EncodingKey::from_secret(key.pem.as_bytes());
    let header = json!({"alg": "HS256", "kid": "k"});
    let by_secret = signed(&header, claims, &secret, Algorithm::HS256);
    let header = json!({"alg": "ES256", "kid": "k", "crit": ["a"]});
    let extended = key.sign_with(&header, Algorithm::ES256, claims);
    vec![
        ("another key", other.sign(Algorithm::ES256, claims)),
        ("the public key as a secret", by_secret),
        ("an extension", extended),
        ("no signature", unsigned),
        ("no token", "a".to_owned()),
    ]
}

/// A hub with two providers that share a key; the second says that it names itself in each answer (RFC 9207).
async fn two_providers() -> (Provider, Pair, TestApp) {
    let server = Provider::start().await;
    let key = Pair::of(Algorithm::ES256, "k");
    show(&server, "company", &key, &json!({}));
    let names = json!({"authorization_response_iss_parameter_supported": true});
    show(&server, "naming", &key, &names);
    let app = hub(entry(&server, "company", "") + &entry(&server, "naming", "")).await;
    (server, key, app)
}

#[tokio::test]
async fn each_claim_and_the_signature_of_an_id_token_are_checked() {
    let (server, key, app) = two_providers().await;
    for changes in wrong_claims(&server) {
        let sent = Sent::to(&app, "company").await;
        let claims = sent.claims(&server, "ann", &changes);
        give(&server, "company", &key.sign(Algorithm::ES256, &claims));
        refused(&changes.to_string(), sent.back(&app, "").await, 401, TOLD).await;
    }
    let sent = Sent::to(&app, "company").await;
    let claims = sent.claims(&server, "ann", &json!({}));
    for (what, token) in wrongly_signed(&key, &claims) {
        give(&server, "company", &token);
        refused(what, sent.back(&app, "").await, 401, TOLD).await;
    }

    let long = json!({
        "aud": ["other", "the hub"], "azp": "the hub", "exp": now() - 30.0, "groups": "g".repeat(20_000),
    });
    let claims = sent.claims(&server, "ann", &long);
    give(&server, "company", &key.sign(Algorithm::ES256, &claims));
    let response = sent.back(&app, "").await;
    assert_eq!(
        cookie(&response, "campanile_provider").unwrap(),
        "company",
        "no browser keeps an ID token of that size"
    );
}

#[tokio::test]
async fn the_state_and_the_issuer_of_an_answer_are_checked() {
    let (server, key, app) = two_providers().await;
    let iss = |name: &str| format!("&iss={}", encoded(&format!("{}/{name}", server.address)));
    let sent = Sent::to(&app, "company").await;
    let claims = sent.claims(&server, "ann", &json!({}));
    give(&server, "company", &key.sign(Algorithm::ES256, &claims));
    let state = sent.parameter("state");
    for query in [
        "code=c".to_owned(),
        "code=c&state=other".to_owned(),
        format!("state={state}"),
        format!("code=c&error=access_denied&state={state}"),
        format!("code=c&state={state}{}", iss("naming")),
    ] {
        refused(&query, sent.back_with(&app, &query).await, 401, TOLD).await;
    }
    let naming = Sent::to(&app, "naming").await;
    let claims = naming.claims(&server, "dan", &json!({}));
    give(&server, "naming", &key.sign(Algorithm::ES256, &claims));
    refused("no issuer", naming.back(&app, "").await, 401, TOLD).await;

    for (sent, more) in [(&sent, String::new()), (&naming, iss("naming"))] {
        let response = sent.back(&app, &more).await;
        assert_eq!(response.status(), 303, "{}", app.log());
        assert_eq!(response.headers()["location"], "/alarms");
        assert!(cookie(&response, "campanile_session").is_some());
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn the_provider_hears_of_the_client_by_its_secret_and_its_verifier() {
    let server = Provider::start().await;
    let key = Pair::of(Algorithm::ES256, "k");
    let in_body = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]});
    show(&server, "basic", &key, &json!({}));
    show(&server, "body", &key, &in_body);
    show(&server, "public", &key, &json!({}));
    let basic = "client_secret_file = \"secret\"\nscopes = [\"groups\"]";
    let entries = [
        entry(&server, "basic", basic),
        entry(&server, "body", "client_secret_env = \"HUB_SECRET\""),
        entry(&server, "public", ""),
    ];
    let app = builder(entries.concat())
        .env("HUB_SECRET", "of the environment")
        .file("secret", "of the file\n".to_owned())
        .spawn()
        .await;
    for (name, scope) in [
        ("basic", "openid groups"),
        ("body", "openid profile"),
        ("public", "openid profile"),
    ] {
        let sent = Sent::to(&app, name).await;
        let callback = app.url(&format!("/login/{name}/callback"));
        assert_eq!(sent.parameter("redirect_uri"), callback);
        assert_eq!(sent.parameter("client_id"), "the hub");
        assert_eq!(sent.parameter("response_type"), "code");
        assert_eq!(sent.parameter("code_challenge_method"), "S256");
        assert_eq!(sent.parameter("scope"), scope);
        let claims = sent.claims(&server, "ann", &json!({}));
        give(&server, name, &key.sign(Algorithm::ES256, &claims));
        sent.back(&app, "").await;

        let heard = server.heard(&format!("/{name}/token"));
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        let body: std::collections::HashMap<_, _> =
            url::form_urlencoded::parse(body.as_bytes()).collect();
        assert_eq!(body["grant_type"], "authorization_code");
        assert_eq!((&*body["code"], &*body["redirect_uri"]), ("c", &*callback));
        let digest = Sha256::digest(body["code_verifier"].as_bytes());
        assert_eq!(
            URL_SAFE_NO_PAD.encode(digest),
            sent.parameter("code_challenge")
        );
        let basic = head.to_lowercase().contains("\r\nauthorization: basic ");
        assert_eq!(basic, name == "basic", "{head}");
        let secret = body.get("client_secret").map(AsRef::as_ref);
        assert_eq!(secret, (name == "body").then_some("of the environment"));
    }
}
