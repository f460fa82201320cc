//! A running server as the workloads use it, and what it needs to be started.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rustix::process::Pid;

use crate::error::Result;
use crate::http::Template;
use crate::proc::{Cores, Placement};
use crate::swarm::{Audience, Endpoint};

/// One running server.
pub(crate) trait Server {
    /// Its process, the parent of its others.
    fn pid(&self) -> Pid;
    /// The addresses for its clients, and the first bytes of each stream.
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
    /// The time of publishing that does not count before it is measured, if it needs longer than others.
    fn warming_up(&self) -> Option<Duration> {
        None
    }
    /// The request that opens a user's stream where it was left, if this server can do that.
    fn resume(&self, _user: usize, _cursor: u64) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
    /// The numbers an answer to a publisher gave its alarms.
    fn numbers(&self, _answer: &str) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }
    /// The number of reads from the database, by kind, if the server counts them.
    fn store_reads(&self) -> Result<BTreeMap<String, u64>> {
        Ok(BTreeMap::new())
    }
}

/// The parameters for the start of a server.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    /// A folder of its own, on a real disk.
    pub(crate) folder: &'a Path,
    pub(crate) cores: &'a Cores,
    pub(crate) placement: Placement,
    /// The recipients of its alarms.
    pub(crate) audience: Audience,
    /// The hub's binary.
    pub(crate) campanile: &'a Path,
}

/// Connections under way at a time: fewer than any server's queue of connections to accept.
const AT_ONCE: usize = 256;
