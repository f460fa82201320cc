//! Runs workloads: one server after the other, all of them as often as wished.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::args::{Place, RunCommand};
use crate::error::Result;
use crate::proc::{self, Cores};
use crate::report::Report;
use crate::servers::{Kind, Site};
use crate::workloads::{Session, Setup, Wishes, Workload};

/// The machine's parts a run uses.
pub(crate) struct Ground {
    cores: Cores,
    campanile: PathBuf,
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
            data,
        })
    }

    /// Where servers' files go: a real disk.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What a server started in `folder` needs.
    pub(crate) fn site<'a>(&'a self, folder: &'a Path) -> Site<'a> {
        Site {
            folder,
            cores: &self.cores,
            campanile: &self.campanile,
        }
    }

    pub(crate) fn session(&self, kind: Kind, setup: Setup) -> Result<Session> {
        Session::open(kind, setup, &self.cores, &self.campanile, &self.data)
    }
}

/// `campanile-bench run`.
pub(crate) fn run(command: &RunCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let wishes = command.wishes();
    let workloads = match command.workloads.as_slice() {
        [] => Workload::value_variants(),
        named => named,
    };
    let mut report = Report::default();
    for _ in 0..command.runs {
        for kind in &command.servers {
            measure(&ground, *kind, workloads, &wishes, &mut report)?;
        }
    }
    println!("{}", report.tables());
    if let Some(path) = &command.json {
        fs::write(path, report.json()?)?;
    }
    Ok(())
}

/// Every workload at one server, those with the same set-up in one session.
pub(crate) fn measure(
    ground: &Ground,
    kind: Kind,
    workloads: &[Workload],
    wishes: &Wishes,
    report: &mut Report,
) -> Result<()> {
    let mut session: Option<(Setup, Session)> = None;
    for workload in workloads {
        let setup = workload.setup(wishes);
        let open = match session.take() {
            Some((same, open)) if same == setup => open,
            // The last server ends before the next one starts.
            other => {
                drop(other);
                ground.session(kind, setup)?
            }
        };
        let (_, open) = session.insert((setup, open));
        eprintln!("{} {}", kind.name(), workload.name());
        report.add(*workload, kind, workload.run(open, wishes)?);
    }
    Ok(())
}
