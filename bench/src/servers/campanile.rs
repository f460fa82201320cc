//! The hub itself: the release binary, a fresh folder, its embedded database.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::http::{self, STAMP, Template, USER, user_name};
use crate::servers::child::Running;
use crate::servers::peer::free_address;
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(crate) struct Campanile {
    running: Running,
    address: SocketAddr,
    service: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: &'a str,
    exp: u64,
    iat: u64,
    jti: String,
}

impl Campanile {
    pub(crate) fn start(site: &Site<'_>) -> Result<Self> {
        Self::start_with(site, &[])
    }

    /// The same, with more settings: variables of the environment.
    pub(crate) fn start_with(site: &Site<'_>, settings: &[(&str, &str)]) -> Result<Self> {
        if !site.campanile.exists() {
            let path = site.campanile.display();
            return Err(
                format!("{path} is not there: cargo build --release --bin campanile").into(),
            );
        }
        let address = free_address()?;
        let mut command = Command::new(site.campanile);
        command
            .arg("serve")
            .env("CAMPANILE_LISTEN", address.to_string())
            .env("CAMPANILE_JWT_SECRET", SECRET)
            .env("CAMPANILE_SIGNUP", "open")
            .env("CAMPANILE_MAX_STREAMS_PER_USER", "100000")
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied());
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
            service: token("bench", "service")?,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it with `kill -9`.
    pub(crate) fn kill(self) -> Result<()> {
        self.running.kill()
    }

    /// Makes rooms known, named by their numbers as users are.
    pub(crate) fn make_rooms(&self, count: usize) -> Result<()> {
        for number in 0..count {
            let id = user_name(number);
            let body = json!({"id": id, "name": id}).to_string();
            http::expect_success(
                self.address,
                &http::post("/api/rooms", &self.headers(), &body),
            )?;
        }
        Ok(())
    }

    /// The request that publishes to a room, whose number has the place of a user's.
    pub(crate) fn publish_to_room(&self) -> Result<Template> {
        self.publish_to(&json!({"room": format!("u{USER}")}))
    }

    /// A figure of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> Result<Option<f64>> {
        let text = http::expect_success(self.address, &http::get("/metrics", ""))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.and_then(|value| value.trim().parse().ok()))
    }

    fn publish_to(&self, to: &serde_json::Value) -> Result<Template> {
        let body = json!({"to": to, "alarmType": "BENCH", "data": {"q": STAMP}}).to_string();
        Template::new(&http::post("/api/alarms", &self.headers(), &body))
    }

    /// The header by which a user is known.
    pub(crate) fn authorization(user: usize) -> Result<String> {
        let token = token(&user_name(user), "user")?;
        Ok(format!("Authorization: Bearer {token}\r\n"))
    }

    fn headers(&self) -> String {
        let token = &self.service;
        format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
    }
}

impl Server for Campanile {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::at(self.address, b"event: connect\n")
    }

    fn introduce(&self, users: usize) -> Result<()> {
        let numbers: Vec<usize> = (0..users).collect();
        for part in numbers.chunks(USERS_AT_ONCE) {
            let part: Vec<_> = part
                .iter()
                .map(|user| json!({"id": user_name(*user)}))
                .collect();
            let body = serde_json::to_string(&part)?;
            http::expect_success(
                self.address,
                &http::post("/api/users", &self.headers(), &body),
            )?;
        }
        Ok(())
    }

    /// A user's stream always carries both, so the audience makes no difference here.
    fn subscribe(&self, user: usize, _audience: Audience) -> Result<Vec<u8>> {
        let authorization = Self::authorization(user)?;
        let headers = format!("Accept: text/event-stream\r\n{authorization}");
        Ok(http::get("/api/stream", &headers).into_bytes())
    }

    fn resume(&self, user: usize, cursor: u64) -> Result<Option<Vec<u8>>> {
        let token = token(&user_name(user), "user")?;
        let headers = format!(
            "Accept: text/event-stream\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {cursor}\r\n"
        );
        Ok(Some(http::get("/api/stream", &headers).into_bytes()))
    }

    fn numbers(&self, answer: &str) -> Result<Vec<u64>> {
        let answer: Published = serde_json::from_str(answer)?;
        Ok(answer.alarms.into_iter().map(|alarm| alarm.id).collect())
    }

    fn store_reads(&self) -> Result<BTreeMap<String, u64>> {
        let text = http::expect_success(self.address, &http::get("/metrics", ""))?;
        Ok(store_reads(&text))
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let to = match audience {
            Audience::Everyone => json!({"everyone": true}),
            Audience::OneUser => json!({"user": format!("u{USER}")}),
        };
        self.publish_to(&to)
    }
}

#[derive(Deserialize)]
struct Published {
    alarms: Vec<PublishedAlarm>,
}

#[derive(Deserialize)]
struct PublishedAlarm {
    id: u64,
}

/// The lines `campanile_store_reads_total{kind="…"} N`.
fn store_reads(metrics: &str) -> BTreeMap<String, u64> {
    let lines = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix("campanile_store_reads_total{kind=\"")?;
        let (kind, count) = rest.split_once("\"} ")?;
        Some((kind.to_owned(), count.trim().parse().ok()?))
    });
    lines.collect()
}

/// A token of its own for each call: a sign-out ends one.
pub(crate) fn token(sub: &str, role: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let iat = now.as_secs();
    let exp = iat + TOKEN_SECONDS;
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let claims = Claims {
        sub,
        role,
        exp,
        iat,
        jti: now.as_nanos().to_string(),
    };
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &key,
    )?)
}

/// Known to the bench and to the hub it starts, for as long as both run.
const SECRET: &str = "a secret of the bench, 32 bytes at least";

/// Longer than any measurement.
const TOKEN_SECONDS: u64 = 3_600;

/// The most `POST /api/users` takes.
const USERS_AT_ONCE: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_the_store_are_found_among_the_metrics() {
        let text = "# TYPE campanile_store_reads counter\ncampanile_store_reads_total{kind=\"head\"} 3\ncampanile_streams 9\n";

        let reads = store_reads(text);

        assert_eq!(reads, BTreeMap::from([("head".to_owned(), 3)]));
    }
}
