//! The HTTP requests of a test to its server: requests in a user's name, the few steps that most tests begin with, and
//! the server's figures about itself.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use serde_json::{Value, json};

use super::app::TestApp;
use super::process::on_postgres;
use super::sse::SseClient;
use super::token::{Claims, sign};
use super::{DEADLINE, until};

impl TestApp {
    /// The absolute address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// `127.0.0.1:PORT`, for clients that speak for themselves.
    pub(crate) fn address(&self) -> &str {
        let (_scheme, address) = self.base_url.split_once("://").expect("an address");
        address
    }

    /// A request to be finished by the caller.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request in the name of whoever the token stands for.
    pub(crate) fn get(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::GET, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn post(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn put(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path).bearer_auth(token)
    }

    /// See [`Self::get`].
    pub(crate) fn delete(&self, token: &str, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path).bearer_auth(token)
    }

    /// A token of the site's back end, which needs no account.
    pub(crate) fn service(&self) -> String {
        sign(&Claims::of("backend", "service"))
    }

    /// A token of the account every server begins with.
    pub(crate) fn admin(&self) -> String {
        sign(&Claims::of("admin", "admin"))
    }

    /// Makes a user known as a site's back end does, and gives a token for the account.
    pub(crate) async fn user(&self, id: &str) -> String {
        let answer = self
            .put(&self.service(), &format!("/api/users/{id}"))
            .json(&json!({}))
            .send()
            .await
            .expect("an answer");
        assert!(
            answer.status().is_success(),
            "PUT /api/users/{id}: {answer:?}"
        );
        sign(&Claims::of(id, "user"))
    }

    /// Makes an account with a password through the sign-up, and gives the session's token.
    pub(crate) async fn sign_up(&self, id: &str, password: &str) -> String {
        let answer = self
            .request(Method::POST, "/api/auth/signup")
            .json(&json!({"userId": id, "password": password}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "sign-up of {id}");
        let session: Value = answer.json().await.expect("JSON");
        session["token"].as_str().expect("a token").to_owned()
    }

    /// Makes a room.
    pub(crate) async fn room(&self, id: &str) {
        let answer = self
            .post(&self.service(), "/api/rooms")
            .json(&json!({"id": id, "name": format!("Room {id}")}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "room {id}");
    }

    /// Publishes one alarm and gives its id.
    pub(crate) async fn publish(&self, to: Value, alarm_type: &str) -> i64 {
        let answer = self
            .post(&self.service(), "/api/alarms")
            .json(&json!({"to": to, "alarmType": alarm_type}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "publishing to {to}");
        let body: Value = answer.json().await.expect("JSON");
        body["alarms"][0]["id"].as_i64().expect("an id")
    }

    /// Opens a stream; it has been answered, but no event has been read.
    pub(crate) async fn stream(&self, token: &str, path: &str) -> SseClient {
        SseClient::open(self.get(token, path)).await
    }

    /// Opens a stream and reads its `connect` event.
    pub(crate) async fn connected(&self, token: &str, path: &str) -> SseClient {
        let mut stream = self.stream(token, path).await;
        let first = stream.next_event(DEADLINE).await;
        assert_eq!(first.name(), "connect", "{first:?}");
        stream
    }

    /// The open streams, as an admin sees them.
    pub(crate) async fn connections(&self) -> Vec<Value> {
        let answer = self
            .get(&self.admin(), "/api/admin/connections")
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "the list of connections");
        answer.json().await.expect("a list")
    }

    /// One of the server's figures, by its name and labels as `/metrics` writes them; 0 before it is first counted.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        let answer = self.request(Method::GET, "/metrics").send().await;
        let text = answer.expect("an answer").text().await.expect("text");
        let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        lines
            .find(|(found, _)| *found == name)
            .map_or(0.0, |(_, value)| value.parse().expect("a number"))
    }

    /// All reads of the database so far, but for those that the hub makes by itself: looks for keys that others change, and looks at the
    /// head of the log where others may write.
    pub(crate) async fn reads(&self) -> f64 {
        let answer = self.request(Method::GET, "/metrics").send().await;
        let text = answer.expect("an answer").text().await.expect("text");
        let reads = text
            .lines()
            .filter(|line| line.starts_with("campanile_store_reads_total{"))
            .filter(|line| !line.contains("kind=\"keys\""))
            .filter(|line| !on_postgres() || !line.contains("kind=\"head\""))
            .filter_map(|line| line.rsplit_once(' '));
        reads
            .map(|(_, value)| value.parse::<f64>().expect("a number"))
            .sum()
    }

    /// Waits until exactly `count` streams are open.
    pub(crate) async fn wait_for_connections(&self, count: usize, limit: Duration) {
        until(&format!("{count} open streams"), limit, async || {
            (self.connections().await.len() == count).then_some(())
        })
        .await;
    }
}

/// Follows no redirects, keeps no cookies and knows no proxy.
pub(super) fn client() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_idle_timeout(IDLE_FOR)
}

/// The hub closes an idle connection after 20 seconds; a request that was sent at that moment has no answer.
const IDLE_FOR: Duration = Duration::from_secs(10);
