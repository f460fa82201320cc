//! A plain `node:http` server, `bench/peers/node.mjs`, which the bench carries within itself.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::Pid;

use crate::error::Result;
use crate::http::{self, Template};
use crate::servers::child::Running;
use crate::servers::peer::{alarm_text, channel, endpoint, free_address, user_channel};
use crate::servers::server::{Server, Site};
use crate::swarm::{Audience, Endpoint};

pub(super) struct Node {
    running: Running,
    address: SocketAddr,
}

impl Node {
    pub(super) fn start(site: &Site<'_>) -> Result<Self> {
        let address = free_address()?;
        let program = site.folder.join("node.mjs");
        fs::write(&program, PROGRAM)?;
        let mut command = Command::new("node");
        command.arg(program).arg(address.to_string());
        Ok(Self {
            running: Running::start(command, site, address)?,
            address,
        })
    }
}

impl Server for Node {
    fn pid(&self) -> Pid {
        self.running.pid()
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>> {
        let path = format!("/{}", user_channel(user, audience));
        Ok(http::get(&path, "Accept: text/event-stream\r\n").into_bytes())
    }

    fn publish(&self, audience: Audience) -> Result<Template> {
        let path = format!("/{}", channel(audience));
        Template::new(&http::post(&path, "", &alarm_text(audience)))
    }
}

const PROGRAM: &str = include_str!("../../peers/node.mjs");
