//! The hub of a site: at an address that stays the same when it is started again, with an API key for the site's back end.

use std::net::TcpListener;

use rand::RngExt;
use serde_json::{Value, json};

use crate::answers::answer;
use crate::support::{AppBuilder, TestApp};

/// A hub and the key.
pub(crate) struct Site {
    pub(crate) app: TestApp,
    pub(crate) key: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_for("http://localhost").await
    }

    /// A hub that lets the pages of an origin in.
    pub(crate) async fn start_for(origin: &str) -> Self {
        let builder = AppBuilder::default()
            .env("CAMPANILE_LISTEN", &address())
            .env("CAMPANILE_CORS_ORIGINS", origin);
        let app = builder.spawn().await;
        let scopes = [
            "publish:user",
            "publish:everyone",
            "users",
            "tokens",
            "watch",
        ];
        let wanted = json!({"name": "site", "scopes": scopes, "topics": ["user:*", "everyone"]});
        let making = app.post(&app.admin(), "/api/admin/keys").json(&wanted);
        let made = answer(making, 201).await;
        let key = made["key"].as_str().expect("a key").to_owned();
        Self { app, key }
    }

    /// The alarms of a topic as they are stored, in their order.
    pub(crate) async fn alarms(&self, topic: &str) -> Vec<Value> {
        let mut alarms = Vec::new();
        let mut cursor = 0;
        loop {
            let path = format!("/api/stream?topic={topic}&cursor={cursor}");
            let asking = self.app.get(&self.app.service(), &path);
            let page = answer(asking.header("accept", "application/json"), 200).await;
            let events = page["events"].as_array().expect("events");
            let of_topic = events.iter().map(|event| &event["data"]);
            alarms.extend(of_topic.filter(|data| data["topic"] == topic).cloned());
            if page["more"] != true {
                return alarms;
            }
            cursor = page["cursor"].as_i64().expect("a cursor");
        }
    }
}

/// An address of the loopback network that nobody else uses, so that the port is still free when the hub comes back.
fn address() -> String {
    let mut rng = rand::rng();
    loop {
        let host = format!(
            "127.{}.{}.{}",
            rng.random_range(16..250),
            rng.random_range(1..250),
            rng.random_range(1..250)
        );
        if let Ok(listener) = TcpListener::bind((host.as_str(), 0)) {
            return listener.local_addr().expect("an address").to_string();
        }
    }
}
