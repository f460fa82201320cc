//! So many hubs on one database, each in a folder of its own, and the clients at them.

use std::time::{Duration, Instant};

use rustix::process::Pid;
use tempfile::TempDir;

use crate::error::Result;
use crate::ground::Ground;
use crate::servers::campanile::Campanile;
use crate::servers::{Server, pause};
use crate::swarm::{Audience, Endpoint, Swarm};

/// The hubs, and the one swarm of all their clients.
pub(super) struct Hubs {
    // The clients go first, and the folders last: fields are dropped in this order.
    pub(super) swarm: Swarm,
    streams: usize,
    hubs: Vec<Campanile>,
    _folders: Vec<TempDir>,
}

impl Hubs {
    /// Starts them, waits until each hears the bell, and opens the streams. One hub publishes.
    pub(super) fn start(
        ground: &Ground,
        count: usize,
        settings: &[(&str, &str)],
        streams: usize,
    ) -> Result<Self> {
        let mut folders = Vec::new();
        let mut hubs: Vec<Campanile> = Vec::new();
        for _ in 0..count {
            let folder = TempDir::with_prefix_in("bench-", ground.data())?;
            let site = ground.site_on_every_core(folder.path());
            hubs.push(Campanile::start_with(&site, settings)?);
            folders.push(folder);
        }
        let Some(first) = hubs.first() else {
            return Err("no hubs are asked for".into());
        };
        first.introduce(streams)?;
        for hub in &hubs {
            wait_for_bell(hub)?;
        }
        let swarm = connect(from_one(&hubs), &hubs, streams)?;
        Ok(Self {
            swarm,
            streams,
            hubs,
            _folders: folders,
        })
    }

    /// Opens the streams anew, and from now on every hub publishes.
    pub(super) fn publish_at_all(&mut self) -> Result<()> {
        self.swarm.close();
        self.swarm = connect(crossed(&self.hubs), &self.hubs, self.streams)?;
        Ok(())
    }

    pub(super) fn first(&self) -> Result<&Campanile> {
        self.hubs.first().ok_or_else(|| "there is no hub".into())
    }

    pub(super) fn pids(&self) -> Vec<Pid> {
        self.hubs.iter().map(Server::pid).collect()
    }
}

fn connect(endpoints: Vec<Endpoint>, hubs: &[Campanile], streams: usize) -> Result<Swarm> {
    let mut swarm = Swarm::over(endpoints)?;
    let requests = hubs.iter().cycle().take(streams).enumerate();
    let requests = requests.map(|(user, hub)| hub.subscribe(user, Audience::OneUser));
    swarm.open(requests.collect::<Result<Vec<_>>>()?, OPENED_AT_ONCE)?;
    swarm.rest(SETTLING)?;
    Ok(swarm)
}

/// The first hub publishes, the others have the streams: they learn of an alarm from the bell alone, as they write nothing themselves.
fn from_one(hubs: &[Campanile]) -> Vec<Endpoint> {
    let Some(first) = hubs.first().map(Server::endpoint) else {
        return Vec::new();
    };
    let others = hubs.iter().skip(usize::from(hubs.len() > 1));
    let endpoints = others.map(|hub| Endpoint {
        publish: first.publish,
        ..hub.endpoint()
    });
    endpoints.collect()
}

/// The alarms of one publisher, for a user of its own, are received at the next hub, never at the one that they were published at.
fn crossed(hubs: &[Campanile]) -> Vec<Endpoint> {
    let next = hubs.iter().cycle().skip(1);
    let pairs = hubs.iter().zip(next).map(|(here, there)| Endpoint {
        subscribe: there.endpoint().subscribe,
        ..here.endpoint()
    });
    pairs.collect()
}

fn wait_for_bell(hub: &Campanile) -> Result<()> {
    let deadline = Instant::now() + HEARING;
    while hub.metric("campanile_bell_works ")? != Some(1.0) {
        if Instant::now() > deadline {
            return Err("a hub does not hear the bell".into());
        }
        pause();
    }
    Ok(())
}

/// The time that a hub has to hear its own first ring.
const HEARING: Duration = Duration::from_secs(20);

/// Streams under way at a time: opening them is not measured.
const OPENED_AT_ONCE: usize = 16;

/// The hubs have found each other, and finished their work behind the answers.
const SETTLING: Duration = Duration::from_millis(1_500);
