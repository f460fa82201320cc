//! A cache of accounts, so that a repeated request or poll does not read the account from the database. A change made
//! by this hub takes effect at once. A change made by another hub takes effect with the next look, which reads the count of account
//! changes, or after [`REMEMBERED_FOR`]. Signals tell which accounts were changed; if they do not explain the whole difference of the
//! count, all accounts are forgotten. A change that does not increment the count (with a SQL shell, for instance) is not noticed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::{Timestamp, UserId};
use crate::recent::Recent;
use crate::store::signals::RIGHTS_KNOWN_FOR;
use crate::store::{Account, Deletion};

/// The result of looking up an account in the cache.
#[derive(Debug, Clone)]
pub(crate) enum Remembered {
    /// The account. Another hub may have changed it a moment ago.
    Account(Arc<Account>),
    /// The user had no account a moment ago, and this became of the last one. One may have been created since, by another
    /// process or by an alarm to them, so this must not be used to refuse access.
    Nobody(Option<Deletion>),
    /// The cache cannot answer.
    Nothing,
}

/// An account; where there is none, the deletion of the last one of the id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The account.
    pub account: Option<Arc<Account>>,
    /// The deletion.
    pub deletion: Option<Deletion>,
}

impl Known {
    /// True for a token of the user, whatever its role, that was issued then: the account is disabled, or the user was signed out
    /// or deleted since.
    pub(crate) fn refuses(&self, issued_at: Option<Timestamp>) -> bool {
        let account = self.account.as_ref();
        let deletion = self.deletion.as_ref();
        account.is_some_and(|account| account.disabled || account.signed_out(issued_at))
            || deletion.is_some_and(|deletion| deletion.outdates(issued_at))
    }
}

/// The cache. Cheap to clone; all clones share the same entries.
#[derive(Clone)]
pub(super) struct Accounts(Arc<Mutex<Cache>>);

struct Cache {
    accounts: Recent<UserId, Entry>,
    /// The number of times this hub forgot an entry.
    changes: u64,
    /// The number of committed changes of accounts that this hub counted in the database.
    own: i64,
    /// The last count of changes read from the database, and the time of that reading.
    counted: Option<(i64, Instant)>,
}

#[derive(Clone)]
struct Entry {
    known: Known,
    read_at: Instant,
}

/// The number of changes when a reading began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Accounts {
    /// Taken before a reading, so that a result which a change has overtaken is not cached.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.known().changes)
    }

    /// Looks up an account. If no other hub writes to the database, a cached account is always valid. The absence of an
    /// account is valid for a short time only, because the command line or an alarm may create one.
    pub(super) fn find(&self, id: &UserId, is_exclusive: bool, now: Instant) -> Remembered {
        let mut known = self.known();
        let counted_at = known.counted.map(|(_count, at)| at);
        let Some(entry) = known.accounts.find(id) else {
            return Remembered::Nothing;
        };
        let is_fresh = |since: Instant| now.duration_since(since) < REMEMBERED_FOR;
        let just_read = is_fresh(entry.read_at);
        let holds = is_exclusive || just_read || counted_at.is_some_and(is_fresh);
        match &entry.known.account {
            Some(account) if holds => Remembered::Account(Arc::clone(account)),
            None if just_read => Remembered::Nobody(entry.known.deletion),
            _ => Remembered::Nothing,
        }
    }

    pub(super) fn remember(&self, id: UserId, known: Known, moment: Moment, now: Instant) {
        let mut cache = self.known();
        if cache.changes == moment.0 {
            let read_at = now;
            cache.accounts.keep(id, Entry { known, read_at });
        }
    }

    /// Removes accounts that were, or may have been, changed. Called after the change and before its result is sent.
    pub(super) fn forget<'a>(&self, ids: impl Iterator<Item = &'a UserId>) {
        let mut known = self.known();
        known.changes += 1;
        for id in ids {
            known.accounts.forget(id);
        }
    }

    /// Removes accounts that this hub changed. `count` is the count of account changes with this one: if it follows the one
    /// that is known, no other hub changed an account in between, and all others stay.
    pub(super) fn changed<'a>(&self, ids: impl Iterator<Item = &'a UserId>, count: Option<i64>) {
        self.forget(ids);
        let mut known = self.known();
        known.own += i64::from(count.is_some());
        if let (Some((known_count, _at)), Some(count)) = (&mut known.counted, count)
            && *known_count + 1 == count
        {
            *known_count = count;
        }
    }

    pub(super) fn forget_all(&self) {
        self.known().forget_all();
    }

    /// The number of committed changes of accounts that this hub counted in the database.
    pub(super) fn own_changes(&self) -> i64 {
        self.known().own
    }

    /// Takes the count of account changes that a look which began at `now` found, and the accounts of each change that it was told
    /// of, by the count with this change. If they tell every change since the known count, the other accounts stay.
    pub(super) fn follow(&self, count: i64, now: Instant, told: &BTreeMap<i64, Vec<UserId>>) {
        let mut cache = self.known();
        if let Some((known_count, at)) = cache.counted
            && known_count < count
        {
            let changes = told.range(known_count + 1..=count);
            if i64::try_from(changes.clone().count()) == Ok(count - known_count) {
                cache.changes += 1;
                for id in changes.flat_map(|(_count, ids)| ids) {
                    cache.accounts.forget(id);
                }
                cache.counted = Some((count, at.max(now)));
                return;
            }
        }
        drop(cache);
        self.changed_so_often(count, now);
    }

    /// Takes the count that a reading which began at `now` found, where the next look is told what changed. Another count than the
    /// known one confirms nothing.
    pub(super) fn still_counted(&self, count: i64, now: Instant) {
        self.known().confirm(count, now);
    }

    /// Takes the count of account changes that a reading which began at `now` found in the database.
    pub(super) fn changed_so_often(&self, count: i64, now: Instant) {
        let mut known = self.known();
        // A reading that a later one has overtaken tells nothing. A later reading with a lower count means that the database
        // was restored, so the cache is emptied.
        let is_overtaken = known.counted.is_some_and(|(_count, at)| now < at);
        if !known.confirm(count, now) && !is_overtaken {
            known.forget_all();
            known.counted = Some((count, now));
        }
    }

    fn known(&self) -> MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    /// Notes a reading that found the known count; returns false for another count.
    fn confirm(&mut self, count: i64, now: Instant) -> bool {
        match &mut self.counted {
            Some((known_count, at)) if *known_count == count => {
                *at = now.max(*at);
                true
            }
            _ => false,
        }
    }

    fn forget_all(&mut self) {
        self.changes += 1;
        self.accounts = Recent::of(A_GENERATION);
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Cache {
            accounts: Recent::of(A_GENERATION),
            changes: 0,
            own: 0,
            counted: None,
        })))
    }
}

/// The maximum delay until a change made by another hub on the same database takes effect.
const REMEMBERED_FOR: Duration = RIGHTS_KNOWN_FOR;

/// Enough for the users that poll one hub repeatedly, and a few megabytes. The limit keeps users that come only once
/// from filling the memory.
const A_GENERATION: usize = 16_384;

#[cfg(test)]
mod tests;
