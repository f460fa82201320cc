//! The parts of this machine that a run uses: its cores, the measured binaries, and a folder.

use std::path::{Path, PathBuf};

use crate::args::Place;
use crate::error::Result;
use crate::proc::{self, Cores, Placement};
use crate::servers::{Kind, Site};
use crate::swarm::Audience;
use crate::workloads::{Session, Setup};

/// The machine's parts a run uses.
pub(crate) struct Ground {
    cores: Cores,
    campanile: PathBuf,
    before: Option<PathBuf>,
    data: PathBuf,
}

impl Ground {
    pub(crate) fn prepare(place: &Place) -> Result<Self> {
        let own = std::env::current_exe()?;
        let beside = own.parent().unwrap_or(Path::new(".")).to_owned();
        let data = place.data.clone().unwrap_or_else(|| beside.clone());
        if !proc::is_on_disk(&data) {
            let shown = data.display();
            eprintln!(
                "campanile-bench: {shown} is in memory: there a commit costs nothing, and the hub's figures are too good"
            );
        }
        Ok(Self {
            cores: Cores::part()?,
            campanile: place
                .campanile
                .clone()
                .unwrap_or_else(|| beside.join("campanile")),
            before: place.before.clone(),
            data,
        })
    }

    /// The folder for the servers' files, on a real disk.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The parameters of a server that is started in `folder`.
    pub(crate) fn site<'a>(&'a self, folder: &'a Path) -> Site<'a> {
        Site {
            folder,
            cores: &self.cores,
            placement: Placement::OneCore,
            audience: Audience::OneUser,
            campanile: &self.campanile,
        }
    }

    /// The same, for a server that shares every core with others.
    pub(crate) fn site_on_every_core<'a>(&'a self, folder: &'a Path) -> Site<'a> {
        Site {
            placement: Placement::EveryCore,
            ..self.site(folder)
        }
    }

    /// Starts something that may use every core, the bench's own as well.
    pub(crate) fn on_every_core<T>(&self, start: impl FnOnce() -> T) -> Result<T> {
        self.cores.on_server(Placement::EveryCore, start)
    }

    pub(crate) fn session(&self, kind: Kind, setup: Setup) -> Result<Session> {
        let (campanile, data) = self.hub(kind)?;
        Session::open(kind, setup, &self.cores, campanile, data)
    }

    /// The hub's binary, and the folder for its files.
    pub(crate) fn hub(&self, kind: Kind) -> Result<(&Path, &Path)> {
        let campanile = match (kind, &self.before) {
            (Kind::Before, Some(before)) => before,
            (Kind::Before, None) => return Err("`before` needs `--before FILE`".into()),
            _ => &self.campanile,
        };
        let data = match kind {
            Kind::CampanileInMemory => Path::new(IN_MEMORY),
            _ => &self.data,
        };
        Ok((campanile, data))
    }

    pub(crate) fn cores(&self) -> &Cores {
        &self.cores
    }
}

/// A folder in memory on every Linux.
const IN_MEMORY: &str = "/dev/shm";
