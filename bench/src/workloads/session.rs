//! A server started for a set of workloads, and the streams opened at it.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::cpu::Meter;
use crate::error::Result;
use crate::figures::Figures;
use crate::proc::{self, Cores};
use crate::servers::{Kind, Server, Site};
use crate::swarm::{Audience, Swarm};
use crate::workloads::workload::Setup;

/// Started, users known, streams open.
pub(crate) struct Session {
    // Ends before its folder is removed: fields are dropped in this order.
    pub(super) swarm: Swarm,
    pub(super) server: Box<dyn Server>,
    _folder: TempDir,
    opening: Figures,
}

impl Session {
    pub(crate) fn open(
        kind: Kind,
        setup: Setup,
        cores: &Cores,
        campanile: &Path,
        data: &Path,
    ) -> Result<Self> {
        let folder = TempDir::with_prefix_in("bench-", data)?;
        let server = kind.start(&Site {
            folder: folder.path(),
            cores,
            placement: setup.placement,
            audience: setup.audience,
            campanile,
        })?;
        server.introduce(setup.clients.max(1))?;
        let mut swarm = Swarm::new(server.endpoint())?;
        let opening = open_streams(server.as_ref(), &mut swarm, setup)?;
        Ok(Self {
            swarm,
            server,
            _folder: folder,
            opening,
        })
    }

    /// The cost of opening the streams, and the memory that they hold.
    pub(crate) fn opening(&self) -> &Figures {
        &self.opening
    }

    /// Opens streams and closes them after their first event.
    pub(super) fn churn(&mut self, lasting: Duration) -> Result<Figures> {
        let request = self.server.subscribe(0, Audience::OneUser)?;
        self.swarm.churn(&request, CHURNING, WARMING_UP)?;
        self.swarm.rest(SETTLING)?;
        let before = (Meter::of_tree(self.server.pid())?, Meter::of_bench());
        let per_second = self.swarm.churn(&request, CHURNING, lasting)?;
        let server = Meter::of_tree(self.server.pid())?.since(&before.0);
        let count = per_second * lasting.as_secs_f64();
        let mut figures = Figures::default();
        figures.set("connects_per_s", per_second);
        server.enter(&mut figures, count);
        let own = Meter::of_bench().since(&before.1).total;
        figures.set("own_cpu_us", own * 1e6 / count);
        Ok(figures)
    }
}

fn open_streams(server: &dyn Server, swarm: &mut Swarm, setup: Setup) -> Result<Figures> {
    let mut figures = Figures::default();
    if setup.clients == 0 {
        return Ok(figures);
    }
    swarm.rest(SETTLING)?;
    let requests: Result<Vec<_>> = (0..setup.clients)
        .map(|user| server.subscribe(user, setup.audience))
        .collect();
    let memory = proc::pss_of_tree(server.pid())?;
    let before = Meter::of_tree(server.pid())?;
    let took = swarm.open(requests?, server.opens_at_once())?;
    swarm.rest(SETTLING)?;
    let clients = setup.clients as f64;
    let spent = Meter::of_tree(server.pid())?.since(&before);
    let grown = proc::pss_of_tree(server.pid())?.saturating_sub(memory);
    figures.set("clients", clients);
    figures.set("connects_per_s", clients / took.as_secs_f64());
    spent.enter(&mut figures, clients);
    figures.set("pss_bytes_per_stream", grown as f64 / clients);
    figures.set("pss_baseline_mb", memory as f64 / 1e6);
    Ok(figures)
}

/// Connections under way at a time.
const CHURNING: usize = 64;

/// The time after which a server has finished its work behind the answers.
const SETTLING: Duration = Duration::from_millis(700);

const WARMING_UP: Duration = Duration::from_millis(500);
