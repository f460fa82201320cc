//! The events that each reader received of those sent to it. Each pair of a publisher and a reader is a slot with a sequence that starts at 1.

use std::collections::{BTreeSet, HashMap};

/// The numbers of sent events that were delivered, lost or repeated.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Sent and never seen.
    pub(crate) lost: u64,
    /// Seen again.
    pub(crate) repeated: u64,
    /// Seen after a later one.
    pub(crate) reordered: u64,
}

/// One arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The first time it is seen.
    New,
    /// Seen before.
    Repeated,
}

/// The books of one measurement.
#[derive(Debug)]
pub(crate) struct Ledger {
    next: Vec<u32>,
    // Almost always empty: only what a later one overtook is in here.
    missing: HashMap<usize, BTreeSet<u32>>,
    repeated: u64,
    reordered: u64,
}

impl Ledger {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            next: vec![1; slots],
            missing: HashMap::new(),
            repeated: 0,
            reordered: 0,
        }
    }

    /// Enters one arrival; an unknown slot counts as a repeat, since nothing was sent there.
    pub(crate) fn enter(&mut self, slot: usize, sequence: u32) -> Arrival {
        let Some(next) = self.next.get_mut(slot) else {
            self.repeated += 1;
            return Arrival::Repeated;
        };
        if sequence == *next {
            *next += 1;
            return Arrival::New;
        }
        if sequence > *next {
            let skipped = *next..sequence;
            *next = sequence + 1;
            self.missing.entry(slot).or_default().extend(skipped);
            return Arrival::New;
        }
        if self
            .missing
            .get_mut(&slot)
            .is_some_and(|missing| missing.remove(&sequence))
        {
            self.reordered += 1;
            return Arrival::New;
        }
        self.repeated += 1;
        Arrival::Repeated
    }

    /// Returns true if this event has arrived.
    pub(crate) fn has(&self, slot: usize, sequence: u32) -> bool {
        let reached = self.next.get(slot).is_some_and(|next| sequence < *next);
        reached
            && !self
                .missing
                .get(&slot)
                .is_some_and(|missing| missing.contains(&sequence))
    }

    /// Closes the books: `sent` tells how many went to a slot, or `None` for a slot whose reader is gone.
    pub(crate) fn reconcile(&self, sent: impl Fn(usize) -> Option<u32>) -> Reconciled {
        let lost = self.next.iter().enumerate().map(|(slot, next)| {
            let Some(sent) = sent(slot) else { return 0 };
            let missing = self.missing.get(&slot).map_or(0, BTreeSet::len);
            u64::from((sent + 1).saturating_sub(*next)) + missing as u64
        });
        Reconciled {
            lost: lost.sum(),
            repeated: self.repeated,
            reordered: self.reordered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(arrivals: &[u32]) -> Ledger {
        let mut ledger = Ledger::new(2);
        for sequence in arrivals {
            ledger.enter(1, *sequence);
        }
        ledger
    }

    fn of(arrivals: &[u32], sent: u32) -> Reconciled {
        ledger(arrivals).reconcile(|slot| Some(if slot == 1 { sent } else { 0 }))
    }

    fn reconciled(lost: u64, repeated: u64, reordered: u64) -> Reconciled {
        Reconciled {
            lost,
            repeated,
            reordered,
        }
    }

    #[test]
    fn everything_in_order_is_clean() {
        assert_eq!(of(&[1, 2, 3], 3), reconciled(0, 0, 0));
    }

    #[test]
    fn a_gap_and_a_missing_end_are_lost() {
        assert_eq!(of(&[1, 3], 5), reconciled(3, 0, 0));
    }

    #[test]
    fn one_that_comes_late_is_reordered_and_not_lost() {
        assert_eq!(of(&[1, 3, 2], 3), reconciled(0, 0, 1));
    }

    #[test]
    fn one_that_comes_twice_is_repeated_even_when_it_came_late() {
        assert_eq!(of(&[1, 1, 3, 2, 2], 3), reconciled(0, 2, 1));
    }

    #[test]
    fn a_reader_that_is_gone_has_lost_nothing() {
        assert_eq!(ledger(&[1]).reconcile(|_slot| None), reconciled(0, 0, 0));
    }

    #[test]
    fn what_has_arrived_is_known() {
        let ledger = ledger(&[1, 3]);

        assert!(ledger.has(1, 1) && ledger.has(1, 3));
        assert!(!ledger.has(1, 2) && !ledger.has(1, 4) && !ledger.has(0, 1));
    }
}
