//! The reference hub of the Mercure protocol, from the binary that an environment variable names: version 1, the transport that keeps nothing,
//! no log. Everybody may subscribe; a publisher has a token.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustix::process::Pid;
use serde_json::json;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{alarm_text, channel, free_address, url_encoded, user_channel};
use crate::servers::programs;
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(super) struct Mercure {
    running: Running,
    address: SocketAddr,
}

impl Mercure {
    pub(super) fn binary() -> Result<PathBuf> {
        programs::named_by("CAMPANILE_BENCH_MERCURE")
    }

    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let address = free_address()?;
        let configuration = site.folder.join("Caddyfile");
        fs::write(&configuration, configuration_text(address))?;
        let mut command = Command::new(Self::binary()?);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(configuration)
            .env("XDG_CONFIG_HOME", site.folder)
            .env("XDG_DATA_HOME", site.folder)
            .env("GOMAXPROCS", "1");
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

/// Without a time limit for a dispatch no deadline is set before each write.
fn configuration_text(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "{{
  admin off
  auto_https off
  persist_config off
  log {{
    output discard
  }}
}}
:{port} {{
  bind {ip}
  mercure {{
    transport local
    anonymous
    write_timeout 0s
    dispatch_timeout 0s
    resource_identifier {HUB}
    issuer {ISSUER} {{
      publisher {{
        jwt \"{SECRET}\" HS256
      }}
    }}
  }}
}}
"
    )
}

impl Server for Mercure {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::at(self.address, b":")
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let path = format!("{PATH}?match={}", user_channel(user, audience));
        Ok(http::get(&path, "Accept: text/event-stream\r\n").into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let topic = channel(audience);
        let data = url_encoded(&alarm_text(audience));
        let body = format!("topic={topic}&type=alarm&id=12345&data={data}");
        let token = token()?;
        let headers = format!(
            "Authorization: Bearer {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        Template::new(&http::post(PATH, &headers, &body))
    }
}

/// A token that may publish to every topic.
fn token() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": ISSUER,
        "aud": HUB,
        "sub": "bench",
        "client_id": "bench",
        "jti": "bench",
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "authorization_details": [{
            "type": "https://mercure.rocks/authorization-detail",
            "actions": ["publish"],
            "topics": [{"match": "*"}],
        }],
    });
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    Ok(jsonwebtoken::encode(&header, &claims, &key)?)
}

const PATH: &str = "/.well-known/mercure";

/// The names of the hub and of who signs its tokens; nothing is asked there.
const HUB: &str = "https://hub.bench/.well-known/mercure";
const ISSUER: &str = "https://bench";

/// Known to the bench and to the server it starts, for as long as both run.
const SECRET: &str = "a secret of the bench, 32 bytes at least";

/// Longer than any measurement.
const TOKEN_SECONDS: u64 = 3_600;
