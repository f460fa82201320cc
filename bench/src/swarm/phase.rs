//! One publishing measurement: who may send next, what was sent, what came, and how long it took.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::error::Result;
use crate::ledger::{Arrival, Ledger, Reconciled};
use crate::stamp::Stamp;
use crate::swarm::plan::{Audience, Pacing, Plan};

/// The books and figures of a measurement.
pub(crate) struct Phase {
    number: u32,
    audience: Audience,
    pacing: Pacing,
    lanes: Vec<Lane>,
    ledger: Ledger,
    sent_to_user: Vec<u32>,
    gone: Vec<bool>,
    readers: u32,
    // Publishers that may have become free since somebody looked.
    free: VecDeque<usize>,
    start: u64,
    // The latency of events sent before this time is not counted: they waited for their reader and not for the server.
    counts_from: u64,
    due: f64,
    random: u64,
    pub(crate) latency: Histogram<u64>,
    pub(crate) publish_latency: Histogram<u64>,
    /// The time until an alarm for everyone has reached its last reader.
    pub(crate) last: Histogram<u64>,
    pub(crate) deliveries: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    failed_deliveries: u64,
    last_delivery: u64,
}

/// One publisher's alarms under way.
struct Lane {
    // The alarm whose answer is waited for.
    waiting: Option<u32>,
    sent_at: u64,
    first: u32,
    under_way: VecDeque<UnderWay>,
}

struct UnderWay {
    user: usize,
    sequence: u32,
    readers_left: u32,
}

impl Phase {
    pub(crate) fn new(number: u32, plan: &Plan, streams: usize, start: u64) -> Result<Self> {
        let lanes = plan.publishers;
        let slots = match plan.audience {
            Audience::Everyone => streams * lanes,
            Audience::OneUser => streams,
        };
        Ok(Self {
            number,
            audience: plan.audience,
            pacing: plan.pacing,
            lanes: (0..lanes).map(|_| Lane::new()).collect(),
            ledger: Ledger::new(slots),
            sent_to_user: vec![0; streams],
            gone: vec![false; streams],
            readers: u32::try_from(streams)?,
            free: (0..lanes).collect(),
            start,
            counts_from: 0,
            due: start as f64,
            random: 0x9E37_79B9_7F4A_7C15 ^ u64::from(number),
            latency: histogram()?,
            publish_latency: histogram()?,
            last: histogram()?,
            deliveries: 0,
            answered: 0,
            failed: 0,
            failed_deliveries: 0,
            last_delivery: start,
        })
    }

    /// Enters an alarm that is sent while nobody is there and that everybody is owed.
    pub(crate) fn owe(&mut self, now: u64) -> Option<Stamp> {
        let (_, stamp, _) = self.send(0, now)?;
        self.lanes.get_mut(0)?.waiting = None;
        Some(stamp)
    }

    /// Everything counts from now on.
    pub(crate) fn count_from(&mut self, now: u64) {
        self.start = now;
        self.counts_from = now;
        self.last_delivery = now;
    }

    /// The next alarm that may be sent by `now`: its publisher, its stamp, its user.
    pub(crate) fn next(&mut self, now: u64) -> Option<(usize, Stamp, usize)> {
        let sent = match self.pacing {
            Pacing::Closed { .. } => now,
            Pacing::Rate { per_second } => {
                let due = self.due as u64;
                if due > now {
                    return None;
                }
                self.free.front()?;
                self.due += 1e9 / per_second;
                due
            }
        };
        loop {
            let lane = self.free.pop_front()?;
            // A publisher with nobody to write to is left out.
            if self.may_send(lane)
                && let Some(alarm) = self.send(lane, sent)
            {
                return Some(alarm);
            }
        }
    }

    fn may_send(&self, lane: usize) -> bool {
        let Some(lane) = self.lanes.get(lane) else {
            return false;
        };
        let room = match self.pacing {
            Pacing::Closed { window } => lane.under_way.len() < window,
            Pacing::Rate { .. } => true,
        };
        lane.waiting.is_none() && room
    }

    fn send(&mut self, number: usize, sent: u64) -> Option<(usize, Stamp, usize)> {
        let user = match self.audience {
            Audience::Everyone => 0,
            Audience::OneUser => self.choose_user(number)?,
        };
        let lane = self.lanes.get_mut(number)?;
        let lane_sequence = lane.first + u32::try_from(lane.under_way.len()).unwrap_or(u32::MAX);
        let (sequence, readers_left) = match self.audience {
            Audience::Everyone => (lane_sequence, self.readers),
            Audience::OneUser => {
                let sent = self.sent_to_user.get_mut(user)?;
                *sent += 1;
                (*sent, 1)
            }
        };
        lane.waiting = Some(lane_sequence);
        lane.sent_at = sent;
        lane.under_way.push_back(UnderWay {
            user,
            sequence,
            readers_left,
        });
        let stamp = Stamp {
            phase: self.number,
            lane: u32::try_from(number).unwrap_or(u32::MAX),
            lane_sequence,
            sequence,
            sent,
        };
        Some((number, stamp, user))
    }

    /// Each publisher has users of its own, so that what one user gets has an order.
    fn choose_user(&mut self, lane: usize) -> Option<usize> {
        let lanes = self.lanes.len();
        let own = self.gone.len().saturating_sub(lane).div_ceil(lanes);
        for _ in 0..TRIES {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let user = lane + lanes * usize::try_from(self.random % own.max(1) as u64).unwrap_or(0);
            if self.gone.get(user) == Some(&false) {
                return Some(user);
            }
        }
        None
    }

    /// A publisher was answered.
    pub(crate) fn answer(&mut self, number: usize, succeeded: bool, now: u64) {
        let Some(lane) = self.lanes.get_mut(number) else {
            return;
        };
        let Some(sequence) = lane.waiting.take() else {
            return;
        };
        self.publish_latency
            .saturating_record((now - lane.sent_at) / 1_000);
        if succeeded {
            self.answered += 1;
        } else {
            self.failed += 1;
            if let Some(alarm) = lane.under_way(sequence) {
                self.failed_deliveries += u64::from(alarm.readers_left);
                alarm.readers_left = 0;
            }
            lane.forget_delivered();
        }
        self.free.push_back(number);
    }

    /// A stream got an alarm.
    pub(crate) fn deliver(&mut self, stream: usize, stamp: &Stamp, now: u64) {
        if stamp.phase != self.number {
            return;
        }
        let number = stamp.lane as usize;
        let slot = self.slot(stream, number);
        if self.ledger.enter(slot, stamp.sequence) == Arrival::Repeated {
            return;
        }
        self.deliveries += 1;
        self.last_delivery = now;
        let took = now.saturating_sub(stamp.sent.max(self.counts_from)) / 1_000;
        self.latency.saturating_record(took);
        let Some(lane) = self.lanes.get_mut(number) else {
            return;
        };
        if !lane.delivered(stamp.lane_sequence) {
            return;
        }
        if self.audience == Audience::Everyone {
            self.last.saturating_record(took);
        }
        if lane.forget_delivered() && matches!(self.pacing, Pacing::Closed { .. }) {
            self.free.push_back(number);
        }
    }

    /// A stream is gone: nothing waits for it any more.
    pub(crate) fn lose(&mut self, stream: usize) {
        match self.gone.get_mut(stream) {
            Some(gone) if !*gone => *gone = true,
            _ => return,
        }
        self.readers -= 1;
        for number in 0..self.lanes.len() {
            let slot = self.slot(stream, number);
            let Some(lane) = self.lanes.get_mut(number) else {
                return;
            };
            for alarm in &mut lane.under_way {
                let concerned = self.audience == Audience::Everyone || alarm.user == stream;
                if concerned && !self.ledger.has(slot, alarm.sequence) {
                    alarm.readers_left = alarm.readers_left.saturating_sub(1);
                }
            }
            lane.forget_delivered();
            if lane.waiting.is_none() && matches!(self.pacing, Pacing::Closed { .. }) {
                self.free.push_back(number);
            }
        }
    }

    /// Returns true if no event is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.lanes
            .iter()
            .all(|lane| lane.waiting.is_none() && lane.under_way.is_empty())
    }

    /// From the start to the last delivery, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.last_delivery - self.start) as f64 / 1e9
    }

    /// Adds what another swarm did at the same time, but not its books.
    pub(crate) fn add(&mut self, other: &Self) {
        let seconds = self.seconds().max(other.seconds());
        self.last_delivery = self.start + (seconds * 1e9) as u64;
        self.deliveries += other.deliveries;
        self.answered += other.answered;
        // Both have the same bounds.
        let _same = self.latency.add(&other.latency);
        let _same = self.publish_latency.add(&other.publish_latency);
        let _same = self.last.add(&other.last);
    }

    /// The delivery of all events that were sent to readers that are still connected.
    pub(crate) fn reconcile(&self) -> Reconciled {
        let lanes = self.lanes.len();
        let books = self.ledger.reconcile(|slot| match self.audience {
            Audience::Everyone => {
                let lane = self.lanes.get(slot % lanes)?;
                let sent = lane.first - 1 + u32::try_from(lane.under_way.len()).ok()?;
                (self.gone.get(slot / lanes) == Some(&false)).then_some(sent)
            }
            Audience::OneUser => {
                let sent = self.sent_to_user.get(slot).copied()?;
                (self.gone.get(slot) == Some(&false)).then_some(sent)
            }
        });
        Reconciled {
            // A refused alarm was never to be delivered, so its deliveries are not lost.
            lost: books.lost.saturating_sub(self.failed_deliveries),
            ..books
        }
    }

    fn slot(&self, stream: usize, lane: usize) -> usize {
        match self.audience {
            Audience::Everyone => stream * self.lanes.len() + lane,
            Audience::OneUser => stream,
        }
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            waiting: None,
            sent_at: 0,
            first: 1,
            under_way: VecDeque::new(),
        }
    }

    fn under_way(&mut self, sequence: u32) -> Option<&mut UnderWay> {
        let place = sequence.checked_sub(self.first)?;
        self.under_way.get_mut(place as usize)
    }

    /// One reader has one alarm; answers whether it was the last one.
    fn delivered(&mut self, sequence: u32) -> bool {
        let Some(alarm) = self.under_way(sequence) else {
            return false;
        };
        let was_last = alarm.readers_left == 1;
        alarm.readers_left = alarm.readers_left.saturating_sub(1);
        was_last
    }

    /// Answers whether an alarm is no longer under way.
    fn forget_delivered(&mut self) -> bool {
        let before = self.under_way.len();
        while self
            .under_way
            .front()
            .is_some_and(|alarm| alarm.readers_left == 0)
        {
            self.under_way.pop_front();
            self.first += 1;
        }
        self.under_way.len() < before
    }
}

/// Microseconds up to a minute, in three digits.
fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// Before a publisher gives up looking for a user who is there.
const TRIES: usize = 100;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::swarm::plan::Waiting;

    fn phase(audience: Audience, readers: usize) -> Phase {
        let plan = Plan {
            audience,
            publishers: 1,
            pacing: Pacing::Closed { window: 1 },
            waiting: Waiting::Awake,
            lasting: Duration::from_secs(1),
        };
        Phase::new(1, &plan, readers, 0).unwrap()
    }

    #[test]
    fn a_broadcast_is_over_when_its_last_reader_has_it() {
        let mut phase = phase(Audience::Everyone, 2);
        let (_, stamp, _) = phase.next(1_000).unwrap();
        phase.answer(0, true, 2_000);

        phase.deliver(1, &stamp, 5_000);
        assert!(phase.last.is_empty() && phase.next(6_000).is_none());
        phase.deliver(0, &stamp, 9_000);

        assert_eq!((phase.last.len(), phase.last.max()), (1, 8));
        assert!(phase.next(10_000).is_some());
    }

    #[test]
    fn an_alarm_for_one_user_has_no_last_reader() {
        let mut phase = phase(Audience::OneUser, 2);
        let (_, stamp, user) = phase.next(1_000).unwrap();

        phase.deliver(user, &stamp, 5_000);

        assert!(phase.last.is_empty());
        assert_eq!(phase.latency.len(), 1);
    }

    /// One alarm, delivered so late.
    fn late(seconds: u64) -> Phase {
        let mut phase = phase(Audience::OneUser, 1);
        let (lane, stamp, user) = phase.next(0).unwrap();
        phase.answer(lane, true, 1_000);
        phase.deliver(user, &stamp, seconds * 1_000_000_000);
        phase
    }

    #[test]
    fn what_was_done_at_the_same_time_is_not_longer_but_more() {
        let mut all = late(1);

        all.add(&late(3));

        assert_eq!((all.deliveries, all.answered), (2, 2));
        assert!((all.seconds() - 3.0).abs() < 1e-9);
        assert_eq!(all.latency.len(), 2);
    }
}
