//! The count of account changes in the row of the log's head, and the signal that tells which accounts a change is about.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::alarm::UserId;
use crate::store::StoreError;
use crate::store::connection::DbConnection;
use crate::store::log::lock_head;
use crate::store::schema::log_head;

/// Locks the head of the log, because an inbox starts where the log ends, and increments the count of account changes. At the
/// commit the other hubs are told the count and the accounts. Returns the head and the count.
pub(super) fn lock_for_change<'a>(
    connection: &mut DbConnection,
    ids: impl Iterator<Item = &'a UserId>,
) -> Result<(i64, i64), StoreError> {
    let head = lock_head(connection)?;
    let count = head.account_changes + 1;
    match connection {
        DbConnection::Sqlite(connection) => diesel::update(log_head::table)
            .set(log_head::account_changes.eq(count))
            .execute(connection)?,
        DbConnection::Postgres(connection) => diesel::sql_query(COUNT)
            .bind::<BigInt, _>(count)
            .bind::<Text, _>(named(count, ids))
            .execute(connection)?,
    };
    Ok((head.last_id, count))
}

/// The count of account changes with a change, if it was made.
pub(super) fn count_of<T>(changed: &Result<(T, i64), StoreError>) -> Option<i64> {
    changed.as_ref().ok().map(|(_done, count)| *count)
}

/// The setting that names the accounts of a change; empty if there are too many to tell.
fn named<'a>(count: i64, ids: impl Iterator<Item = &'a UserId>) -> String {
    let ids: Vec<&str> = ids.map(UserId::as_str).take(MOST_TOLD + 1).collect();
    match ids.len() {
        1..=MOST_TOLD => format!("{count} {}", serde_json::json!(ids)),
        _ => String::new(),
    }
}

/// The count and the accounts of a signal; `None` if it cannot be read, as a later version may write it.
pub(super) fn heard(subject: &str, detail: &str) -> Option<(i64, Vec<UserId>)> {
    let count = subject.parse().ok()?;
    let ids: Vec<String> = serde_json::from_str(detail).ok()?;
    let ids: Result<Vec<UserId>, _> = ids.into_iter().map(UserId::parse).collect();
    Some((count, ids.ok()?))
}

/// The kind of the signal. Its subject is the count, its detail a JSON array of the ids. Sent by a trigger.
pub(crate) const ACCOUNTS: &str = "accounts";

/// The trigger reads the setting at the commit.
const COUNT: &str = "UPDATE log_head SET account_changes = $1 \
     WHERE set_config('campanile.accounts', $2, true) IS NOT NULL";

/// A change of more accounts is rare, and has the other hubs forget all.
const MOST_TOLD: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<UserId> {
        let ids = (0..count).map(|number| UserId::parse(format!("user{number}")).unwrap());
        ids.collect()
    }

    #[test]
    fn what_is_told_is_heard_and_too_many_are_not_told() {
        let some = ids(MOST_TOLD);

        let named_some = named(7, some.iter());
        let (count, detail) = named_some.split_once(' ').unwrap();
        assert_eq!(heard(count, detail), Some((7, some)));
        assert_eq!(named(7, ids(MOST_TOLD + 1).iter()), "");
        assert_eq!(heard("7", ""), None);
        assert_eq!(heard("many", "[]"), None);
    }
}
