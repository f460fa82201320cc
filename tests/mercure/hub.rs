//! The hub under test: one of ours, or the one at an address.
//!
//! `CAMPANILE_MERCURE_REFERENCE` names the binary of the protocol's reference hub: each test starts one of version 1.0.
//! `CAMPANILE_MERCURE_HUB` names the address of a hub of version 1.0 (without compatibility), `CAMPANILE_MERCURE_HUB_0` one of
//! version 0, for one test at a time, as the tests share its history. Such a hub has the settings of the protocol's conformance
//! tests: HS256 with the documented key for both roles, the issuer `https://localhost`, the public address
//! `https://localhost`, nobody without a token.

use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::{AppBuilder, DEADLINE, Event, SseClient, TestApp, until};

/// The key of the documentation.
pub(crate) const KEY: &str = "!ChangeThisMercureHubJWTSecretKey!";

pub(crate) const ISSUER: &str = "https://localhost";

pub(crate) const AUDIENCE: &str = "https://localhost/.well-known/mercure";

pub(crate) const PATH: &str = "/.well-known/mercure";

/// A hub, and the process of it if it is ours.
pub(crate) struct Hub {
    base: String,
    pub(crate) client: Client,
    app: Option<TestApp>,
    /// The process of the reference hub, and its folder.
    _reference: Option<(Child, TempDir)>,
}

impl Hub {
    /// A hub of version 1.0.
    pub(crate) async fn version_1() -> Self {
        if let Ok(binary) = std::env::var("CAMPANILE_MERCURE_REFERENCE") {
            return Self::reference(&binary).await;
        }
        match std::env::var("CAMPANILE_MERCURE_HUB") {
            Ok(base) => Self::at(base),
            Err(_unset) => Self::ours(strict()).await,
        }
    }

    /// A hub that takes version 0.
    pub(crate) async fn version_0() -> Self {
        match std::env::var("CAMPANILE_MERCURE_HUB_0") {
            Ok(base) => Self::at(base),
            Err(_unset) => Self::ours(keys()).await,
        }
    }

    /// A hub of ours with these settings.
    pub(crate) async fn ours(settings: AppBuilder) -> Self {
        let app = settings.spawn().await;
        Self {
            base: app.base_url.clone(),
            client: app.client.clone(),
            app: Some(app),
            _reference: None,
        }
    }

    /// The reference hub, in a folder of its own.
    async fn reference(binary: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let file = folder.path().join("Caddyfile");
        let store = folder.path().join("updates.db");
        let settings = REFERENCE
            .replace("{address}", &address)
            .replace("{store}", store.to_str().unwrap())
            .replace("{key}", KEY)
            .replace("{issuer}", ISSUER)
            .replace("{audience}", AUDIENCE);
        std::fs::write(&file, settings).unwrap();
        let process = Command::new(binary)
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let process = process.unwrap();
        until("the reference hub listens", DEADLINE, async || {
            TcpStream::connect(&address).await.ok()
        })
        .await;
        Self {
            _reference: Some((process, folder)),
            ..Self::at(format!("http://{address}"))
        }
    }

    fn at(base: String) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            base,
            client: client.build().unwrap(),
            app: None,
            _reference: None,
        }
    }

    /// True if the hub is one of ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.app.is_some()
    }

    /// The process of a hub of ours.
    pub(crate) fn app(&self) -> &TestApp {
        self.app.as_ref().expect("a hub of ours")
    }

    /// Stops the hub.
    pub(crate) async fn stop(&mut self) {
        self.app.as_mut().expect("a hub of ours").stop().await;
    }

    /// Starts the hub that was stopped.
    pub(crate) async fn start(&mut self) {
        let app = self.app.as_mut().expect("a hub of ours");
        app.restart().await;
        self.base = app.base_url.clone();
    }

    /// Ends the hub as a power cut would, and starts it again.
    pub(crate) async fn crash(&mut self) {
        let app = self.app.as_mut().expect("a hub of ours");
        app.kill().await;
        self.start().await;
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// `GET` of the hub with a query.
    pub(crate) fn get(&self, query: &str) -> RequestBuilder {
        self.request(Method::GET, &format!("{PATH}?{query}"))
    }

    /// `POST` of a form.
    pub(crate) fn post(&self, token: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let form = form.iter().map(|(name, value)| {
            let escaped = |text: &str| url_escaped(text.as_bytes());
            format!("{}={}", escaped(name), escaped(value))
        });
        self.post_body(token, form.collect::<Vec<_>>().join("&"))
    }

    /// `POST` of a body that is a form.
    pub(crate) fn post_body(&self, token: &str, body: String) -> RequestBuilder {
        self.request(Method::POST, PATH)
            .bearer_auth(token)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Publishes, and gives the id that was answered.
    pub(crate) async fn publish(&self, token: &str, form: &[(&str, &str)]) -> String {
        let (status, id) = outcome(self.post(token, form)).await;
        assert_eq!(status, 200, "{form:?}: {id}");
        id
    }

    /// Subscribes with a token.
    pub(crate) async fn subscribe(&self, token: &str, query: &str) -> SseClient {
        SseClient::open(self.get(query).bearer_auth(token)).await
    }
}

/// An address that is free.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The settings of both keys.
pub(crate) fn keys() -> AppBuilder {
    AppBuilder::default()
        .env("MERCURE_PUBLISHER_JWT_KEY", KEY)
        .env("MERCURE_SUBSCRIBER_JWT_KEY", KEY)
}

/// The settings of a hub that takes version 1.0 only.
pub(crate) fn strict() -> AppBuilder {
    keys()
        .env("MERCURE_TRUSTED_ISSUERS", ISSUER)
        .env("CAMPANILE_PUBLIC_URL", "https://localhost")
}

/// The status and the body of an answer.
pub(crate) async fn outcome(request: RequestBuilder) -> (u16, String) {
    let answer = answer(request).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// An answer.
pub(crate) async fn answer(request: RequestBuilder) -> Response {
    let answer = tokio::time::timeout(DEADLINE, request.send()).await;
    answer.expect("an answer in time").unwrap()
}

/// The status of an answer, whose body is not read.
pub(crate) async fn status(request: RequestBuilder) -> u16 {
    answer(request).await.status().as_u16()
}

/// The next event's id and data.
pub(crate) async fn next(stream: &mut SseClient) -> (String, String) {
    let Event { id, data, .. } = stream.next_event(DEADLINE).await;
    (id.expect("every event has an id"), data)
}

/// The ids of the next events.
pub(crate) async fn next_ids(stream: &mut SseClient, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(next(stream).await.0);
    }
    ids
}

/// A header of an answer.
pub(crate) fn header<'a>(stream: &'a SseClient, name: &str) -> Option<&'a str> {
    stream
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap())
}

/// An access token of version 1.0 that grants exact topics.
pub(crate) fn token(publish: &[&str], subscribe: &[&str]) -> String {
    sign_1(&claims(publish, subscribe))
}

/// The claims of an access token of version 1.0.
pub(crate) fn claims(publish: &[&str], subscribe: &[&str]) -> Value {
    let topics =
        |all: &[&str]| -> Vec<Value> { all.iter().map(|one| json!({"match": one})).collect() };
    let detail = |action: &str, all: &[&str]| json!({"type": DETAIL, "actions": [action], "topics": topics(all)});
    let mut details = Vec::new();
    if !publish.is_empty() {
        details.push(detail("publish", publish));
    }
    if !subscribe.is_empty() {
        details.push(detail("subscribe", subscribe));
    }
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": now() + 3_600, "iat": now(),
        "sub": "somebody", "client_id": "test", "jti": "one", "authorization_details": details,
    })
}

/// A signed access token.
pub(crate) fn sign_1(claims: &Value) -> String {
    sign("at+jwt", claims, KEY)
}

/// A token of version 0.
pub(crate) fn token_0(publish: &[&str], subscribe: &[&str]) -> String {
    sign_0(&json!({"mercure": {"publish": publish, "subscribe": subscribe}}))
}

/// A signed token of version 0.
pub(crate) fn sign_0(claims: &Value) -> String {
    sign("JWT", claims, KEY)
}

/// A token with a type and a key.
pub(crate) fn sign(kind: &str, claims: &Value, key: &str) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(kind.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

/// Bytes as they are written in a form.
pub(crate) fn url_escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) const DETAIL: &str = "https://mercure.rocks/authorization-detail";

/// The settings of the reference hub.
const REFERENCE: &str = "{
    admin off
    auto_https off
    persist_config off
}
http://{address} {
    route {
        mercure {
            transport bolt {
                path {store}
            }
            issuer {issuer} {
                publisher {
                    jwt {key} HS256
                }
                subscriber {
                    jwt {key} HS256
                }
            }
            resource_identifier {audience}
        }
        respond 404
    }
}
";
