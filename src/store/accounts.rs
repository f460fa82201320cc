//! Accounts as they were read, so that neither a publisher's thousandth request nor a poll that finds nothing asks the
//! database who he is. Every change this hub makes is seen at once; another hub's when the count of changes is next read,
//! beside the head of the log, or within [`REMEMBERED_FOR`]. What changes accounts without counting (a person with a SQL
//! shell) is not noticed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::UserId;
use crate::recent::Recent;
use crate::store::{Account, Read, Store, StoreError, users};

/// What is known of an account without asking the database.
#[derive(Debug, Clone)]
pub(crate) enum Remembered {
    /// It is this one, or another hub has changed it just now.
    Account(Arc<Account>),
    /// There was none a moment ago. One that another process or an alarm to him made since is not noticed yet, so this
    /// may shut nobody out.
    Nobody,
    /// Nothing.
    Nothing,
}

/// What was read lately. Cheap to clone, all clones remember the same.
#[derive(Clone)]
pub(super) struct Accounts(Arc<Mutex<Known>>);

struct Known {
    accounts: Recent<UserId, Entry>,
    /// How often this hub forgot something.
    changes: u64,
    /// What the database counted when it was last asked, and when that was.
    counted: Option<(i64, Instant)>,
}

#[derive(Clone)]
struct Entry {
    account: Option<Arc<Account>>,
    read_at: Instant,
}

/// How many changes there were when a reading began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Store {
    /// What is known of an account without asking the database.
    pub(crate) fn remembered(&self, id: &UserId) -> Remembered {
        self.accounts.find(id, self.is_exclusive(), Instant::now())
    }

    /// One account, if there is one, read now and remembered until it changes. Its password's hash is left out.
    pub(crate) async fn known_account(
        &self,
        id: &UserId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let (id, accounts) = (id.clone(), self.accounts.clone());
        self.read(Read::Account, move |connection| {
            let (moment, now) = (accounts.moment(), Instant::now());
            let account = users::find(connection, &id)?.map(|account| {
                Arc::new(Account {
                    password_hash: None,
                    ..account
                })
            });
            accounts.remember(id, account.clone(), moment, now);
            Ok(account)
        })
        .await
    }
}

impl Accounts {
    /// Taken before a reading, so that what a change overtook is not remembered.
    fn moment(&self) -> Moment {
        Moment(self.known().changes)
    }

    /// Where nobody else changes accounts, one that was read is what it is. That there is none is soon out of date
    /// everywhere: the command line may make one, or an alarm to somebody.
    fn find(&self, id: &UserId, is_exclusive: bool, now: Instant) -> Remembered {
        let mut known = self.known();
        let counted_at = known.counted.map(|(_count, at)| at);
        let Some(entry) = known.accounts.find(id) else {
            return Remembered::Nothing;
        };
        let is_fresh = |since: Instant| now.duration_since(since) < REMEMBERED_FOR;
        let just_read = is_fresh(entry.read_at);
        let holds = is_exclusive || just_read || counted_at.is_some_and(is_fresh);
        match &entry.account {
            Some(account) if holds => Remembered::Account(Arc::clone(account)),
            None if just_read => Remembered::Nobody,
            _ => Remembered::Nothing,
        }
    }

    fn remember(&self, id: UserId, account: Option<Arc<Account>>, moment: Moment, now: Instant) {
        let mut known = self.known();
        if known.changes == moment.0 {
            let read_at = now;
            known.accounts.keep(id, Entry { account, read_at });
        }
    }

    /// Forgets accounts that were, or may have been, changed. Called after the change and before anybody hears of it.
    pub(super) fn forget<'a>(&self, ids: impl Iterator<Item = &'a UserId>) {
        let mut known = self.known();
        known.changes += 1;
        for id in ids {
            known.accounts.forget(id);
        }
    }

    /// How often accounts were changed, as the database counts it, by a reading that began at `now`.
    pub(super) fn changed_so_often(&self, count: i64, now: Instant) {
        let mut known = self.known();
        match known.counted {
            Some((known_count, at)) if known_count == count => {
                known.counted = Some((count, at.max(now)));
                return;
            }
            // It was overtaken. A later one that is less is of a database that went back, and nothing is known of it.
            Some((_count, at)) if now < at => return,
            _ => {}
        }
        known.changes += 1;
        known.accounts = Recent::of(A_GENERATION);
        known.counted = Some((count, now));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Known {
            accounts: Recent::of(A_GENERATION),
            changes: 0,
            counted: None,
        })))
    }
}

/// How late a change that another hub made on the same database may take effect here: a little more than the time from one
/// look at the log to the next.
const REMEMBERED_FOR: Duration = Duration::from_millis(1_500);

/// As many as may poll a hub again and again, a few megabytes; a crowd that comes once each must not fill the memory.
const A_GENERATION: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{DisplayName, Role, Timestamp};

    fn id(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    fn account(text: &str) -> Option<Arc<Account>> {
        Some(Arc::new(Account {
            id: id(text),
            display_name: DisplayName::parse(text).unwrap(),
            role: Role::User,
            password_hash: None,
            inbox_start: 0,
            tokens_valid_from: Timestamp::from_millis(0),
            disabled: false,
            created_at: Timestamp::from_millis(0),
        }))
    }

    #[test]
    fn an_account_that_another_hub_may_change_is_not_remembered_for_long() {
        let (accounts, now) = (Accounts::default(), Instant::now());

        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);

        let found = |later| accounts.find(&id("bob"), false, now + later);
        assert!(matches!(
            found(REMEMBERED_FOR - Duration::from_millis(1)),
            Remembered::Account(_)
        ));
        assert!(matches!(found(REMEMBERED_FOR), Remembered::Nothing));
    }

    #[test]
    fn an_account_that_nobody_else_changes_is_remembered_and_the_want_of_one_is_not() {
        let (accounts, now) = (Accounts::default(), Instant::now());

        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
        accounts.remember(id("shop"), None, accounts.moment(), now);

        let found = |who| accounts.find(&id(who), true, now + Duration::from_secs(3_600));
        assert!(matches!(found("bob"), Remembered::Account(_)));
        assert!(matches!(found("shop"), Remembered::Nothing));
    }

    #[test]
    fn an_account_is_remembered_as_long_as_the_count_of_changes_stays() {
        let (accounts, now) = (Accounts::default(), Instant::now());
        let later = now + Duration::from_secs(3_600);
        accounts.changed_so_often(7, now);
        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
        accounts.remember(id("shop"), None, accounts.moment(), now);

        accounts.changed_so_often(7, later);

        let found = |who| accounts.find(&id(who), false, later);
        assert!(matches!(found("bob"), Remembered::Account(_)));
        assert!(matches!(found("shop"), Remembered::Nothing));

        accounts.changed_so_often(8, later);

        assert!(matches!(found("bob"), Remembered::Nothing));
    }

    #[test]
    fn a_count_that_another_overtook_says_nothing_and_one_that_went_back_forgets_all() {
        let (accounts, before) = (Accounts::default(), Instant::now());
        let now = before + Duration::from_millis(1);
        accounts.changed_so_often(8, now);
        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
        let found = || accounts.find(&id("bob"), false, now);

        accounts.changed_so_often(7, before);
        assert!(matches!(found(), Remembered::Account(_)));

        accounts.changed_so_often(7, now + Duration::from_millis(1));
        assert!(matches!(found(), Remembered::Nothing));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let (accounts, now) = (Accounts::default(), Instant::now());
        let before = accounts.moment();

        accounts.forget([id("bob")].iter());
        accounts.remember(id("bob"), account("bob"), before, now);

        assert!(matches!(
            accounts.find(&id("bob"), true, now),
            Remembered::Nothing
        ));
    }
}
