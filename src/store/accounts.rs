//! Reads accounts through the cache of them, and tells it what others changed.

use std::sync::Arc;
use std::time::Instant;

use crate::alarm::UserId;
use crate::store::account_cache::{Known, Remembered};
use crate::store::{Account, Read, Store, StoreError, leaving, log, users};

/// The count of account changes in the database, and how many of them this hub made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountCount {
    all: i64,
    own: i64,
}

impl AccountCount {
    /// True if others than this hub changed an account since `earlier`.
    pub(crate) fn has_others_since(self, earlier: Self) -> bool {
        self.all - earlier.all != self.own - earlier.own
    }
}

impl Store {
    /// Looks up an account in the cache, without asking the database.
    pub(crate) fn remembered(&self, id: &UserId) -> Remembered {
        self.accounts.find(id, self.is_exclusive(), Instant::now())
    }

    /// Forgets what is remembered of some accounts, as another hub has changed them.
    pub(crate) fn forget_accounts(&self, ids: &[UserId]) {
        self.accounts.forget(ids.iter());
    }

    /// Forgets what is remembered of all accounts, as other hubs may have changed any.
    pub(crate) fn forget_all_accounts(&self) {
        self.accounts.forget_all();
    }

    /// Counts the changes of accounts, on the thread that makes those of this hub: so none is half counted. Not among the reads
    /// that the metrics tell, as it is no answer to a request.
    pub(crate) async fn count_account_changes(&self) -> Result<AccountCount, StoreError> {
        let accounts = self.accounts.clone();
        let counted = self.writers.run(move |connection| {
            let head = log::head(connection)?;
            Ok(AccountCount {
                all: head.account_changes,
                own: accounts.own_changes(),
            })
        });
        counted.await
    }

    /// Reads one account from the database, if it exists, and caches it until it changes. The password hash is left
    /// out. Where there is none, the deletion of the last account of the id is read.
    pub(crate) async fn account_or_deletion(&self, id: &UserId) -> Result<Known, StoreError> {
        let (id, accounts) = (id.clone(), self.accounts.clone());
        self.read(Read::Account, move |connection| {
            let (moment, now) = (accounts.moment(), Instant::now());
            let account = users::find(connection, &id)?.map(|account| {
                Arc::new(Account {
                    password_hash: None,
                    ..account
                })
            });
            let deletion = match &account {
                Some(_account) => None,
                None => leaving::deletion_of(connection, &id)?,
            };
            let known = Known { account, deletion };
            accounts.remember(id, known.clone(), moment, now);
            Ok(known)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_tells_the_changes_of_others_from_those_of_this_hub() {
        let count = |all, own| AccountCount { all, own };

        assert!(!count(9, 3).has_others_since(count(7, 1)));
        assert!(count(9, 2).has_others_since(count(7, 1)));
        assert!(
            count(3, 1).has_others_since(count(7, 1)),
            "a restored database"
        );
    }
}
