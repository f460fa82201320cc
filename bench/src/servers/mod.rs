//! The servers that are measured, each started fresh, fed and asked in its own words.

pub(crate) mod campanile;
mod child;
pub(crate) mod floor;
mod nchan;
mod node;
pub(crate) mod pushpin;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rustix::process::Pid;

use crate::error::Result;
use crate::http::{STAMP, Template, USER, user_name};
use crate::proc::{Cores, Placement};
use crate::swarm::{Audience, Endpoint};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The hub; stores every alarm on disk.
    Campanile,
    /// The hub with its database in memory: what it costs without the disk.
    CampanileInMemory,
    /// The hub from the binary `--before` names, every alarm on disk.
    Before,
    /// A bare epoll loop that writes one ready chunk to every subscriber: the physical limit.
    Floor,
    /// nginx with nchan, from apt.
    Nchan,
    /// A plain `node:http` server.
    Node,
    /// Pushpin, from apt, with its client and a back end that hands every stream over.
    Pushpin,
}

/// One running server.
pub(crate) trait Server {
    /// Its process, the parent of its others.
    fn pid(&self) -> Pid;
    /// Where its clients go, and what they hear first.
    fn endpoint(&self) -> Endpoint;
    /// Makes users known, if the server wants to know them.
    fn introduce(&self, _users: usize) -> Result<()> {
        Ok(())
    }
    /// The request that opens a user's stream, so that it hears alarms of that audience.
    fn subscribe(&self, user: usize, audience: Audience) -> Result<Vec<u8>>;
    /// The request that publishes.
    fn publish(&self, audience: Audience) -> Result<Template>;
    /// Streams it can open at the same time.
    fn opens_at_once(&self) -> usize {
        AT_ONCE
    }
    /// The request that opens a user's stream where it was left, if this server can do that.
    fn resume(&self, _user: usize, _cursor: u64) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
    /// The numbers an answer to a publisher gave its alarms.
    fn numbers(&self, _answer: &str) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }
    /// How often the database was read, by kind, if the server counts that.
    fn store_reads(&self) -> Result<BTreeMap<String, u64>> {
        Ok(BTreeMap::new())
    }
}

/// What a server needs to be started.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    /// A folder of its own, on a real disk.
    pub(crate) folder: &'a Path,
    pub(crate) cores: &'a Cores,
    pub(crate) placement: Placement,
    /// Whom its alarms will be for.
    pub(crate) audience: Audience,
    /// The hub's binary.
    pub(crate) campanile: &'a Path,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Campanile => "campanile",
            Self::CampanileInMemory => "campanile-in-memory",
            Self::Before => "before",
            Self::Floor => "floor",
            Self::Nchan => "nchan",
            Self::Node => "node",
            Self::Pushpin => "pushpin",
        }
    }

    /// Whether it is the hub, in whatever build and place.
    pub(crate) fn is_hub(self) -> bool {
        matches!(
            self,
            Self::Campanile | Self::CampanileInMemory | Self::Before
        )
    }

    /// Starts one and waits until it answers.
    pub(crate) fn start(self, site: &Site<'_>) -> Result<Box<dyn Server>> {
        Ok(match self {
            Self::Campanile | Self::CampanileInMemory | Self::Before => {
                Box::new(campanile::Campanile::start(site)?)
            }
            Self::Floor => Box::new(floor::Floor::start(site)?),
            Self::Nchan => Box::new(nchan::Nchan::start(site)?),
            Self::Node => Box::new(node::Node::start(site)?),
            Self::Pushpin => Box::new(pushpin::Pushpin::start(site)?),
        })
    }
}

/// An address nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The bench's own binary, which is also some of the peers.
fn own_binary() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// What a peer is given to send: byte for byte as large as what the hub makes of the same alarm.
fn alarm_text(audience: Audience) -> String {
    let topic = match audience {
        Audience::Everyone => "everyone".to_owned(),
        Audience::OneUser => format!("user:u{USER}"),
    };
    format!(
        "{{\"id\":12345,\"topic\":\"{topic}\",\"alarmType\":\"BENCH\",\"fromUserId\":null,\"targetId\":null,\
         \"data\":{{\"q\":\"{STAMP}\"}},\"url\":null,\"createdAt\":\"2026-11-22T01:02:03.456Z\",\
         \"expiresAt\":null,\"seenAt\":null,\"readAt\":null}}"
    )
}

/// The channel of a peer an alarm is published to: one for all, or its user's own.
fn channel(audience: Audience) -> String {
    match audience {
        Audience::Everyone => "all".to_owned(),
        Audience::OneUser => format!("u{USER}"),
    }
}

/// The channel of a peer a user's stream hears.
fn user_channel(user: usize, audience: Audience) -> String {
    channel(audience).replace(&format!("u{USER}"), &user_name(user))
}

/// Where to go at a peer whose streams all begin with the same comment.
fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        subscribe: address,
        publish: address,
        first_event: b": hi",
    }
}

/// Connections under way at a time: fewer than any server's queue of connections to accept.
const AT_ONCE: usize = 256;

/// Connections a server lets wait to be accepted.
const BACKLOG: i32 = 4_096;
