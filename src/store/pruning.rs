//! Pruning: deletes everything older than the retention time, in batches small enough not to delay publishing.

use std::time::Duration;

use diesel::prelude::*;

use crate::alarm::{AlarmId, Timestamp};
use crate::store::append::IDEMPOTENCY_LIFE;
use crate::store::connection::DbConnection;
use crate::store::log::{lock_head, stored_topic};
use crate::store::schema::{alarms, idempotency_keys, log_head, receipts, revoked_tokens};
use crate::store::{Gone, Store, StoreError};

impl Store {
    /// Prunes the oldest alarms created before now minus `retention`; returns them. A number below the batch size means
    /// that none is left.
    pub(crate) async fn prune_alarms(&self, retention: Duration) -> Result<Vec<Gone>, StoreError> {
        let cutoff = Timestamp::now().minus(retention).millis();
        let pruned = self
            .write(move |connection| {
                connection.transact(|connection| prune_batch(connection, cutoff))
            })
            .await?;
        // An alarm for everyone has a receipt for each reader, so receipts are pruned in batches of their own. Receipts
        // of pruned alarms are never read, so those that a crash leaves here can wait for the next call.
        while self.write(prune_receipts).await? == RECEIPT_BATCH {}
        Ok(pruned)
    }

    /// Prunes expired idempotency keys and revoked tokens that have expired.
    pub(crate) async fn prune_keys(&self) -> Result<(), StoreError> {
        let stale = Timestamp::now().minus(IDEMPOTENCY_LIFE).millis();
        while self
            .write(move |connection| prune_key_batch(connection, stale))
            .await?
            == KEY_BATCH
        {}
        self.write(|connection| {
            let now = Timestamp::now().millis();
            let tokens = revoked_tokens::table.filter(revoked_tokens::expires_at.lt(now));
            diesel::delete(tokens).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The maximum of alarms that one call prunes.
    pub(crate) const PRUNE_BATCH: usize = 500;
}

/// Prunes one batch. Only a prefix of the log is pruned, so a single id separates expired cursors from valid ones.
fn prune_batch(connection: &mut DbConnection, cutoff: i64) -> Result<Vec<Gone>, StoreError> {
    let pruned_up_to = lock_head(connection)?.pruned_up_to;
    let oldest = alarms::table
        .filter(alarms::id.gt(pruned_up_to))
        .order(alarms::id.asc())
        .limit(limit(Store::PRUNE_BATCH))
        .select((alarms::id, alarms::topic, alarms::created_at))
        .load::<(i64, String, i64)>(connection)?;
    let old = oldest.into_iter().take_while(|(_, _, made)| *made < cutoff);
    let old = old.map(|(id, topic, _)| {
        Ok(Gone {
            id: AlarmId(id),
            topic: stored_topic(topic)?,
        })
    });
    let old: Vec<Gone> = old.collect::<Result<_, StoreError>>()?;
    let Some(last) = old.last().map(|alarm| alarm.id.0) else {
        return Ok(old);
    };
    diesel::delete(alarms::table.filter(alarms::id.le(last))).execute(connection)?;
    diesel::update(log_head::table)
        .set(log_head::pruned_up_to.eq(last))
        .execute(connection)?;
    Ok(old)
}

/// Deletes one batch of receipts of pruned alarms.
fn prune_receipts(connection: &mut DbConnection) -> Result<usize, StoreError> {
    let pruned_up_to = log_head::table
        .select(log_head::pruned_up_to)
        .get_result::<i64>(connection)?;
    let oldest = receipts::table
        .filter(receipts::alarm_id.le(pruned_up_to))
        .order((receipts::alarm_id.asc(), receipts::user_id.asc()))
        .limit(limit(RECEIPT_BATCH))
        .select((receipts::alarm_id, receipts::user_id))
        .load::<(i64, String)>(connection)?;
    let Some((alarm_id, user_id)) = oldest.last() else {
        return Ok(0);
    };
    let whole = receipts::table.filter(receipts::alarm_id.lt(*alarm_id));
    diesel::delete(whole).execute(connection)?;
    let part = receipts::table
        .filter(receipts::alarm_id.eq(*alarm_id))
        .filter(receipts::user_id.le(user_id));
    diesel::delete(part).execute(connection)?;
    Ok(oldest.len())
}

/// Deletes one batch of keys created before `stale`.
fn prune_key_batch(connection: &mut DbConnection, stale: i64) -> Result<usize, StoreError> {
    let oldest = idempotency_keys::table
        .filter(idempotency_keys::created_at.lt(stale))
        .order(idempotency_keys::created_at.asc())
        .limit(limit(KEY_BATCH))
        .select(idempotency_keys::created_at)
        .load::<i64>(connection)?;
    let Some(last) = oldest.last() else {
        return Ok(0);
    };
    let keys = idempotency_keys::table.filter(idempotency_keys::created_at.le(*last));
    diesel::delete(keys).execute(connection)?;
    Ok(oldest.len())
}

fn limit(batch: usize) -> i64 {
    i64::try_from(batch).unwrap_or(i64::MAX)
}

/// One batch occupies the writer for a few milliseconds.
const RECEIPT_BATCH: usize = 1_000;

/// Keys have no payload, so more of them fit in a few milliseconds.
const KEY_BATCH: usize = 1_000;
