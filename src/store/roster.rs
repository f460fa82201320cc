//! The work of an operator with accounts: a list of all of them, new passwords, and disconnections.

use diesel::prelude::*;
use serde_json::json;

use crate::alarm::{Timestamp, UserId};
use crate::store::account_changes::{count_of, lock_for_change};
use crate::store::audit::{self, Actor, Change};
use crate::store::schema::users::dsl;
use crate::store::users::Row;
use crate::store::{Account, Read, Store, StoreError};

impl Store {
    /// The next accounts by id, after one.
    pub(crate) async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<Account>, StoreError> {
        self.read(Read::Other, move |connection| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let rows = dsl::users
                .filter(dsl::id.gt(after))
                .order(dsl::id.asc())
                .limit(limit)
                .load::<Row>(connection)?;
            Ok(rows.into_iter().map(Account::from).collect())
        })
        .await
    }

    /// Gives an account a new password. All tokens issued before and all open streams of the account end. `false` if there is
    /// no such account.
    pub(crate) async fn set_password(
        &self,
        id: &UserId,
        hash: String,
        by: Actor,
    ) -> Result<bool, StoreError> {
        let (id, remembered) = (id.clone(), self.accounts.clone());
        self.write(move |connection| {
            let changed = connection.transact(|connection| {
                let (_head, count) = lock_for_change(connection, std::iter::once(&id))?;
                let change = (
                    dsl::password_hash.eq(Some(&hash)),
                    dsl::tokens_valid_from.eq(Timestamp::now().millis()),
                    dsl::kicks.eq(dsl::kicks + 1),
                );
                let rows = diesel::update(dsl::users.find(id.as_str()))
                    .set(change)
                    .execute(connection)?;
                if rows > 0 {
                    audit::record(connection, &by, &entry("user.password", &id))?;
                }
                Ok((rows > 0, count))
            });
            remembered.changed(std::iter::once(&id), count_of(&changed));
            changed.map(|(is_known, _count)| is_known)
        })
        .await
    }

    /// Counts a disconnection of all streams of a user, which tells the other hubs to end theirs.
    pub(crate) async fn count_kick(&self, id: &UserId, by: Actor) -> Result<(), StoreError> {
        let (id, remembered) = (id.clone(), self.accounts.clone());
        self.write(move |connection| {
            let counted = connection.transact(|connection| {
                let (_head, count) = lock_for_change(connection, std::iter::once(&id))?;
                diesel::update(dsl::users.find(id.as_str()))
                    .set(dsl::kicks.eq(dsl::kicks + 1))
                    .execute(connection)?;
                audit::record(connection, &by, &entry(DISCONNECT, &id))?;
                Ok(((), count))
            });
            remembered.changed(std::iter::once(&id), count_of(&counted));
            counted.map(|_counted| ())
        })
        .await
    }

    /// Writes to the audit log that all streams of a user were disconnected, where there is no other hub to tell.
    pub(crate) async fn note_kick(&self, id: &UserId, by: Actor) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |connection| audit::record(connection, &by, &entry(DISCONNECT, &id)))
            .await
    }
}

fn entry<'a>(action: &'static str, id: &'a UserId) -> Change<'a> {
    Change {
        action,
        target: id.as_str(),
        detail: json!({}),
    }
}

/// The action of a disconnection of all streams of a user.
const DISCONNECT: &str = "user.disconnect";
