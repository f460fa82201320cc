//! One number of hubs: latency at a fixed rate, the most that is stored, the most that is delivered, and latency with a silent bell.

use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::process::Pid;
use serde::Serialize;

use crate::args::ClusterCommand;
use crate::cluster::hubs::Hubs;
use crate::cluster::silence::Relay;
use crate::cpu::Meter;
use crate::error::Result;
use crate::figures::Figures;
use crate::ground::Ground;
use crate::postgres::Postgres;
use crate::servers::Server as _;
use crate::swarm::{Audience, Pacing, Phase, Plan, Waiting};

/// The conditions, the same for every number of hubs.
#[derive(Debug, Serialize)]
pub(super) struct Terms {
    pub(super) hubs: Vec<usize>,
    pub(super) seconds: f64,
    pub(super) rate: f64,
    pub(super) streams: usize,
    /// The load of the machine by other processes over the last minute before the first measurement.
    pub(super) load_before: f64,
}

impl Terms {
    pub(super) fn of(command: &ClusterCommand, load_before: f64) -> Self {
        let hubs = command.hubs.iter().map(|hubs| (*hubs).clamp(1, MOST_HUBS));
        Self {
            hubs: hubs.collect(),
            seconds: command.seconds.clamp(0.5, 60.0),
            rate: command.rate.clamp(1.0, 1_000.0),
            // Each publisher has users of its own.
            streams: command.streams.clamp(PUBLISHERS, 10_000),
            load_before,
        }
    }
}

/// Measures so many hubs, on a database of their own.
pub(super) fn measure(
    ground: &Ground,
    server: &Postgres,
    terms: &Terms,
    count: usize,
) -> Result<Figures> {
    let mut figures = Figures::default();
    let database = server.database(&format!("of_{count}"))?;
    let settings = [("CAMPANILE_DATABASE_URL", database.as_str())];
    let mut hubs = Hubs::start(ground, count, &settings, terms.streams)?;
    let lasting = Duration::from_secs_f64(terms.seconds);
    let steady = plan(
        Audience::OneUser,
        Pacing::Rate {
            per_second: terms.rate,
        },
        lasting,
    );
    let most = Pacing::Closed { window: WINDOW };

    let measured = publish(&mut hubs, server.pid()?, &steady)?;
    set_latency(&mut figures, "", &measured.phase);
    measured.enter(&mut figures, "at_rate");
    hubs.publish_at_all()?;
    let measured = publish(
        &mut hubs,
        server.pid()?,
        &plan(Audience::OneUser, most, lasting),
    )?;
    figures.set("stored_per_s", measured.stored_per_second());
    measured.enter(&mut figures, "at_most");
    let measured = publish(
        &mut hubs,
        server.pid()?,
        &plan(Audience::Everyone, most, lasting),
    )?;
    figures.set("delivered_per_s", measured.delivered_per_second());
    measured.enter(&mut figures, "fan_out");
    drop(hubs);

    let relay = Relay::before(server.address())?;
    let address = server.address().to_string();
    let notify = database.replace(&address, &relay.address.to_string());
    let settings = [settings[0], ("CAMPANILE_NOTIFY_URL", notify.as_str())];
    let mut hubs = Hubs::start(ground, count, &settings, terms.streams)?;
    warm_up(&mut hubs, &steady)?;
    relay.fall_silent();
    let measured = measure_once(&mut hubs, server.pid()?, &steady)?;
    set_latency(&mut figures, "silent_", &measured.phase);
    measured.enter(&mut figures, "silent");
    Ok(figures)
}

fn plan(audience: Audience, pacing: Pacing, lasting: Duration) -> Plan {
    Plan {
        audience,
        publishers: PUBLISHERS,
        pacing,
        // The hubs and the database server may have this core as well.
        waiting: Waiting::Asleep,
        lasting,
    }
}

/// A measurement, and the processor time that it took.
struct Measured {
    phase: Phase,
    /// Of the database server.
    server: f64,
    /// Of all hubs.
    hubs: f64,
}

impl Measured {
    fn stored_per_second(&self) -> f64 {
        self.phase.answered as f64 / self.phase.seconds()
    }

    fn delivered_per_second(&self) -> f64 {
        self.phase.deliveries as f64 / self.phase.seconds()
    }

    /// Enters the processor time as parts of a core, and adds the faults to those there are.
    fn enter(&self, figures: &mut Figures, name: &str) {
        let seconds = self.phase.seconds();
        figures.set(format!("server_cpu_{name}"), self.server / seconds);
        figures.set(format!("hubs_cpu_{name}"), self.hubs / seconds);
        let books = self.phase.reconcile();
        let faults = [
            ("lost", books.lost as f64),
            ("repeated", books.repeated as f64),
            ("reordered", books.reordered as f64),
            ("failed", self.phase.failed as f64),
        ];
        for (fault, count) in faults {
            let before = figures.value(fault).unwrap_or(0.0);
            figures.set(fault, before + count);
        }
    }
}

/// Publishes after a plan, after a short run that does not count.
fn publish(hubs: &mut Hubs, server: Pid, plan: &Plan) -> Result<Measured> {
    warm_up(hubs, plan)?;
    measure_once(hubs, server, plan)
}

fn warm_up(hubs: &mut Hubs, plan: &Plan) -> Result<()> {
    let template = hubs.first()?.publish(plan.audience)?;
    hubs.swarm.publishers(plan.publishers, &template)?;
    hubs.swarm.publish(&Plan {
        lasting: WARMING_UP.min(plan.lasting),
        ..*plan
    })?;
    Ok(())
}

fn measure_once(hubs: &mut Hubs, server: Pid, plan: &Plan) -> Result<Measured> {
    let of_hubs = |hubs: &Hubs| -> Result<Vec<Meter>> {
        hubs.pids().into_iter().map(Meter::of_tree).collect()
    };
    let before = (Meter::of_tree(server)?, of_hubs(hubs)?);
    let phase = hubs.swarm.publish(plan)?;
    let spent = of_hubs(hubs)?.into_iter().zip(&before.1);
    Ok(Measured {
        phase,
        server: Meter::of_tree(server)?.since(&before.0).total,
        hubs: spent.map(|(now, then)| now.since(then).total).sum(),
    })
}

fn set_latency(figures: &mut Figures, name: &str, phase: &Phase) {
    let of = |times: &Histogram<u64>, quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    figures.set(format!("{name}p50_ms"), of(&phase.latency, 0.5));
    figures.set(format!("{name}p99_ms"), of(&phase.latency, 0.99));
    figures.set(format!("{name}max_ms"), of(&phase.latency, 1.0));
}

/// As many as a cell has; more only wait for each other on two cores.
const MOST_HUBS: usize = 16;

/// A multiple of every number of hubs that is measured, so that each hub has as many.
const PUBLISHERS: usize = 64;

/// The alarms of a publisher that may be under way: storing need not wait for delivery.
const WINDOW: usize = 8;

const WARMING_UP: Duration = Duration::from_secs(1);
