//! The lease of this hub and those of the others. A hub beats once a second; one whose beat stands still is dead. Time is
//! measured by this hub's own monotonic clock: no clocks are compared.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::MissedTickBehavior;

use crate::alarm::AlarmId;
use crate::cluster::HubId;
use crate::cluster::bell::Rung;
use crate::cluster::presence::Holding;
use crate::metrics::Metrics;
use crate::store::{Beat, Lease, Store, StoreError};

/// The leases as this hub last saw them; all clones share them.
#[derive(Clone, Default)]
pub(super) struct Leases(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    leases: HashMap<String, Standing>,
    looked: Option<Instant>,
}

/// A lease, and since when its beat stands still.
struct Standing {
    lease: Lease,
    since: Instant,
}

/// Beats for this hub.
pub(super) struct Heart {
    pub(super) store: Store,
    pub(super) hub: HubId,
    pub(super) delivered: watch::Receiver<AlarmId>,
    pub(super) metrics: Metrics,
    pub(super) holding: Holding,
    pub(super) rung: Rung,
    pub(super) leaving: Leaving,
}

/// The end of the beats: a hub that stops gives its lease back and must not take it again. All clones share it.
#[derive(Clone, Default)]
pub(super) struct Leaving {
    leaves: Arc<AtomicBool>,
    /// Held during a beat.
    beating: Arc<AsyncMutex<()>>,
}

impl Leaving {
    /// Ends the beats; returns when the one under way is done.
    pub(super) async fn begin(&self) {
        self.leaves.store(true, Ordering::Release);
        let _last_beat = self.beating.lock().await;
    }

    fn has_begun(&self) -> bool {
        self.leaves.load(Ordering::Acquire)
    }
}

impl Heart {
    /// Beats until the hub stops. A lease that was ended by another hub, while this one stood still, is taken again.
    pub(super) async fn run(self) {
        let mut tick = tokio::time::interval(BEAT_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first incarnation is the one after it.
        let mut incarnation = 0;
        loop {
            tick.tick().await;
            let _beating = self.leaving.beating.lock().await;
            if self.leaving.has_begun() {
                return;
            }
            match self.beat(&mut incarnation).await {
                Ok(()) => {}
                Err(cause) => log::debug!("the lease of this hub is not renewed: {cause}"),
            }
        }
    }

    async fn beat(&self, incarnation: &mut i64) -> Result<(), StoreError> {
        let beat = Beat {
            hub: self.hub.to_string(),
            incarnation: *incarnation,
            streams: self.metrics.streams.get(),
            delivered: *self.delivered.borrow(),
            bell_micros: self.rung.echo_micros(),
        };
        if *incarnation > 0 && self.store.beat(beat.clone()).await? {
            self.holds(*incarnation);
            return Ok(());
        }
        if *incarnation > 0 && self.holding.incarnation() == *incarnation {
            self.metrics.leases_lost.inc();
            log::warn!("another hub took this one for dead; it takes its lease again");
        }
        *incarnation += 1;
        let hub = beat.hub.clone();
        self.store.take_lease(hub, *incarnation, VERSION).await?;
        let first = Beat {
            incarnation: *incarnation,
            ..beat
        };
        if self.store.beat(first).await? {
            self.holds(*incarnation);
        }
        Ok(())
    }

    /// Notes the lease, once. The answer to the first beat may have been lost.
    fn holds(&self, incarnation: i64) {
        if self.holding.incarnation() != incarnation {
            self.holding.begin(incarnation);
        }
    }
}

impl Leases {
    /// Watches the leases until the hub stops, and ends those of dead hubs.
    pub(super) async fn watch(self, store: Store) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(cause) = self.look(&store).await {
                log::debug!("cannot see the leases of the other hubs: {cause}");
            }
        }
    }

    async fn look(&self, store: &Store) -> Result<(), StoreError> {
        let found = store.leases().await?;
        for dead in self.note(found, Instant::now()) {
            log::warn!("hub {} is dead: its beat stands still", dead.hub);
            store.end_lease(dead).await?;
        }
        Ok(())
    }

    /// The leases of the hubs that live, by the id of the hub.
    pub(super) fn live(&self) -> Vec<Lease> {
        let now = Instant::now();
        let seen = self.seen();
        let live = seen
            .leases
            .values()
            .filter(|one| now.duration_since(one.since) < DEAD_AFTER);
        let mut live: Vec<Lease> = live.map(|one| one.lease.clone()).collect();
        live.sort_unstable_by(|one, other| one.hub.cmp(&other.hub));
        live
    }

    /// Notes what a look found; returns the leases to be ended. A hub that could not look itself for a while knows nothing of
    /// the others: it begins anew.
    fn note(&self, found: Vec<Lease>, now: Instant) -> Vec<Lease> {
        let mut seen = self.seen();
        let is_awake = seen
            .looked
            .is_some_and(|looked| now.duration_since(looked) < LOOKED_WITHIN);
        seen.looked = Some(now);
        let mut before = std::mem::take(&mut seen.leases);
        for lease in found {
            let known = before.remove(&lease.hub).filter(|known| {
                is_awake
                    && known.lease.beat == lease.beat
                    && known.lease.incarnation == lease.incarnation
            });
            let since = known.map_or(now, |known| known.since);
            seen.leases
                .insert(lease.hub.clone(), Standing { lease, since });
        }
        let over = seen
            .leases
            .values()
            .filter(|one| now.duration_since(one.since) >= ENDED_AFTER);
        over.map(|one| one.lease.clone()).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seldom enough that many hubs cost the database little.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Twice a beat.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A hub whose beat stands still for so long counts no more: three beats may be late.
const DEAD_AFTER: Duration = Duration::from_secs(4);

/// A second later its users are told to have left: those who came back to another hub have not.
const ENDED_AFTER: Duration = Duration::from_secs(5);

/// Two looks may be late. After a longer pause of this hub, or of the database, every beat has to be seen anew.
const LOOKED_WITHIN: Duration = Duration::from_secs(2);

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(hub: &str, beat: i64) -> Lease {
        Lease {
            hub: hub.to_owned(),
            incarnation: 1,
            beat,
            version: "1".to_owned(),
            streams: 0,
            log_lag: 0,
            bell_micros: None,
            server: String::new(),
        }
    }

    #[test]
    fn a_lease_is_ended_when_its_beat_stood_still_over_all_looks() {
        let (leases, start) = (Leases::default(), Instant::now());
        let mut ended = Vec::new();
        for half in 0..=10_u32 {
            let found = Vec::from([lease("dead", 7), lease("alive", i64::from(half))]);
            ended = leases.note(found, start + half * LOOK_EVERY);
            assert_eq!(ended.is_empty(), half < 10, "after {half} looks");
        }
        assert_eq!(ended, [lease("dead", 7)]);
    }

    #[test]
    fn a_hub_that_could_not_look_takes_nobody_for_dead() {
        let (leases, start) = (Leases::default(), Instant::now());
        leases.note(Vec::from([lease("one", 7)]), start);

        let ended = leases.note(
            Vec::from([lease("one", 7)]),
            start + Duration::from_secs(20),
        );

        assert!(ended.is_empty());
    }
}
