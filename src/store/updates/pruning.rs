//! Pruning updates: the oldest ones, with their topics.

use diesel::prelude::*;

use crate::store::StoreError;
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{mercure_topics, mercure_updates};

/// Deletes the next updates that were published before a time; returns the last id of them. They are the beginning of what is
/// kept, so an id that clients know is either found with all that follows it, or not at all.
pub(in crate::store) fn prune_updates(
    connection: &mut DbConnection,
    from: i64,
    before: i64,
    rows: i64,
) -> Result<Option<i64>, StoreError> {
    let oldest = native!(connection => mercure_updates::table
        .filter(mercure_updates::id.gt(from))
        .order(mercure_updates::id.asc())
        .limit(rows)
        .select((mercure_updates::id, mercure_updates::created_at))
        .load::<(i64, i64)>(connection))?;
    let old = oldest.iter().take_while(|(_id, made)| *made < before);
    let Some(last) = old.map(|(id, _made)| *id).last() else {
        return Ok(None);
    };
    let topics = mercure_topics::update_id
        .gt(from)
        .and(mercure_topics::update_id.le(last));
    let updates = mercure_updates::id
        .gt(from)
        .and(mercure_updates::id.le(last));
    connection.transact::<_, StoreError, _>(|connection| {
        native!(connection => diesel::delete(mercure_topics::table.filter(topics))
            .execute(connection))?;
        native!(connection => diesel::delete(mercure_updates::table.filter(updates))
            .execute(connection))?;
        Ok(())
    })?;
    Ok(Some(last))
}
