//! A picture of the panels of the Grafana dashboard: a Prometheus scrapes a hub under a load that changes, and is asked each query of
//! the dashboard over that time.

mod load;
mod panels;
mod picture;
mod prometheus;

use std::fs;
use std::time::Instant;

use tempfile::TempDir;

use crate::args::DashboardCommand;
use crate::dashboard::load::Load;
use crate::dashboard::panels::Panel;
use crate::dashboard::prometheus::Prometheus;
use crate::error::Result;
use crate::ground::Ground;
use crate::servers::campanile::Campanile;

/// `campanile-bench dashboard`.
pub(crate) fn run(command: &DashboardCommand) -> Result<()> {
    let panels = Panel::all(&fs::read_to_string(&command.dashboard)?)?;
    let ground = Ground::prepare(&command.place)?;
    let folder = TempDir::with_prefix_in("bench-dashboard-", ground.data())?;
    let hub = Campanile::start(&ground.site(folder.path()))?;
    let prometheus = Prometheus::scraping(hub.address(), folder.path())?;

    let begin = Instant::now();
    Load::put_on(&hub, command.lasting())?;
    let took = begin.elapsed();

    let mut drawn = Vec::new();
    for panel in panels {
        let lines = panel.lines(&prometheus, took)?;
        println!("{}: {} lines", panel.title, lines.len());
        drawn.push((panel, lines));
    }
    fs::write(&command.out, picture::draw(&drawn, took))?;
    Ok(())
}
