//! Centrifugo, from the binary that an environment variable names: memory engine without history, alarms over its HTTP API. Its clients
//! need no token; they come by its transport `uni_websocket`, which costs it less than `uni_sse`.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Pid;
use serde_json::json;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{alarm_text_within, channel, free_address, url_encoded, user_channel};
use crate::servers::programs;
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(super) struct Centrifugo {
    running: Running,
    address: SocketAddr,
}

impl Centrifugo {
    pub(super) fn binary() -> Result<PathBuf> {
        programs::named_by("CAMPANILE_BENCH_CENTRIFUGO")
    }

    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let address = free_address()?;
        let configuration = site.folder.join("centrifugo.json");
        fs::write(&configuration, configuration_text(address))?;
        let mut command = Command::new(Self::binary()?);
        command
            .arg("--config")
            .arg(configuration)
            .env("GOMAXPROCS", "1");
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

fn configuration_text(address: SocketAddr) -> String {
    let configuration = json!({
        "http_server": {"address": address.ip().to_string(), "port": address.port()},
        "engine": {"type": "memory"},
        "log": {"level": "error"},
        "usage_stats": {"disabled": true},
        // A client that is measured answers no pings.
        "client": {"insecure": true, "ping_interval": "1h"},
        "uni_websocket": {"enabled": true},
        "http_api": {"key": KEY},
    });
    configuration.to_string()
}

impl Server for Centrifugo {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    /// A stream begins with the answer to its wish to connect, which names its channels.
    fn endpoint(&self) -> Endpoint {
        Endpoint {
            first_event_end: b"}",
            ..Endpoint::at(self.address, b"{\"connect\":")
        }
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let channel = user_channel(user, audience);
        let wish = url_encoded(&json!({"subs": {channel: {}}}).to_string());
        let path = format!("/connection/uni_websocket?cf_connect={wish}");
        Ok(http::get(&path, http::WEB_SOCKET).into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let channel = channel(audience);
        let around = format!("{{\"channel\":\"{channel}\",\"pub\":{{\"data\":}}}}");
        let data = alarm_text_within(audience, &around);
        let body = format!("{{\"channel\":\"{channel}\",\"data\":{data}}}");
        let headers = format!("Content-Type: application/json\r\nX-API-Key: {KEY}\r\n");
        Template::new(&http::post("/api/publish", &headers, &body))
    }
}

/// Known to the bench and to the server it starts, for as long as both run.
const KEY: &str = "a key of the bench";
