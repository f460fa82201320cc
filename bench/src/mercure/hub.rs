//! The hub with the keys of the protocol, and the requests of publishers and subscribers.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustix::process::Pid;
use serde_json::json;

use crate::error::Result;
use crate::ground::Ground;
use crate::growth::database::Database;
use crate::http::{self, STAMP, Template, USER};
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::Endpoint;

/// A running hub, and the authorization of its clients.
pub(super) struct Hub {
    hub: Campanile,
    authorization: String,
}

impl Hub {
    pub(super) fn start(ground: &Ground, database: &Database) -> Result<Self> {
        let url = database.url();
        let settings = [
            ("CAMPANILE_DATABASE_URL", url.as_str()),
            ("MERCURE_PUBLISHER_JWT_KEY", KEY),
            ("MERCURE_SUBSCRIBER_JWT_KEY", KEY),
            // Older than anything that is filled in, and silence that lasts as long as a measurement.
            ("CAMPANILE_RETENTION_DAYS", "3650"),
            ("CAMPANILE_HEARTBEAT_SECONDS", "3600"),
        ];
        Ok(Self {
            hub: Campanile::start_with(&ground.site(database.folder()), &settings)?,
            authorization: authorization()?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.hub.address()
    }

    pub(super) fn pid(&self) -> Pid {
        self.hub.pid()
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            first_event: b":",
            ..self.hub.endpoint()
        }
    }

    /// The request that subscribes with the parameters of a query.
    pub(super) fn subscribe(&self, query: &str) -> String {
        let headers = format!("Accept: text/event-stream\r\n{}", self.authorization);
        http::get(&format!("{PATH}?{query}"), &headers)
    }

    /// The request that publishes one update.
    pub(super) fn publish(&self, topic: &str, data: &str) -> String {
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let headers = format!("{}{form}", self.authorization);
        http::post(PATH, &headers, &format!("topic={topic}&data={data}"))
    }

    /// The request that publishes an update for one of the readers, with a stamp.
    pub(super) fn template(&self) -> Result<Template> {
        let data = format!("%7B%22q%22:%22{STAMP}%22%7D");
        Template::new(&self.publish(&topic(USER), &data))
    }
}

/// The topic of a reader.
pub(super) fn topic(reader: &str) -> String {
    format!("https://example.com/books/{reader}")
}

fn authorization() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}, "iat": now.as_secs()});
    let key = EncodingKey::from_secret(KEY.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
    Ok(format!("Authorization: Bearer {token}\r\n"))
}

const PATH: &str = "/.well-known/mercure";

const KEY: &str = "a Mercure key of the bench, of 32 bytes";
