//! The share of every core in a broadcast: the streams that each worker holds and the processor time that it spends.

use std::time::Duration;

use crate::error::Result;
use crate::figures::Figures;
use crate::proc;
use crate::swarm::Plan;
use crate::workloads::session::Session;

impl Session {
    /// Publishes, and tells the server's threads apart.
    pub(super) fn fan_out(&mut self, plan: Plan) -> Result<Figures> {
        // Connections of the workload before are not streams.
        self.swarm
            .publishers(0, &self.server.publish(plan.audience)?)?;
        self.swarm.rest(CLOSING)?;
        let mut streams = proc::watched_connections(self.server.pid())?;
        // The epolls of threads that are no workers watch none.
        streams.retain(|count| *count > 0);
        let (mut figures, spent) = self.publish_and_meter(plan)?;
        let seconds = figures.value("seconds").unwrap_or(f64::NAN);
        let (arbiters, others): (Vec<_>, Vec<_>) = spent
            .threads
            .iter()
            .partition(|thread| thread.0.starts_with(ARBITER));
        if arbiters.len() != PARTS.len() + streams.len() {
            return Err("the hub's threads are not those the bench knows".into());
        }
        let (parts, workers) = arbiters.split_at(PARTS.len());
        figures.set("workers", workers.len() as f64);
        let shares = workers.iter().map(|thread| thread.1 / seconds);
        set_each(&mut figures, "worker_cpu_share", shares.collect());
        let streams = streams.into_iter().map(|count| count as f64);
        set_each(&mut figures, "worker_streams", streams.collect());
        let parts = PARTS
            .into_iter()
            .zip(parts)
            .map(|(name, part)| (name, part.1));
        let others = others.iter().map(|thread| (&*thread.0, thread.1));
        for (name, spent) in parts.chain(others) {
            figures.set(format!("thread_cpu_share {name}"), spent / seconds);
        }
        Ok(figures)
    }
}

/// Enters one figure for each worker, the most first, and how many times the most the least is.
fn set_each(figures: &mut Figures, name: &str, mut values: Vec<f64>) {
    values.sort_by(|one, other| other.total_cmp(one));
    if let (Some(most), Some(least)) = (values.first(), values.last()) {
        figures.set(format!("{name}_evenness"), least / most);
    }
    for (place, value) in values.into_iter().enumerate() {
        figures.set(format!("{name} {}", place + 1), value);
    }
}

/// Connections that were closed are gone by then.
const CLOSING: Duration = Duration::from_millis(100);

/// The names of all threads with an actor or a worker on them, as the kernel cuts them short.
const ARBITER: &str = "actix-rt|system";

/// The hub's actors with a thread each, in the order they start in; the workers start after them.
const PARTS: [&str; 2] = ["Broadcaster", "Journal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_the_most_first_and_compared() {
        let mut figures = Figures::default();

        set_each(&mut figures, "share", vec![0.4, 0.8]);

        assert_eq!(figures.value("share 1"), Some(0.8));
        assert_eq!(figures.value("share 2"), Some(0.4));
        assert_eq!(figures.value("share_evenness"), Some(0.5));
    }
}
