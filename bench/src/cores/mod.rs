//! One hub on one core, then on every core: what each of its threads does, and what many cores would do. The load comes from several
//! swarms, so that it can use as many cores as the hub leaves to it.

mod load;
mod outlook;
mod section;
mod threads;

use rustix::process::Pid;
use tempfile::TempDir;

use crate::cores::load::Load;
use crate::cpu::Meter;
use crate::error::Result;
use crate::figures::{FAULTS, Figures};
use crate::ground::Ground;
use crate::proc::{self, Cores};
use crate::servers::campanile::Campanile;
use crate::servers::{Kind, Server, Site};
use crate::swarm::{Phase, Plan, Swarm, Waiting, publish_in_turn};
use crate::workloads::{Wishes, Workload, set_books, set_cost, set_latency};

pub(crate) use section::{PAIRS, page, section};

/// One workload, with a hub of its own.
pub(crate) fn measure(
    ground: &Ground,
    kind: Kind,
    workload: Workload,
    wishes: &Wishes,
) -> Result<Figures> {
    let (campanile, data) = ground.hub(kind)?;
    let folder = TempDir::with_prefix_in("bench-", data)?;
    let cores = ground.cores();
    let load = Load::of(workload, wishes, cores.count());
    let hub = Campanile::start(&Site {
        placement: load.placement,
        campanile,
        ..ground.site(folder.path())
    })?;
    let mut swarms = load.swarms(&hub)?;
    let streams = proc::watched_connections(hub.pid())?;
    load.hire(&hub, &mut swarms)?;
    publish(&mut swarms, &load.warming_up(), cores)?;
    meter(&mut swarms, &load, cores, hub.pid(), &streams)
}

fn meter(
    swarms: &mut [Swarm],
    load: &Load,
    cores: &Cores,
    hub: Pid,
    streams: &[usize],
) -> Result<Figures> {
    for swarm in swarms.iter_mut() {
        swarm.take_busy();
    }
    let ends: Vec<_> = swarms.iter().map(|swarm| *swarm.ends()).collect();
    let before = Meter::of_tree(hub)?;
    let phases = publish(swarms, &load.plan(), cores)?;
    let spent = Meter::of_tree(hub)?.since(&before);
    let own: f64 = swarms
        .iter_mut()
        .map(|swarm| swarm.take_busy().as_secs_f64())
        .sum();
    let mut figures = Figures::default();
    figures.set("publishers", load.publishers as f64);
    let mut all: Option<Phase> = None;
    for ((phase, swarm), before) in phases.into_iter().zip(swarms.iter()).zip(ends) {
        let mut books = Figures::default();
        set_books(&mut books, &phase, before, swarm.ends());
        figures.add(&books, &FAULTS);
        match all.as_mut() {
            Some(all) => all.add(&phase),
            None => all = Some(phase),
        }
    }
    let all = all.ok_or("nobody published")?;
    set_cost(&mut figures, &all, &spent, own);
    set_latency(&mut figures, &all);
    threads::tell_apart(&mut figures, &spent, streams, all.seconds())?;
    Ok(figures)
}

/// All swarms at the same time: on the bench's core in turn, or each in a thread of its own behind the hub.
fn publish(swarms: &mut [Swarm], plan: &Plan, cores: &Cores) -> Result<Vec<Phase>> {
    if plan.waiting == Waiting::Awake {
        return publish_in_turn(swarms, plan);
    }
    std::thread::scope(|scope| {
        let begin = |swarm| scope.spawn(|| behind(swarm, plan, cores));
        let threads: Vec<_> = swarms.iter_mut().map(begin).collect();
        let ends = threads.into_iter().map(|thread| match thread.join() {
            Ok(phase) => Ok(phase?),
            Err(_panic) => Err("a thread of the bench broke off".into()),
        });
        ends.collect()
    })
}

/// An error that another thread can be told is text.
fn behind(swarm: &mut Swarm, plan: &Plan, cores: &Cores) -> std::result::Result<Phase, String> {
    let mut publish = || -> Result<Phase> {
        cores.go_behind()?;
        let phases = publish_in_turn(std::slice::from_mut(swarm), plan)?;
        let phase = phases.into_iter().next();
        phase.ok_or_else(|| "nobody published".into())
    };
    publish().map_err(|cause| cause.to_string())
}
