//! The users present and their streams, shared with the other hubs: each hub writes its own changes, and reads those of the others from
//! signals.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::{Addr, MailboxError};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::alarm::UserId;
use crate::cluster::HubId;
use crate::hub::{
    Broadcaster, Changes, Elsewhere, Hear, ListTold, Moves, News, Present, Share, StreamCount,
    TakeChanges, TakeHere,
};
use crate::store::{Held as Rows, Movements, Signal, Store, StoreError};

/// The lease this hub holds, and whether everybody has to be registered again; all clones share it.
#[derive(Clone, Default)]
pub(super) struct Holding(Arc<Held>);

#[derive(Default)]
struct Held {
    incarnation: AtomicI64,
    register: AtomicBool,
}

impl Holding {
    /// The life of the lease; 0 before there is one.
    pub(super) fn incarnation(&self) -> i64 {
        self.0.incarnation.load(Ordering::Acquire)
    }

    /// Notes a new lease, under which nobody is registered yet.
    pub(super) fn begin(&self, incarnation: i64) {
        self.0.incarnation.store(incarnation, Ordering::Release);
        self.register_again();
    }

    /// Notes that the rows of this hub may be lost, so that all of them are written again.
    pub(super) fn register_again(&self) {
        self.0.register.store(true, Ordering::Release);
    }

    fn take_register(&self) -> bool {
        self.0.register.swap(false, Ordering::AcqRel)
    }
}

/// Writes who comes to this hub and leaves it, and how many streams they have.
pub(super) struct Registrar {
    pub(super) store: Store,
    pub(super) broadcaster: Addr<Broadcaster>,
    pub(super) hub: HubId,
    pub(super) holding: Holding,
}

impl Registrar {
    /// Writes what changed, until the hub stops.
    pub(super) async fn run(self) {
        if self.broadcaster.send(Share).await.is_err() {
            return;
        }
        let mut tick = tokio::time::interval(WRITE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let incarnation = self.holding.incarnation();
            if incarnation == 0 {
                continue;
            }
            match self.write(incarnation).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => self.holding.register_again(),
                Ok(Err(cause)) => {
                    self.holding.register_again();
                    log::debug!("presence is written later: {cause}");
                }
                Err(_stopping) => return,
            }
        }
    }

    async fn write(&self, incarnation: i64) -> Result<Result<bool, StoreError>, MailboxError> {
        let hub = self.hub.to_string();
        if self.holding.take_register() {
            let here = self.broadcaster.send(TakeHere).await?;
            return Ok(self.store.note_present(hub, incarnation, here).await);
        }
        // Apart: many changes of presence are not told but read, and what was told of streams is heard in its place.
        for changes in movements(self.broadcaster.send(TakeChanges).await?) {
            if changes.is_empty() {
                continue;
            }
            let noted = self.store.note_movements(hub.clone(), incarnation, changes);
            match noted.await {
                Ok(true) => {}
                not_noted => return Ok(not_noted),
            }
        }
        Ok(Ok(true))
    }
}

fn movements(changes: Changes) -> [Movements; 2] {
    let count = |one: StreamCount| (one.user, one.streams, one.before);
    let presence = Movements {
        joined: changes.joined,
        left: changes.left,
        streams: Vec::new(),
    };
    let streams = Movements {
        streams: changes.streams.into_iter().map(count).collect(),
        ..Movements::default()
    };
    [presence, streams]
}

fn counts(streams: Vec<(UserId, usize, usize)>) -> Vec<StreamCount> {
    let count = |(user, streams, before)| StreamCount {
        user,
        streams,
        before,
    };
    streams.into_iter().map(count).collect()
}

/// The changes at the hubs that signals told.
#[derive(Default)]
pub(super) struct Told {
    news: Vec<News>,
    /// The hubs whose rows have to be read.
    read: HashSet<String>,
    /// True if changes may be missing, so that the rows of all hubs have to be read.
    everything: bool,
}

impl Told {
    /// Takes in a signal about a hub: what changed there, or nothing where its rows have to be read.
    pub(super) fn moved(&mut self, signal: Signal) {
        match serde_json::from_str::<Movements>(&signal.detail) {
            Ok(told) => self.news.push(News {
                present: Elsewhere {
                    hub: signal.subject,
                    news: Moves::Some(told.joined, told.left),
                },
                streams: counts(told.streams),
            }),
            Err(_not_told) => _ = self.read.insert(signal.subject),
        }
    }

    /// Takes in the end of a hub.
    pub(super) fn gone(&mut self, hub: String) {
        self.read.remove(&hub);
        self.news.push(News {
            present: Elsewhere {
                hub,
                news: Moves::All(HashSet::new()),
            },
            streams: Vec::new(),
        });
    }

    fn is_empty(&self) -> bool {
        self.news.is_empty() && self.read.is_empty() && !self.everything
    }

    /// Takes in what was told later.
    fn join(&mut self, later: Self) {
        for one in &later.news {
            if matches!(one.present.news, Moves::All(_)) {
                self.read.remove(&one.present.hub);
            }
        }
        self.news.extend(later.news);
        self.read.extend(later.read);
        self.everything |= later.everything || self.news.len() > MOST_WAITING;
        if self.everything {
            (self.news, self.read) = (Vec::new(), HashSet::new());
        }
    }

    /// Hands over what was told. What is read is newer than every change that was told before.
    async fn hand_over(
        mut self,
        store: &Store,
        broadcaster: &Addr<Broadcaster>,
        me: &HubId,
    ) -> Result<(), Unfollowed> {
        if self.everything {
            return read_all(store, broadcaster, me).await;
        }
        let me = me.to_string();
        self.read.remove(&me);
        if !self.read.is_empty() {
            let hubs: Vec<String> = self.read.into_iter().collect();
            let rows = store.held_elsewhere(me.clone(), Some(hubs.clone())).await?;
            self.news.extend(all(rows, hubs));
        }
        if !self.news.is_empty() {
            let news = self.news;
            broadcaster.send(Hear { me, news }).await?;
        }
        Ok(())
    }
}

/// Changes of presence that were told and are not handed over yet; all clones share it. Rows may take long to read, and neither rights nor
/// alarms wait for them.
#[derive(Clone, Default)]
pub(super) struct Untold(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    told: Mutex<Told>,
    more: Notify,
}

impl Untold {
    /// Adds what signals told.
    pub(super) fn add(&self, told: Told) {
        if told.is_empty() {
            return;
        }
        self.told().join(told);
        self.0.more.notify_one();
    }

    /// Notes that changes may be missing.
    pub(super) fn add_everything(&self) {
        self.add(Told {
            everything: true,
            ..Told::default()
        });
    }

    /// Hands over what is told, until the hub stops.
    pub(super) async fn hand_over(self, store: Store, broadcaster: Addr<Broadcaster>, me: HubId) {
        loop {
            let told = std::mem::take(&mut *self.told());
            if told.is_empty() {
                self.0.more.notified().await;
                continue;
            }
            match told.hand_over(&store, &broadcaster, &me).await {
                Ok(()) => {}
                Err(Unfollowed::Stopping(_)) => return,
                Err(Unfollowed::Store(cause)) => {
                    log::debug!("it is not known who is present at the other hubs: {cause}");
                    self.add_everything();
                    tokio::time::sleep(TRY_EVERY).await;
                }
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason why the news of other hubs was not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfollowed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the hub is stopping")]
    Stopping(#[from] MailboxError),
}

/// Reads who is present at all other hubs: signals may be missing.
async fn read_all(
    store: &Store,
    broadcaster: &Addr<Broadcaster>,
    me: &HubId,
) -> Result<(), Unfollowed> {
    let known = broadcaster.send(ListTold).await?;
    let me = me.to_string();
    let rows = store.held_elsewhere(me.clone(), None).await?;
    let news = all(rows, known);
    broadcaster.send(Hear { me, news }).await?;
    Ok(())
}

/// All that is held at each hub that has rows, and nothing at the others of these.
fn all(rows: Rows, hubs: Vec<String>) -> Vec<News> {
    let mut by_hub: HashMap<String, (HashSet<Present>, Vec<StreamCount>)> = hubs
        .into_iter()
        .map(|hub| (hub, Default::default()))
        .collect();
    for (hub, room, user) in rows.present {
        by_hub.entry(hub).or_default().0.insert((room, user));
    }
    for (hub, user, streams) in rows.streams {
        let count = StreamCount {
            user,
            streams,
            before: streams,
        };
        by_hub.entry(hub).or_default().1.push(count);
    }
    let of_hub = |(hub, (present, streams))| News {
        present: Elsewhere {
            hub,
            news: Moves::All(present),
        },
        streams,
    };
    by_hub.into_iter().map(of_hub).collect()
}

/// A crowd that comes back is then some writes and not one for each.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// The pause before it is read again who is present: the database is away or busy.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// More changes than are kept in memory while the database is slow; then the rows are read.
const MOST_WAITING: usize = 10_000;
