//! The changes to a restored database before it may serve: ids and versions above all that were told before, and no session that was
//! ended since the copy was taken.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde_json::json;

use crate::alarm::Timestamp;
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::DbConnection;
use crate::store::schema::{deleted_users, revoked_tokens, signing_keys, users};
use crate::store::{Location, OpenError, StoreError, version};

/// The facts that a database that is replaced knows and the copy does not.
pub(crate) struct Remains {
    /// The last id that was given.
    pub(super) last_id: i64,
    marks_base: i64,
    revoked: Vec<(String, i64)>,
    /// The ids of deleted accounts, and when they were deleted.
    deleted: Vec<(String, i64)>,
}

/// The state of a settled database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    /// The last alarm of the copy.
    pub copied_up_to: i64,
    /// The id below every new one.
    pub new_after: i64,
    /// The API keys that were switched off.
    pub keys_off: usize,
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = BigInt)]
    last_id: i64,
    #[diesel(sql_type = BigInt)]
    marks_base: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    newest: Option<i64>,
}

#[derive(QueryableByName)]
struct Beat {
    #[diesel(sql_type = Text)]
    hub: String,
    #[diesel(sql_type = BigInt)]
    beat: i64,
}

/// The remains of a database that is replaced, if it can be read.
pub(super) fn remains(connection: &mut SqliteConnection) -> Result<Remains, StoreError> {
    let ends = match diesel::sql_query(ENDS_OF_REPLACED).get_result::<Ends>(connection) {
        Ok(ends) => ends,
        Err(_older) => diesel::sql_query(ENDS_OF_OLD).get_result::<Ends>(connection)?,
    };
    let revoked = revoked_tokens::table.load::<(String, i64)>(connection)?;
    let deleted = deleted_users::table
        .select((deleted_users::id, deleted_users::deleted_at))
        .load::<(String, i64)>(connection);
    Ok(Remains {
        last_id: ends.last_id,
        marks_base: ends.marks_base,
        revoked,
        // An earlier version has no such table.
        deleted: deleted.unwrap_or_default(),
    })
}

/// Succeeds for a database of this program, of any version.
pub(super) fn remains_of(connection: &mut DbConnection) -> Result<(), StoreError> {
    diesel::sql_query("SELECT last_id FROM log_head").execute(connection)?;
    Ok(())
}

/// Moves the ids and the versions of marks on, and ends all sessions, in one transaction.
pub(super) fn settle(
    connection: &mut DbConnection,
    replaced: Option<Remains>,
) -> Result<Settled, StoreError> {
    connection.transact(|connection| {
        let ends = diesel::sql_query(ENDS).get_result::<Ends>(connection)?;
        let now = Timestamp::now().millis();
        let known = replaced.as_ref().map_or(0, |one| one.last_id);
        let marks = replaced.as_ref().map_or(0, |one| one.marks_base);
        let new_after = ends.last_id.max(known) + margin(now, ends.newest);
        let moved = format!(
            "UPDATE log_head SET last_id = {new_after}, marks_base = {}, account_changes = account_changes + 1",
            ends.marks_base.max(marks) + LEAST_MARGIN
        );
        diesel::sql_query(moved).execute(connection)?;
        let ended = format!(
            "UPDATE users SET tokens_valid_from = {now}, signed_out_at = {now}, kicks = kicks + 1");
        diesel::sql_query(ended).execute(connection)?;
        // A key that was revoked since would be good again.
        let off = format!("UPDATE api_keys SET revoked_at = {now}, tokens_valid_from = {now} WHERE revoked_at IS NULL");
        let keys_off = diesel::sql_query(off).execute(connection)?;
        // So would a signing key that was taken away. The hub makes one when it starts.
        diesel::delete(signing_keys::table).execute(connection)?;
        let (revoked, deleted) = replaced.map(|one| (one.revoked, one.deleted)).unwrap_or_default();
        keep_deletions(connection, deleted, ends.last_id)?;
        for (token, end) in revoked {
            let revoked = revoked_tokens::dsl::token_id;
            let known = revoked_tokens::table.filter(revoked.eq(&token)).count();
            if known.get_result::<i64>(connection)? == 0 {
                let row = (revoked.eq(&token), revoked_tokens::dsl::expires_at.eq(end));
                diesel::insert_into(revoked_tokens::table)
                    .values(row)
                    .execute(connection)?;
            }
        }
        let change = Change {
            action: "database.restore",
            target: "",
            detail: json!({"upTo": ends.last_id, "keysOff": keys_off}),
        };
        audit::record(connection, &Actor::command("campanile restore"), &change)?;
        Ok(Settled {
            copied_up_to: ends.last_id,
            new_after,
            keys_off,
        })
    })
}

/// Keeps the deletions of accounts that the copy does not have: their tokens stay refused. An account that the copy has is back.
fn keep_deletions(
    connection: &mut DbConnection,
    deleted: Vec<(String, i64)>,
    head: i64,
) -> Result<(), StoreError> {
    for (id, at) in deleted {
        let account = users::table.find(&id).count();
        if account.get_result::<i64>(connection)? > 0 {
            continue;
        }
        diesel::delete(deleted_users::table.find(&id)).execute(connection)?;
        let row = (
            deleted_users::id.eq(&id),
            deleted_users::head.eq(head),
            deleted_users::deleted_at.eq(at),
        );
        diesel::insert_into(deleted_users::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

/// Settles a database on a server that its own tools have restored. Refused while a hub uses it.
pub(crate) fn settle_server(location: &Location) -> Result<Settled, OpenError> {
    let mut connection = DbConnection::open(location)?;
    version::check(&mut connection)?;
    connection.migrate()?;
    let before = beats(&mut connection)?;
    std::thread::park_timeout(WATCHED_FOR);
    let after = beats(&mut connection)?;
    if after != before {
        return Err(OpenError::Served);
    }
    Ok(settle(&mut connection, None)?)
}

/// The beats of all hubs. A copy may hold some of hubs that are long gone, which stand still.
fn beats(connection: &mut DbConnection) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = diesel::sql_query("SELECT id AS hub, beat FROM hubs ORDER BY id")
        .load::<Beat>(connection)?;
    Ok(rows.into_iter().map(|row| (row.hub, row.beat)).collect())
}

/// The ids that may have been given since the copy was taken, by the time since its newest alarm.
fn margin(now: i64, newest: Option<i64>) -> i64 {
    let seconds = newest.map_or(A_YEAR_SECONDS, |newest| (now - newest).max(0) / 1_000);
    (seconds.saturating_mul(MOST_A_SECOND)).max(LEAST_MARGIN)
}

/// The last id and the base of the versions of marks of a database that is replaced.
const ENDS_OF_REPLACED: &str = "SELECT last_id, marks_base, NULL AS newest FROM log_head";

/// The last id, the base of the versions of marks, and the time of the newest alarm or update.
const ENDS: &str = "SELECT last_id, marks_base, (SELECT max(created_at) FROM (SELECT max(created_at) AS created_at FROM alarms \
     UNION ALL SELECT max(created_at) FROM mercure_updates) AS both_tables) AS newest FROM log_head";

/// The same of a database that an earlier version left.
const ENDS_OF_OLD: &str = "SELECT last_id, 0 AS marks_base, NULL AS newest FROM log_head";

/// The jump of the ids where another server takes over (`never_give_an_id_twice`).
const LEAST_MARGIN: i64 = 1 << 20;

/// More alarms than a hub has ever stored in a second. A year of them are 3 of the 9,007 million million numbers that JavaScript can hold.
const MOST_A_SECOND: i64 = 100_000;

const A_YEAR_SECONDS: i64 = 366 * 24 * 3_600;

/// Longer than two beats of a hub (`cluster/lease.rs`).
const WATCHED_FOR: Duration = Duration::from_millis(2_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_copy_leaves_more_room_for_what_it_lacks() {
        let now = 2_000_000_000_000;

        assert_eq!(margin(now, Some(now)), LEAST_MARGIN);
        assert_eq!(
            margin(now, Some(now + 5_000)),
            LEAST_MARGIN,
            "a clock that went back"
        );
        assert_eq!(margin(now, Some(now - 60_000)), 60 * MOST_A_SECOND);
        assert_eq!(margin(now, None), A_YEAR_SECONDS * MOST_A_SECOND);
    }
}
