//! The alarms that are to be published to each room, their times, and their delivery to each client.

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::ledger::{Arrival, Ledger, Reconciled};
use crate::stamp::Stamp;

/// One measurement's schedule and books. Each room has a publisher of its own, so that what a room hears has an order.
pub(super) struct Books {
    number: u32,
    rooms: Vec<Room>,
    members: Vec<u32>,
    every: f64,
    stop: u64,
    ledger: Ledger,
    pub(super) latency: Histogram<u64>,
    pub(super) deliveries: u64,
    pub(super) failed: u64,
    failed_deliveries: u64,
}

struct Room {
    due: f64,
    sent: u32,
    waiting: bool,
}

impl Books {
    /// `members` tells for each room how many clients hear it; client `n` hears room `n % rooms`.
    pub(super) fn open(
        number: u32,
        members: Vec<u32>,
        rate: f64,
        start: u64,
        stop: u64,
    ) -> Result<Self> {
        let every = 1e9 / rate;
        let count = members.len() as f64;
        // Rooms take turns: a crowd that hears everything at once is another workload.
        let rooms = (0..members.len()).map(|room| Room {
            due: start as f64 + every * room as f64 / count,
            sent: 0,
            waiting: false,
        });
        Ok(Self {
            number,
            rooms: rooms.collect(),
            ledger: Ledger::new(members.iter().sum::<u32>() as usize),
            members,
            every,
            stop,
            latency: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            deliveries: 0,
            failed: 0,
            failed_deliveries: 0,
        })
    }

    /// The next alarm that is due and whose room's publisher is free: the room and its stamp.
    pub(super) fn next(&mut self, now: u64) -> Option<(usize, Stamp)> {
        let limit = now.min(self.stop.saturating_sub(1)) as f64;
        let (index, room) = self
            .rooms
            .iter_mut()
            .enumerate()
            .find(|(_, room)| !room.waiting && room.due <= limit)?;
        let sent = room.due as u64;
        room.due += self.every;
        room.sent += 1;
        room.waiting = true;
        let stamp = Stamp {
            phase: self.number,
            lane: u32::try_from(index).unwrap_or(u32::MAX),
            lane_sequence: room.sent,
            sequence: room.sent,
            sent,
        };
        Some((index, stamp))
    }

    /// The time at which the next alarm is due, if one is left to be sent.
    pub(super) fn due(&self) -> Option<u64> {
        let free = self.rooms.iter().filter(|room| !room.waiting);
        let due = free.map(|room| room.due as u64).min()?;
        (due < self.stop).then_some(due)
    }

    /// A room's publisher was answered.
    pub(super) fn answered(&mut self, room: usize, succeeded: bool) {
        if let Some(answered) = self.rooms.get_mut(room) {
            answered.waiting = false;
        }
        if !succeeded {
            self.failed += 1;
            self.failed_deliveries += u64::from(self.members.get(room).copied().unwrap_or(0));
        }
    }

    /// A client has an alarm.
    pub(super) fn deliver(&mut self, client: usize, stamp: &Stamp, now: u64) {
        if stamp.phase != self.number {
            return;
        }
        if self.ledger.enter(client, stamp.sequence) == Arrival::New {
            self.deliveries += 1;
            let micros = now.saturating_sub(stamp.sent) / 1_000;
            self.latency.saturating_record(micros.max(1));
        }
    }

    /// Returns true if everything due is sent, answered and delivered.
    pub(super) fn is_settled(&self, now: u64) -> bool {
        let idle = self
            .rooms
            .iter()
            .all(|room| !room.waiting && room.due >= self.stop as f64);
        now >= self.stop && idle && self.deliveries >= self.owed()
    }

    /// Deliveries of what was stored.
    fn owed(&self) -> u64 {
        let rooms = self.rooms.iter().zip(&self.members);
        let sent = rooms.map(|(room, members)| u64::from(room.sent) * u64::from(*members));
        sent.sum::<u64>().saturating_sub(self.failed_deliveries)
    }

    pub(super) fn reconcile(&self) -> Reconciled {
        let count = self.rooms.len().max(1);
        let sent = |client: usize| self.rooms.get(client % count).map(|room| room.sent);
        let books = self.ledger.reconcile(sent);
        Reconciled {
            // A refused alarm was never to be delivered, so its deliveries are not lost.
            lost: books.lost.saturating_sub(self.failed_deliveries),
            ..books
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rooms with two members and one, an alarm a second each, for two seconds.
    fn books() -> Books {
        Books::open(1, vec![2, 1], 1.0, 0, 2_000_000_000).unwrap()
    }

    #[test]
    fn rooms_take_turns_and_wait_for_the_answer_before() {
        let mut books = books();

        let first = books.next(900_000_000).unwrap();
        let second = books.next(900_000_000).unwrap();
        assert_eq!((first.0, first.1.sent), (0, 0));
        assert_eq!((second.0, second.1.sent), (1, 500_000_000));
        assert!(books.next(1_000_000_000).is_none(), "both are unanswered");

        books.answered(0, true);
        let third = books.next(1_100_000_000).unwrap();
        assert_eq!(
            (third.0, third.1.sequence, third.1.sent),
            (0, 2, 1_000_000_000)
        );
    }

    #[test]
    fn everything_sent_is_owed_to_each_member_and_what_was_refused_to_nobody() {
        let mut books = books();
        let (room, stamp) = books.next(0).unwrap();
        books.answered(room, true);
        let (refused, _) = books.next(500_000_000).unwrap();
        books.answered(refused, false);

        books.deliver(0, &stamp, 1_000_000);
        books.deliver(2, &stamp, 1_000_000);
        books.deliver(2, &stamp, 2_000_000);

        let reconciled = books.reconcile();
        assert_eq!((reconciled.lost, reconciled.repeated), (0, 1));
        assert_eq!((books.deliveries, books.failed), (2, 1));
        assert_eq!(books.latency.max(), 1_000);
    }
}
