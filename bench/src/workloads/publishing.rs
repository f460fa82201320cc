//! The workloads that publish: what an alarm and its deliveries cost and how long they take.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::figures::Figures;
use crate::proc::{self, Cpu};
use crate::swarm::{Ends, Pacing, Phase, Plan};
use crate::workloads::Session;

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
        let ends = *self.swarm.ends();
        let before = (proc::cpu_of_tree(self.server.pid())?, proc::own_cpu());
        let phase = self.swarm.publish(&plan)?;
        let server = proc::cpu_of_tree(self.server.pid())?.since(before.0);
        let own = proc::own_cpu().since(before.1);
        let mut figures = Figures::default();
        figures.set("publishers", publishers as f64);
        set_cost(&mut figures, &phase, server, own);
        set_latency(&mut figures, &phase);
        set_books(&mut figures, &phase, ends, self.swarm.ends());
        Ok(figures)
    }
}

fn set_cost(figures: &mut Figures, phase: &Phase, server: Cpu, own: Cpu) {
    let deliveries = phase.deliveries as f64;
    figures.set("deliveries", deliveries);
    figures.set("deliveries_per_s", deliveries / phase.seconds());
    figures.set("alarms_per_s", phase.answered as f64 / phase.seconds());
    figures.set("cpu_us", server.total() * 1e6 / deliveries);
    figures.set("cpu_user_us", server.user * 1e6 / deliveries);
    figures.set("cpu_kernel_us", server.kernel * 1e6 / deliveries);
    figures.set("cpu_share", server.total() / phase.seconds());
    figures.set("own_cpu_us", own.total() * 1e6 / deliveries);
}

fn set_latency(figures: &mut Figures, phase: &Phase) {
    let of = |histogram: &Histogram<u64>, quantile| {
        histogram.value_at_quantile(quantile) as f64 / 1_000.0
    };
    figures.set("p50_ms", of(&phase.latency, 0.5));
    figures.set("p90_ms", of(&phase.latency, 0.9));
    figures.set("p99_ms", of(&phase.latency, 0.99));
    figures.set("p999_ms", of(&phase.latency, 0.999));
    figures.set("publish_p50_ms", of(&phase.publish_latency, 0.5));
    figures.set("publish_p99_ms", of(&phase.publish_latency, 0.99));
}

fn set_books(figures: &mut Figures, phase: &Phase, before: Ends, after: &Ends) {
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
