//! The reconnect storm: everybody comes back at once, each as many alarms behind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cpu::Meter;
use crate::error::Result;
use crate::figures::Figures;
use crate::http;
use crate::swarm::{Audience, Pacing, Plan, Waiting};
use crate::workloads::publishing::{set_books, set_latency};
use crate::workloads::session::Session;

impl Session {
    /// Publishes what everybody misses, then lets them all come back with their cursors, of which there are `CURSORS` different ones.
    pub(super) fn storm(&mut self, clients: usize) -> Result<Figures> {
        self.server.introduce(clients + 1)?;
        let cursors = self.move_the_log(clients)?;
        let plan = Plan {
            audience: Audience::Everyone,
            publishers: 1,
            pacing: Pacing::Closed { window: 1 },
            waiting: Waiting::Awake,
            lasting: Duration::ZERO,
        };
        let mut template = self.server.publish(Audience::Everyone)?;
        for stamp in self.swarm.owe(&plan, clients, MISSED)? {
            let request = String::from_utf8(template.fill(&stamp, 0).to_vec())?;
            http::expect_success(self.server.endpoint().publish, &request)?;
        }
        let requests: Result<Vec<Vec<u8>>> = (0..clients)
            .map(|user| {
                let cursor = cursors.get(user % cursors.len()).copied().unwrap_or(0);
                let request = self.server.resume(user, cursor)?;
                request.ok_or_else(|| "this server cannot go on where a stream was left".into())
            })
            .collect();
        let reads = self.server.store_reads()?;
        let before = (Meter::of_tree(self.server.pid())?, *self.swarm.ends());
        self.swarm.take_busy();
        let phase = self.swarm.come_back(requests?)?;
        let own = self.swarm.take_busy();
        let spent = Meter::of_tree(self.server.pid())?.since(&before.0);
        let mut figures = Figures::default();
        let deliveries = phase.deliveries as f64;
        figures.set("clients", clients as f64);
        figures.set("distinct_cursors", cursors.len() as f64);
        figures.set("all_served_s", phase.seconds());
        figures.set("deliveries", deliveries);
        spent.enter(&mut figures, deliveries);
        figures.set("own_cpu_us", own.as_secs_f64() * 1e6 / deliveries);
        set_latency(&mut figures, &phase);
        set_books(&mut figures, &phase, before.1, self.swarm.ends());
        set_reads(&mut figures, &reads, &self.server.store_reads()?);
        self.swarm.close();
        Ok(figures)
    }

    /// Alarms for somebody who is not there: their numbers are the places where the others were cut off.
    fn move_the_log(&mut self, absent: usize) -> Result<Vec<u64>> {
        let mut template = self.server.publish(Audience::OneUser)?;
        let mut cursors = Vec::new();
        for _ in 0..CURSORS {
            let request = template.fill(&self.swarm.stamp_of_none(), absent).to_vec();
            let request = String::from_utf8(request)?;
            let answer = http::expect_success(self.server.endpoint().publish, &request)?;
            cursors.extend(self.server.numbers(&answer)?);
        }
        if cursors.is_empty() {
            return Err("this server does not number its alarms".into());
        }
        Ok(cursors)
    }
}

/// A kind that was never read is not among the hub's figures, which makes it zero.
fn set_reads(figures: &mut Figures, before: &Reads, after: &Reads) {
    for (kind, name) in READS {
        let of = |reads: &Reads| reads.get(kind).copied().unwrap_or(0);
        figures.set(name, of(after).saturating_sub(of(before)) as f64);
    }
}

type Reads = BTreeMap<String, u64>;

/// The hub's kinds of reads, and the figures they are.
const READS: [(&str, &str); 7] = [
    ("account", "reads_account"),
    ("counts", "reads_counts"),
    ("head", "reads_head"),
    ("replay", "reads_replay"),
    ("inbox", "reads_inbox"),
    ("receipts", "reads_receipts"),
    ("other", "reads_other"),
];

/// Alarms each of them missed.
const MISSED: usize = 20;

/// Places in the log where they were cut off.
const CURSORS: usize = 16;
