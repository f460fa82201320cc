//! Users who are signed out everywhere, and accounts that are deleted. A deletion leaves the id, the head of the log and the
//! time; a trigger gives a later account of the id that head and that time, whoever creates it.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde_json::json;

use crate::alarm::{AlarmId, Role, Timestamp, UserId};
use crate::store::account_changes::lock_for_change;
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{deleted_users, receipts, rooms, sign_in_networks, users};
use crate::store::users::{IDS_A_QUERY, find, is_of_before};
use crate::store::{Account, Read, Store, StoreError};

/// The deletion of the last account of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// The head of the log at that time: what is up to it belongs to no later account.
    pub head: AlarmId,
    /// The time.
    pub at: Timestamp,
}

/// The accounts that somebody may sign out or delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the role user.
    Users,
    /// All.
    Everyone,
}

/// The result of signing out or deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Done at this time.
    Done(Timestamp),
    /// There is no such account.
    Unknown,
    /// The account is beyond the reach.
    OutOfReach,
    /// Nobody else would administer the hub.
    LastAdmin,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Every token issued so far is refused.
    SignOut,
    /// The account is deleted as well.
    Delete,
}

impl Deletion {
    /// True for a token that was issued before the deletion. One that tells no time may have been.
    pub(crate) fn outdates(&self, issued_at: Option<Timestamp>) -> bool {
        is_of_before(issued_at, self.at)
    }
}

impl Store {
    /// Signs a user out everywhere, or deletes the account.
    pub(crate) async fn leave(
        &self,
        id: &UserId,
        leaving: Leaving,
        reach: Reach,
        by: Actor,
    ) -> Result<Left, StoreError> {
        let (user, remembered) = (id.clone(), self.accounts.clone());
        let work = move |connection: &mut DbConnection| {
            let left =
                connection.transact(|connection| leave(connection, &user, (leaving, reach), &by));
            // Also after an error: the commit may have succeeded although its answer was lost.
            let count = left.as_ref().ok().map(|(_left, count, _head)| *count);
            remembered.changed(std::iter::once(&user), count);
            left
        };
        let (left, _count, head) = self.write(work).await?;
        if leaving == Leaving::Delete && matches!(left, Left::Done(_)) {
            self.delete_receipts(id, head).await?;
        }
        Ok(left)
    }

    /// Deletes the marks of a deleted account, in batches. They are on alarms that no later account of the id sees, so what a
    /// crash leaves goes with its alarms.
    async fn delete_receipts(&self, id: &UserId, head: i64) -> Result<(), StoreError> {
        loop {
            let user = id.clone();
            let deleted = self.write(move |connection| {
                let of_user = receipts::user_id.eq(user.as_str());
                let ids = receipts::table
                    .filter(of_user)
                    .filter(receipts::alarm_id.le(head))
                    .order(receipts::alarm_id.asc())
                    .limit(RECEIPTS_A_BATCH)
                    .select(receipts::alarm_id)
                    .load::<i64>(connection)?;
                let Some(last) = ids.last() else {
                    return Ok(0);
                };
                let batch = receipts::table
                    .filter(of_user)
                    .filter(receipts::alarm_id.le(*last));
                Ok(diesel::delete(batch).execute(connection)?)
            });
            if deleted.await? == 0 {
                return Ok(());
            }
        }
    }

    /// The deletions of the last accounts of those of `ids` of which there was one.
    pub(crate) async fn deletions_of(
        &self,
        ids: Vec<UserId>,
    ) -> Result<HashMap<UserId, Deletion>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        self.look_as(Read::Account, move |connection| {
            deletions_of(connection, ids.iter().map(UserId::as_str).collect())
        })
        .await
    }
}

impl Store {
    /// As [`Self::deletions_of`], for a page that shows who wrote something.
    pub(crate) async fn deletions_among(
        &self,
        ids: Vec<UserId>,
    ) -> Result<HashMap<UserId, Deletion>, StoreError> {
        self.read(Read::Other, move |connection| {
            deletions_of(connection, ids.iter().map(UserId::as_str).collect())
        })
        .await
    }
}

/// The deletion of the last account of an id.
pub(super) fn deletion_of(
    connection: &mut DbConnection,
    id: &UserId,
) -> Result<Option<Deletion>, StoreError> {
    let row = native!(connection => deleted_users::table
        .find(id.as_str())
        .get_result::<Row>(connection))
    .optional()?;
    Ok(row.map(|row| deletion(&row)))
}

/// The deletions of the last accounts of some ids.
pub(super) fn deletions_of(
    connection: &mut DbConnection,
    ids: Vec<&str>,
) -> Result<HashMap<UserId, Deletion>, StoreError> {
    let mut found = HashMap::new();
    for some in ids.chunks(IDS_A_QUERY) {
        let rows = deleted_users::table
            .filter(deleted_users::id.eq_any(some))
            .load::<Row>(connection)?;
        found.extend(rows.into_iter().map(|row| {
            let deletion = deletion(&row);
            (UserId::trusted(row.0), deletion)
        }));
    }
    Ok(found)
}

/// The id, the head and the time.
type Row = (String, i64, i64);

fn deletion((_id, head, at): &Row) -> Deletion {
    Deletion {
        head: AlarmId(*head),
        at: Timestamp::from_millis(*at),
    }
}

/// Does it in one transaction. Returns the result, the count of account changes and the head of the log.
fn leave(
    connection: &mut DbConnection,
    id: &UserId,
    (leaving, reach): (Leaving, Reach),
    by: &Actor,
) -> Result<(Left, i64, i64), StoreError> {
    let (head, count) = lock_for_change(connection, std::iter::once(id))?;
    let Some(account) = find(connection, id)? else {
        return Ok((Left::Unknown, count, head));
    };
    if reach == Reach::Users && account.role != Role::User {
        return Ok((Left::OutOfReach, count, head));
    }
    let now = Timestamp::now();
    let left = match leaving {
        Leaving::SignOut => sign_out(connection, &account, now, by)?,
        Leaving::Delete if is_last_admin(connection, &account)? => Left::LastAdmin,
        Leaving::Delete => delete(connection, &account, (AlarmId(head), now), by)?,
    };
    Ok((left, count, head))
}

fn sign_out(
    connection: &mut DbConnection,
    account: &Account,
    now: Timestamp,
    by: &Actor,
) -> Result<Left, StoreError> {
    let change = (
        users::signed_out_at.eq(now.millis()),
        // Counted, so that the other hubs hear of it.
        users::kicks.eq(users::kicks + 1),
    );
    diesel::update(users::table.find(account.id.as_str()))
        .set(change)
        .execute(connection)?;
    record(connection, by, "user.sign_out", account)?;
    Ok(Left::Done(now))
}

fn is_last_admin(connection: &mut DbConnection, account: &Account) -> Result<bool, StoreError> {
    if account.role != Role::Admin {
        return Ok(false);
    }
    let others = users::table
        .filter(sql::<Bool>(IS_ADMIN))
        .filter(users::disabled_at.is_null())
        .filter(users::id.ne(account.id.as_str()))
        .count()
        .get_result::<i64>(connection)?;
    Ok(others == 0)
}

fn delete(
    connection: &mut DbConnection,
    account: &Account,
    (head, now): (AlarmId, Timestamp),
    by: &Actor,
) -> Result<Left, StoreError> {
    let id = account.id.as_str();
    let row = (
        deleted_users::id.eq(id),
        deleted_users::head.eq(head.0),
        deleted_users::deleted_at.eq(now.millis()),
    );
    diesel::delete(deleted_users::table.find(id)).execute(connection)?;
    diesel::insert_into(deleted_users::table)
        .values(row)
        .execute(connection)?;
    let networks = sign_in_networks::table.filter(sign_in_networks::user_id.eq(id));
    diesel::delete(networks).execute(connection)?;
    // The rooms stay, and count for no later account.
    diesel::update(rooms::table.filter(rooms::created_by.eq(id)))
        .set(rooms::created_by.eq(None::<String>))
        .execute(connection)?;
    diesel::delete(users::table.find(id)).execute(connection)?;
    record(connection, by, "user.delete", account)?;
    Ok(Left::Done(now))
}

fn record(
    connection: &mut DbConnection,
    by: &Actor,
    action: &'static str,
    account: &Account,
) -> Result<(), StoreError> {
    let change = Change {
        action,
        target: account.id.as_str(),
        detail: json!({"role": account.role}),
    };
    audit::record(connection, by, &change)
}

/// The condition of the index of administrators, in its words.
const IS_ADMIN: &str = "role = 'admin'";

/// A few milliseconds of the writer.
const RECEIPTS_A_BATCH: i64 = 500;
