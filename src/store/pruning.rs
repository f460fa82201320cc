//! Forgetting what is older than the retention time, in batches small enough not to hold up publishing.

use std::time::Duration;

use diesel::prelude::*;

use crate::alarm::Timestamp;
use crate::store::connection::DbConnection;
use crate::store::log::{IDEMPOTENCY_LIFE, lock_head};
use crate::store::schema::{alarms, idempotency_keys, log_head, receipts, revoked_tokens};
use crate::store::{Store, StoreError};

impl Store {
    /// Prunes the oldest alarms made before now less `retention`; returns how many. Fewer than a batch: it is done.
    pub async fn prune_alarms(&self, retention: Duration) -> Result<usize, StoreError> {
        let cutoff = Timestamp::now().minus(retention).millis();
        self.write(move |connection| {
            connection.transaction(|connection| prune_batch(connection, cutoff))
        })
        .await
    }

    /// Prunes idempotency keys and revoked tokens that no longer decide anything.
    pub async fn prune_keys(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            let now = Timestamp::now();
            let stale = now.minus(IDEMPOTENCY_LIFE).millis();
            let keys = idempotency_keys::table.filter(idempotency_keys::created_at.lt(stale));
            diesel::delete(keys).execute(connection)?;
            let tokens = revoked_tokens::table.filter(revoked_tokens::expires_at.lt(now.millis()));
            diesel::delete(tokens).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// How many alarms one call prunes at most.
    pub const PRUNE_BATCH: usize = 500;
}

/// Only a prefix of the log is pruned, so one number tells a stale cursor from a good one.
fn prune_batch(connection: &mut DbConnection, cutoff: i64) -> Result<usize, StoreError> {
    let pruned_up_to = lock_head(connection)?.pruned_up_to;
    let oldest = alarms::table
        .filter(alarms::id.gt(pruned_up_to))
        .order(alarms::id.asc())
        .limit(i64::try_from(Store::PRUNE_BATCH).unwrap_or(i64::MAX))
        .select((alarms::id, alarms::created_at))
        .load::<(i64, i64)>(connection)?;
    let old: Vec<i64> = oldest
        .iter()
        .take_while(|(_, made)| *made < cutoff)
        .map(|(id, _)| *id)
        .collect();
    let Some(last) = old.last().copied() else {
        return Ok(0);
    };
    diesel::delete(alarms::table.filter(alarms::id.le(last))).execute(connection)?;
    diesel::delete(receipts::table.filter(receipts::alarm_id.le(last))).execute(connection)?;
    diesel::update(log_head::table)
        .set(log_head::pruned_up_to.eq(last))
        .execute(connection)?;
    Ok(old.len())
}
