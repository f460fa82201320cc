//! A limit on guessing passwords. Only failures are charged. An attempt holds a place while it is checked, so that parallel
//! guesses do not slip through; the next one waits for a place instead of being refused, so that people who know their
//! password are not held up by each other.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::alarm::UserId;
use crate::auth::buckets::{Buckets, Limited, Quota, Room};
use crate::net::Network;
use crate::recent::Recent;

/// Counts failed attempts per account and network, per network and per account.
#[derive(Clone, Default)]
pub(crate) struct LoginLimiter(Arc<Shared>);

/// An attempt whose password is being checked. Dropped without an outcome it costs nothing.
#[must_use]
pub(crate) struct Attempt {
    limiter: LoginLimiter,
    keys: Vec<Key>,
    network: Network,
    account: UserId,
}

/// The reason why a password is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Too many failures; one more is allowed after this time.
    TooMany(Duration),
    /// Others are being checked for too long.
    Busy,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when an attempt gives its place back.
    freed: Notify,
}

struct State {
    buckets: Buckets<Key>,
    /// The networks that each account signed in from lately.
    homes: Recent<UserId, Homes>,
}

/// Networks, the one that was used last first, and the time at which the caller was last told to store it.
type Homes = Vec<(Network, Option<Instant>)>;

/// The network of a right sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// It was stored lately.
    Known,
    /// It is to be stored.
    New,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Pair(UserId, Network),
    Network(Network),
    Account(UserId),
    SignUps(Network),
}

impl Default for State {
    fn default() -> Self {
        Self {
            buckets: Buckets::default(),
            homes: Recent::of(ACCOUNTS_REMEMBERED),
        }
    }
}

impl State {
    fn is_home(&mut self, network: Network, account: &UserId) -> bool {
        let homes = self.homes.find(account);
        homes.is_some_and(|homes| homes.iter().any(|(home, _)| *home == network))
    }

    fn stored_at(&mut self, network: Network, account: &UserId) -> Option<Instant> {
        let homes = self.homes.find(account)?;
        let home = homes.iter().find(|(home, _)| *home == network);
        home.and_then(|(_, stored)| *stored)
    }

    fn remember(&mut self, network: Network, account: &UserId, stored: Option<Instant>) {
        let mut homes = self.homes.find(account).cloned().unwrap_or_default();
        homes.retain(|(home, _)| *home != network);
        homes.insert(0, (network, stored));
        homes.truncate(HOMES_REMEMBERED);
        self.homes.keep(account.clone(), homes);
    }
}

impl LoginLimiter {
    /// Takes a place for an attempt, or tells why there is none.
    pub(crate) async fn reserve(
        &self,
        network: Network,
        account: &UserId,
    ) -> Result<Attempt, Held> {
        let deadline = tokio::time::Instant::now() + PLACE_WITHIN;
        loop {
            let mut freed = pin!(self.0.freed.notified());
            // From here on a place that is given back is noticed.
            freed.as_mut().enable();
            match self.try_reserve(network, account, Instant::now()) {
                (Room::Free, keys) => return Ok(self.attempt(keys, network, account)),
                (Room::Full(wait), _) => return Err(Held::TooMany(wait)),
                (Room::Pending, _) => {}
            }
            let waited = tokio::time::timeout_at(deadline, freed).await;
            waited.map_err(|_elapsed| Held::Busy)?;
        }
    }

    /// True if many attempts at an account failed lately and the network is not known here as one of its own. The caller then
    /// asks the database, and tells of it with [`Self::remember`].
    pub(crate) fn doubts(&self, network: Network, account: &UserId) -> bool {
        let mut state = self.state();
        if state.is_home(network, account) {
            return false;
        }
        let key = Key::Account(account.clone());
        state.buckets.fill(&key, Instant::now()) >= MANY_FAILURES
    }

    /// Remembers a network that an account signed in from.
    pub(crate) fn remember(&self, network: Network, account: &UserId) {
        self.state().remember(network, account, None);
    }

    /// Counts a sign-up, which costs the time of a hash, or tells how long to wait. Sign-ins are counted apart.
    pub(crate) fn sign_up(&self, network: Network, now: Instant) -> Result<(), Duration> {
        let key = Key::SignUps(network);
        let mut state = self.state();
        if let Room::Full(wait) = state.buckets.room(&key, now) {
            return Err(wait);
        }
        state.buckets.fail(&key, now);
        Ok(())
    }

    fn try_reserve(&self, network: Network, account: &UserId, now: Instant) -> (Room, Vec<Key>) {
        let mut state = self.state();
        let mut keys = vec![Key::Pair(account.clone(), network), Key::Network(network)];
        if !state.is_home(network, account) {
            keys.push(Key::Account(account.clone()));
        }
        let rooms: Vec<Room> = keys
            .iter()
            .map(|key| state.buckets.room(key, now))
            .collect();
        let room = rooms.into_iter().fold(Room::Free, narrower);
        if room == Room::Free {
            for key in &keys {
                state.buckets.reserve(key, now);
            }
        }
        (room, keys)
    }

    fn attempt(&self, keys: Vec<Key>, network: Network, account: &UserId) -> Attempt {
        Attempt {
            limiter: self.clone(),
            keys,
            network,
            account: account.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The password was right: its network is one that the account signs in from.
    #[must_use]
    pub(crate) fn succeed(self) -> Home {
        let now = Instant::now();
        let mut state = self.limiter.state();
        let stored = state.stored_at(self.network, &self.account);
        let fresh = stored.filter(|at| now.saturating_duration_since(*at) < STORED_AGAIN_AFTER);
        state.remember(self.network, &self.account, fresh.or(Some(now)));
        match fresh {
            Some(_) => Home::Known,
            None => Home::New,
        }
    }

    /// The password was wrong.
    pub(crate) fn fail(self) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        for key in [
            Key::Pair(self.account.clone(), self.network),
            Key::Network(self.network),
            Key::Account(self.account.clone()),
        ] {
            state.buckets.fail(&key, now);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.limiter.state();
        for key in &self.keys {
            state.buckets.release(key, now);
        }
        drop(state);
        self.limiter.0.freed.notify_waiters();
    }
}

impl Limited for Key {
    fn quota(&self) -> Quota {
        let (most, a_second) = match self {
            Self::Pair(..) => (10.0, 0.5),
            Self::Network(_) => (40.0, 0.5),
            Self::Account(_) => (100.0, 100.0 / 3_600.0),
            // A network stands for a whole office.
            Self::SignUps(_) => (100.0, 1.0),
        };
        Quota { most, a_second }
    }
}

fn narrower(one: Room, other: Room) -> Room {
    match (one, other) {
        (Room::Full(one), Room::Full(other)) => Room::Full(one.max(other)),
        (full @ Room::Full(_), _) | (_, full @ Room::Full(_)) => full,
        (Room::Pending, _) | (_, Room::Pending) => Room::Pending,
        (Room::Free, Room::Free) => Room::Free,
    }
}

/// As long as a password may wait for its turn.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

/// Twice as many accounts have their networks remembered.
const ACCOUNTS_REMEMBERED: usize = 10_000;

/// A person has a few places; more of them are a phone on the move.
const HOMES_REMEMBERED: usize = 16;

/// Half of what an account may fail: the database is asked before a place is short.
const MANY_FAILURES: f64 = 50.0;

/// A network in use is stored again before it is too old to be kept.
const STORED_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    fn bob() -> UserId {
        UserId::parse("bob").unwrap()
    }

    async fn fails(limiter: &LoginLimiter, network: Network, account: &UserId) -> Result<(), Held> {
        limiter.reserve(network, account).await.map(Attempt::fail)
    }

    #[tokio::test]
    async fn the_eleventh_wrong_guess_waits_and_right_ones_never_do() {
        let limiter = LoginLimiter::default();
        for _ in 0..50 {
            let attempt = limiter.reserve(network(1), &bob()).await.unwrap();
            let _ = attempt.succeed();
        }
        for _ in 0..10 {
            fails(&limiter, network(1), &bob()).await.unwrap();
        }

        let held = fails(&limiter, network(1), &bob()).await.unwrap_err();

        let Held::TooMany(wait) = held else {
            panic!("{held:?}");
        };
        assert!(wait <= Duration::from_secs(2), "{wait:?}");
        assert_eq!(fails(&limiter, network(2), &bob()).await, Ok(()));
    }

    #[tokio::test]
    async fn parallel_right_sign_ins_wait_for_a_place_and_parallel_guesses_do_not_slip_through() {
        let limiter = LoginLimiter::default();
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(limiter.reserve(network(1), &bob()).await.unwrap());
        }

        let next = tokio::spawn({
            let limiter = limiter.clone();
            async move {
                limiter
                    .reserve(network(1), &bob())
                    .await
                    .map(Attempt::succeed)
            }
        });
        tokio::task::yield_now().await;
        assert!(!next.is_finished(), "ten are being checked");
        let _home = held.pop().unwrap().succeed();
        assert!(next.await.unwrap().is_ok());

        for attempt in held {
            attempt.fail();
        }
        fails(&limiter, network(1), &bob()).await.unwrap();
        assert!(fails(&limiter, network(1), &bob()).await.is_err());
    }

    #[tokio::test]
    async fn a_network_fails_forty_times_over_all_accounts() {
        let limiter = LoginLimiter::default();
        for number in 0..40 {
            let nobody = UserId::parse(format!("nobody{number}")).unwrap();
            fails(&limiter, network(1), &nobody).await.unwrap();
        }

        assert!(fails(&limiter, network(1), &bob()).await.is_err());
        assert_eq!(fails(&limiter, network(2), &bob()).await, Ok(()));
    }

    #[tokio::test]
    async fn after_a_hundred_failures_from_anywhere_only_the_networks_of_the_account_go_on() {
        let limiter = LoginLimiter::default();
        let home = limiter.reserve(network(200), &bob()).await.unwrap();
        let _new = home.succeed();
        for number in 0..100 {
            fails(&limiter, network(number), &bob()).await.unwrap();
        }

        assert!(fails(&limiter, network(150), &bob()).await.is_err());
        let home = limiter.reserve(network(200), &bob()).await.unwrap();
        let _new = home.succeed();
    }

    #[tokio::test]
    async fn sign_ups_cost_no_sign_in() {
        let (limiter, now) = (LoginLimiter::default(), Instant::now());
        while limiter.sign_up(network(1), now).is_ok() {}

        assert!(limiter.reserve(network(1), &bob()).await.is_ok());
    }
}
