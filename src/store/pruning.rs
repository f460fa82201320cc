//! Pruning: deletes everything older than the retention time, batch after batch, each in a short transaction of its own, so
//! that publishing goes on beside it.

use std::time::{Duration, Instant};

use diesel::prelude::*;

use crate::alarm::{AlarmId, Timestamp};
use crate::store::append::IDEMPOTENCY_LIFE;
use crate::store::connection::DbConnection;
use crate::store::log::stored_topic;
use crate::store::networks::NETWORK_LIFE;
use crate::store::schema::{
    alarms, idempotency_keys, log_head, receipts, revoked_tokens, sign_in_networks,
};
use crate::store::{Gone, Read, Store, StoreError};

/// One pass of pruning. It remembers the place it has reached: rows that are deleted may stay in an index for a while, and
/// reading over them for each batch would cost more with each batch.
pub(crate) struct Pass {
    alarms_before: i64,
    keys_before: i64,
    tokens_before: i64,
    networks_before: i64,
    stage: Stage,
    pace: Pace,
}

/// The rows that come next.
enum Stage {
    Alarms,
    /// The receipts of pruned alarms, after those of an alarm up to a user. They are never read, so those that a crash leaves
    /// here can wait for the next pass.
    Receipts {
        alarm_id: i64,
        user_id: String,
    },
    /// Idempotency keys made at a time or later.
    Keys(i64),
    /// Revoked tokens that expired at a time or later.
    Tokens(i64),
    /// Networks of sign-ins that were used last at a time or later.
    Networks(i64),
    Done,
}

/// The rows of a batch: as many as a short transaction deletes on this machine.
struct Pace {
    rows: i64,
}

impl Pass {
    /// A pass over everything that is older than `retention` now.
    pub(crate) fn begin(retention: Duration) -> Self {
        let now = Timestamp::now();
        Self {
            alarms_before: now.minus(retention).millis(),
            keys_before: now.minus(IDEMPOTENCY_LIFE).millis(),
            tokens_before: now.millis(),
            networks_before: now.minus(NETWORK_LIFE).millis(),
            stage: Stage::Alarms,
            pace: Pace { rows: FIRST_ROWS },
        }
    }

    /// True if nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// The batch before failed: the next one is smaller.
    pub(crate) fn ease(&mut self) {
        self.pace.ease();
    }
}

impl Pace {
    fn took(&mut self, time: Duration) {
        if time > LONGEST {
            self.ease();
        } else if time < LONGEST / 2 {
            self.rows = (self.rows * 2).min(MOST_ROWS);
        }
    }

    fn ease(&mut self) {
        self.rows = (self.rows / 2).max(LEAST_ROWS);
    }
}

impl Store {
    /// Prunes one batch; returns the alarms in it.
    pub(crate) async fn prune(&self, pass: &mut Pass) -> Result<Vec<Gone>, StoreError> {
        let (mut gone, rows) = (Vec::new(), pass.pace.rows);
        pass.stage = match &pass.stage {
            Stage::Alarms => {
                gone = self
                    .prune_alarms(pass.alarms_before, &mut pass.pace)
                    .await?;
                if gone.is_empty() {
                    Stage::Receipts {
                        alarm_id: 0,
                        user_id: String::new(),
                    }
                } else {
                    Stage::Alarms
                }
            }
            Stage::Receipts { alarm_id, user_id } => {
                let (from, user_id) = (*alarm_id, user_id.clone());
                let next = self.timed(&mut pass.pace, move |connection| {
                    prune_receipts(connection, from, &user_id, rows)
                });
                let next = next.await?;
                next.map_or(Stage::Keys(0), |(alarm_id, user_id)| Stage::Receipts {
                    alarm_id,
                    user_id,
                })
            }
            Stage::Keys(from) => {
                let (from, before) = (*from, pass.keys_before);
                let next = self.timed(&mut pass.pace, move |connection| {
                    prune_keys(connection, from, before, rows)
                });
                next.await?.map_or(Stage::Tokens(0), Stage::Keys)
            }
            Stage::Tokens(from) => {
                let (from, before) = (*from, pass.tokens_before);
                let next = self.timed(&mut pass.pace, move |connection| {
                    prune_tokens(connection, from, before, rows)
                });
                next.await?.map_or(Stage::Networks(0), Stage::Tokens)
            }
            Stage::Networks(from) => {
                let (from, before) = (*from, pass.networks_before);
                let next = self.timed(&mut pass.pace, move |connection| {
                    prune_networks(connection, from, before, rows)
                });
                next.await?.map_or(Stage::Done, Stage::Networks)
            }
            Stage::Done => Stage::Done,
        };
        Ok(gone)
    }

    /// Prunes the oldest alarms. Only a prefix of the log is pruned, so a single id separates expired cursors from valid
    /// ones. The rows are found beside the writer, and the head of the log is changed last, as it is locked until the commit.
    async fn prune_alarms(&self, before: i64, pace: &mut Pace) -> Result<Vec<Gone>, StoreError> {
        let rows = pace.rows;
        let find = move |connection: &mut DbConnection| oldest(connection, before, rows);
        let (pruned_up_to, old) = self.read(Read::Other, find).await?;
        let Some(last) = old.last().map(|alarm| alarm.id.0) else {
            return Ok(old);
        };
        let delete = move |connection: &mut DbConnection| {
            connection.transact(|connection| {
                let batch = alarms::id.gt(pruned_up_to).and(alarms::id.le(last));
                diesel::delete(alarms::table.filter(batch)).execute(connection)?;
                diesel::update(log_head::table.filter(log_head::pruned_up_to.lt(last)))
                    .set(log_head::pruned_up_to.eq(last))
                    .execute(connection)?;
                Ok(())
            })
        };
        self.timed(pace, delete).await?;
        Ok(old)
    }

    /// Does one batch of work and sets the pace by the time it took.
    async fn timed<T, F>(&self, pace: &mut Pace, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let work = move |connection: &mut DbConnection| {
            let begin = Instant::now();
            work(connection).map(|done| (done, begin.elapsed()))
        };
        let (done, time) = self.write(work).await?;
        pace.took(time);
        Ok(done)
    }
}

/// The id up to which alarms are pruned, and the oldest of those above it that are to be.
fn oldest(
    connection: &mut DbConnection,
    before: i64,
    rows: i64,
) -> Result<(i64, Vec<Gone>), StoreError> {
    let pruned_up_to = pruned_up_to(connection)?;
    let oldest = alarms::table
        .filter(alarms::id.gt(pruned_up_to))
        .order(alarms::id.asc())
        .limit(rows)
        .select((alarms::id, alarms::topic, alarms::created_at))
        .load::<(i64, String, i64)>(connection)?;
    let old = oldest.into_iter().take_while(|(_, _, made)| *made < before);
    let old = old.map(|(id, topic, _)| {
        Ok(Gone {
            id: AlarmId(id),
            topic: stored_topic(topic)?,
        })
    });
    Ok((pruned_up_to, old.collect::<Result<_, StoreError>>()?))
}

fn pruned_up_to(connection: &mut DbConnection) -> Result<i64, StoreError> {
    Ok(log_head::table
        .select(log_head::pruned_up_to)
        .get_result::<i64>(connection)?)
}

/// Deletes the next receipts of pruned alarms; returns the last of them. An alarm for everyone has one for each reader, so a
/// batch is a part of an alarm's, or those of the alarms after it.
fn prune_receipts(
    connection: &mut DbConnection,
    alarm_id: i64,
    user_id: &str,
    rows: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let rest = receipts::alarm_id
        .eq(alarm_id)
        .and(receipts::user_id.gt(user_id));
    let users = receipts::table
        .filter(rest)
        .order(receipts::user_id.asc())
        .limit(rows)
        .select(receipts::user_id)
        .load::<String>(connection)?;
    if let Some(last) = users.last() {
        let batch = rest.and(receipts::user_id.le(last));
        diesel::delete(receipts::table.filter(batch)).execute(connection)?;
        return Ok(Some((alarm_id, last.clone())));
    }
    let up_to = pruned_up_to(connection)?;
    let next = receipts::table
        .filter(
            receipts::alarm_id
                .gt(alarm_id)
                .and(receipts::alarm_id.le(up_to)),
        )
        .order((receipts::alarm_id.asc(), receipts::user_id.asc()))
        .limit(rows)
        .select((receipts::alarm_id, receipts::user_id))
        .load::<(i64, String)>(connection)?;
    let Some((last, last_user)) = next.last() else {
        return Ok(None);
    };
    let whole = receipts::alarm_id
        .gt(alarm_id)
        .and(receipts::alarm_id.lt(*last));
    diesel::delete(receipts::table.filter(whole)).execute(connection)?;
    let part = receipts::alarm_id
        .eq(*last)
        .and(receipts::user_id.le(last_user));
    diesel::delete(receipts::table.filter(part)).execute(connection)?;
    Ok(Some((*last, last_user.clone())))
}

/// Deletes the next keys made before a time; returns the time of the last one.
fn prune_keys(
    connection: &mut DbConnection,
    from: i64,
    before: i64,
    rows: i64,
) -> Result<Option<i64>, StoreError> {
    let made = idempotency_keys::created_at;
    let times = idempotency_keys::table
        .filter(made.ge(from).and(made.lt(before)))
        .order(made.asc())
        .limit(rows)
        .select(made)
        .load::<i64>(connection)?;
    if let Some(last) = times.last() {
        let batch = idempotency_keys::table.filter(made.ge(from).and(made.le(*last)));
        diesel::delete(batch).execute(connection)?;
    }
    Ok(times.last().copied())
}

/// Deletes the next revocations of tokens that expired before a time; returns the time of the last one.
fn prune_tokens(
    connection: &mut DbConnection,
    from: i64,
    before: i64,
    rows: i64,
) -> Result<Option<i64>, StoreError> {
    let expired = revoked_tokens::expires_at;
    let times = revoked_tokens::table
        .filter(expired.ge(from).and(expired.lt(before)))
        .order(expired.asc())
        .limit(rows)
        .select(expired)
        .load::<i64>(connection)?;
    if let Some(last) = times.last() {
        let batch = revoked_tokens::table.filter(expired.ge(from).and(expired.le(*last)));
        diesel::delete(batch).execute(connection)?;
    }
    Ok(times.last().copied())
}

/// Deletes the next networks from which nobody signed in since a time; returns the time of the last one.
fn prune_networks(
    connection: &mut DbConnection,
    from: i64,
    before: i64,
    rows: i64,
) -> Result<Option<i64>, StoreError> {
    let used = sign_in_networks::last_at;
    let times = sign_in_networks::table
        .filter(used.ge(from).and(used.lt(before)))
        .order(used.asc())
        .limit(rows)
        .select(used)
        .load::<i64>(connection)?;
    if let Some(last) = times.last() {
        let batch = sign_in_networks::table.filter(used.ge(from).and(used.le(*last)));
        diesel::delete(batch).execute(connection)?;
    }
    Ok(times.last().copied())
}

/// A publisher that waits for a batch waits no longer than for a commit of others.
const LONGEST: Duration = Duration::from_millis(10);

const FIRST_ROWS: i64 = 100;

const LEAST_ROWS: i64 = 10;

const MOST_ROWS: i64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_took_long_makes_the_next_one_smaller() {
        let mut pace = Pace { rows: FIRST_ROWS };

        pace.took(LONGEST * 3);
        assert_eq!(pace.rows, FIRST_ROWS / 2);
        pace.took(LONGEST * 3 / 4);
        assert_eq!(pace.rows, FIRST_ROWS / 2);
        pace.took(LONGEST / 4);
        assert_eq!(pace.rows, FIRST_ROWS);
        for _ in 0..20 {
            pace.ease();
        }
        assert_eq!(pace.rows, LEAST_ROWS);
    }
}
