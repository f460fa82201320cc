//! Streams that come and go beside a measurement.

use crate::error::Result;
use crate::swarm::crowd::Crowd;

/// Visitors, as many at a time as were open from the start: with each one that comes another one leaves.
pub(crate) struct Comings {
    requests: Vec<Vec<u8>>,
    /// The first stream of a visitor, and the number of visitors at a time.
    first: usize,
    at_once: usize,
    per_second: f64,
    come: usize,
}

impl Comings {
    /// The first `at_once` of the requests are those of the last streams that were opened.
    pub(crate) fn new(
        requests: Vec<Vec<u8>>,
        first: usize,
        at_once: usize,
        per_second: f64,
    ) -> Self {
        Self {
            requests,
            first,
            at_once,
            per_second,
            come: 0,
        }
    }

    /// The streams that stay.
    pub(super) fn stay(&self) -> usize {
        self.first
    }

    /// Lets those come who are due since a time, after `before` of them.
    pub(super) fn turn(&mut self, crowd: &mut Crowd, since: u64, before: usize) -> Result<()> {
        let seconds = crowd.clock().nanos().saturating_sub(since) as f64 / 1e9;
        while ((self.come - before) as f64) < seconds * self.per_second {
            let next = (self.at_once + self.come) % self.requests.len().max(1);
            let request = self.requests.get(next).cloned().unwrap_or_default();
            crowd.replace(self.first + self.come % self.at_once, request)?;
            self.come += 1;
            crowd.complain()?;
        }
        Ok(())
    }

    /// Those who came so far.
    pub(crate) fn come(&self) -> usize {
        self.come
    }
}
