//! Accounts as they were read a moment ago, so that a publisher's thousandth request does not ask the database again
//! who he is. Every change this hub makes is seen at once; another hub's within [`REMEMBERED_FOR`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::alarm::UserId;
use crate::recent::Recent;
use crate::store::{Account, Read, Store, StoreError, users};

/// What is known of an account without asking the database.
#[derive(Debug, Clone)]
pub enum Remembered {
    /// It is, or was a moment ago, this one.
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
    changes: u64,
}

#[derive(Clone)]
struct Entry {
    account: Option<Arc<Account>>,
    until: Instant,
}

/// How many changes there were when a reading began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Store {
    /// What is known of an account without asking the database.
    pub fn remembered(&self, id: &UserId) -> Remembered {
        self.accounts.find(id, Instant::now())
    }

    /// One account, if there is one, read now and remembered for a moment. Its password's hash is left out.
    pub async fn known_account(&self, id: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
        let (id, accounts) = (id.clone(), self.accounts.clone());
        self.read(Read::Account, move |connection| {
            let moment = accounts.moment();
            let account = users::find(connection, &id)?.map(|account| {
                Arc::new(Account {
                    password_hash: None,
                    ..account
                })
            });
            accounts.remember(id, account.clone(), moment, Instant::now());
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

    fn find(&self, id: &UserId, now: Instant) -> Remembered {
        let mut known = self.known();
        let entry = known.accounts.find(id).cloned();
        match entry.filter(|entry| entry.until > now) {
            None => Remembered::Nothing,
            Some(Entry {
                account: Some(account),
                ..
            }) => Remembered::Account(account),
            Some(_nobody) => Remembered::Nobody,
        }
    }

    fn remember(&self, id: UserId, account: Option<Arc<Account>>, moment: Moment, now: Instant) {
        let mut known = self.known();
        if known.changes == moment.0 {
            let until = now + REMEMBERED_FOR;
            known.accounts.keep(id, Entry { account, until });
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

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Known {
            accounts: Recent::of(A_GENERATION),
            changes: 0,
        })))
    }
}

/// How late a change that another hub made on the same database may take effect here.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// Those who call again and again are few; a crowd that comes once each must not fill the memory.
const A_GENERATION: usize = 1_024;

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
    fn an_account_is_remembered_for_a_second_and_no_longer() {
        let (accounts, now) = (Accounts::default(), Instant::now());

        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);

        let found = |later| accounts.find(&id("bob"), now + later);
        assert!(matches!(
            found(Duration::from_millis(999)),
            Remembered::Account(_)
        ));
        assert!(matches!(found(REMEMBERED_FOR), Remembered::Nothing));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let (accounts, now) = (Accounts::default(), Instant::now());
        let before = accounts.moment();

        accounts.forget([id("bob")].iter());
        accounts.remember(id("bob"), account("bob"), before, now);

        assert!(matches!(
            accounts.find(&id("bob"), now),
            Remembered::Nothing
        ));
    }
}
