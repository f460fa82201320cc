//! The workloads that publish: what an alarm and its deliveries cost and how long they take.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::figures::Figures;
use crate::proc::{self, Cpu};
use crate::swarm::{Ends, Pacing, Phase, Plan};
use crate::workloads::{Session, WINDOW, Wishes};

impl Session {
    /// Publishes for a while, after a short run that does not count.
    pub(super) fn publish(
        &mut self,
        publishers: usize,
        pacing: Pacing,
        lasting: Duration,
    ) -> Result<Figures> {
        let template = self.server.publish(self.audience)?;
        self.swarm.publishers(publishers, &template)?;
        let mut plan = Plan {
            audience: self.audience,
            publishers,
            pacing,
            lasting: lasting.min(WARMING_UP),
        };
        self.swarm.publish(&plan)?;
        plan.lasting = lasting;
        self.swarm.take_busy();
        let ends = *self.swarm.ends();
        let before = proc::cpu_of_tree(self.server.pid())?;
        let phase = self.swarm.publish(&plan)?;
        let server = proc::cpu_of_tree(self.server.pid())?.since(before);
        let own = self.swarm.take_busy();
        let mut figures = Figures::default();
        figures.set("publishers", publishers as f64);
        set_cost(&mut figures, &phase, server, own);
        set_latency(&mut figures, &phase);
        set_books(&mut figures, &phase, ends, self.swarm.ends());
        Ok(figures)
    }

    /// Finds out the most it can do in closed loop, then publishes at half of that rate and counts from when each alarm was due.
    pub(super) fn half_load(&mut self, wishes: &Wishes) -> Result<Figures> {
        let publishers = wishes.publishers.unwrap_or(256);
        let window = wishes.window.unwrap_or(WINDOW);
        let most = self.publish(publishers, Pacing::Closed { window }, wishes.lasting)?;
        let most = most.value("alarms_per_s").unwrap_or(f64::NAN);
        let per_second = wishes.rate.unwrap_or(most / 2.0);
        if !per_second.is_finite() || per_second <= 0.0 {
            return Err("nothing was delivered, so there is no half of it".into());
        }
        let pacing = Pacing::Rate { per_second };
        let mut figures = self.publish(publishers, pacing, wishes.lasting)?;
        figures.set("half_of_per_s", most);
        Ok(figures)
    }
}

fn set_cost(figures: &mut Figures, phase: &Phase, server: Cpu, own: Duration) {
    let deliveries = phase.deliveries as f64;
    figures.set("deliveries", deliveries);
    figures.set("deliveries_per_s", deliveries / phase.seconds());
    figures.set("alarms_per_s", phase.answered as f64 / phase.seconds());
    figures.set("cpu_us", server.total() * 1e6 / deliveries);
    figures.set("cpu_user_us", server.user * 1e6 / deliveries);
    figures.set("cpu_kernel_us", server.kernel * 1e6 / deliveries);
    figures.set("cpu_share", server.total() / phase.seconds());
    figures.set("own_cpu_us", own.as_secs_f64() * 1e6 / deliveries);
}

pub(super) fn set_latency(figures: &mut Figures, phase: &Phase) {
    let of = |histogram: &Histogram<u64>, quantile| {
        histogram.value_at_quantile(quantile) as f64 / 1_000.0
    };
    figures.set("p50_ms", of(&phase.latency, 0.5));
    figures.set("p90_ms", of(&phase.latency, 0.9));
    figures.set("p99_ms", of(&phase.latency, 0.99));
    figures.set("p999_ms", of(&phase.latency, 0.999));
    if phase.publish_latency.is_empty() {
        return;
    }
    figures.set("publish_p50_ms", of(&phase.publish_latency, 0.5));
    figures.set("publish_p99_ms", of(&phase.publish_latency, 0.99));
}

pub(super) fn set_books(figures: &mut Figures, phase: &Phase, before: Ends, after: &Ends) {
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

/// Long enough that caches are warm and connections have grown their buffers.
const WARMING_UP: Duration = Duration::from_millis(700);
