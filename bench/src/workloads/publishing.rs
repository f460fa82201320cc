//! The workloads that publish: what an alarm and its deliveries cost and how long they take.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::cpu::{Cpu, Meter};
use crate::error::Result;
use crate::figures::Figures;
use crate::swarm::{Audience, Ends, Pacing, Phase, Plan, Waiting};
use crate::workloads::session::Session;
use crate::workloads::workload::Wishes;

impl Session {
    /// Publishes for a while, after a short run that does not count.
    pub(super) fn publish(&mut self, plan: Plan) -> Result<Figures> {
        let template = self.server.publish(plan.audience)?;
        self.swarm.publishers(plan.publishers, &template)?;
        let usual = plan.lasting.min(WARMING_UP);
        self.swarm.publish(&Plan {
            lasting: self.server.warming_up().unwrap_or(usual),
            ..plan
        })?;
        self.swarm.take_busy();
        let ends = *self.swarm.ends();
        let before = (Meter::of_tree(self.server.pid())?, Meter::of_bench());
        let phase = self.swarm.publish(&plan)?;
        let server = Meter::of_tree(self.server.pid())?.since(&before.0);
        let own = match plan.waiting {
            Waiting::Awake | Waiting::Behind => self.swarm.take_busy().as_secs_f64(),
            Waiting::Asleep => Meter::of_bench().since(&before.1).total,
        };
        let mut figures = Figures::default();
        figures.set("publishers", plan.publishers as f64);
        set_cost(&mut figures, &phase, &server, own);
        set_latency(&mut figures, &phase);
        if !phase.last.is_empty() {
            figures.set("last_p50_ms", milliseconds(&phase.last, 0.5));
        }
        set_books(&mut figures, &phase, ends, self.swarm.ends());
        Ok(figures)
    }

    /// Finds out the most it can do in closed loop, then publishes at half of that rate and counts from when each alarm was due.
    pub(super) fn half_load(&mut self, wishes: &Wishes, lasting: Duration) -> Result<Figures> {
        let window = wishes.window.unwrap_or(WINDOW);
        let mut plan = Plan {
            audience: Audience::OneUser,
            publishers: wishes.publishers.unwrap_or(256),
            pacing: Pacing::Closed { window },
            waiting: Waiting::Awake,
            lasting: wishes.lasting,
        };
        let most = self.publish(plan)?;
        let most = most.value("alarms_per_s").unwrap_or(f64::NAN);
        let per_second = wishes.rate.unwrap_or(most / 2.0);
        if !per_second.is_finite() || per_second <= 0.0 {
            return Err("nothing was delivered, so there is no half of it".into());
        }
        plan.pacing = Pacing::Rate { per_second };
        plan.lasting = lasting;
        let mut figures = self.publish(plan)?;
        figures.set("half_of_per_s", most);
        Ok(figures)
    }
}

pub(crate) fn set_cost(figures: &mut Figures, phase: &Phase, server: &Cpu, own: f64) {
    let deliveries = phase.deliveries as f64;
    figures.set("deliveries", deliveries);
    figures.set("deliveries_per_s", deliveries / phase.seconds());
    figures.set("alarms_per_s", phase.answered as f64 / phase.seconds());
    server.enter(figures, deliveries);
    figures.set("cpu_share", server.total / phase.seconds());
    figures.set("own_cpu_us", own * 1e6 / deliveries);
    figures.set("seconds", phase.seconds());
}

pub(crate) fn set_latency(figures: &mut Figures, phase: &Phase) {
    figures.set("p50_ms", milliseconds(&phase.latency, 0.5));
    figures.set("p90_ms", milliseconds(&phase.latency, 0.9));
    figures.set("p99_ms", milliseconds(&phase.latency, 0.99));
    figures.set("p999_ms", milliseconds(&phase.latency, 0.999));
    if phase.publish_latency.is_empty() {
        return;
    }
    figures.set("publish_p50_ms", milliseconds(&phase.publish_latency, 0.5));
    figures.set("publish_p99_ms", milliseconds(&phase.publish_latency, 0.99));
}

fn milliseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}

pub(crate) fn set_books(figures: &mut Figures, phase: &Phase, before: Ends, after: &Ends) {
    let books = phase.reconcile();
    figures.set("lost", books.lost as f64);
    figures.set("repeated", books.repeated as f64);
    figures.set("reordered", books.reordered as f64);
    figures.set("failed", phase.failed as f64);
    figures.set("cut_off", (after.cut_off - before.cut_off) as f64);
    figures.set("cut_off_slow", (after.slow - before.slow) as f64);
    let bytes = (after.bytes - before.bytes) as f64;
    figures.set("bytes_per_delivery", bytes / phase.deliveries as f64);
}

/// A closed loop is closed over delivery too: a publisher waits until its last alarm has reached the slowest reader.
pub(crate) const WINDOW: usize = 1;

/// Long enough that caches are warm and connections have grown their buffers.
const WARMING_UP: Duration = Duration::from_millis(700);
