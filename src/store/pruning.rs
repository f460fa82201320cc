//! Pruning: deletes everything older than the retention time, batch after batch, each in a short transaction of its own, so
//! that publishing goes on beside it.

mod pace;

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::alarm::{AlarmId, Timestamp};
use crate::store::append::IDEMPOTENCY_LIFE;
use crate::store::connection::DbConnection;
use crate::store::log::stored_topic;
use crate::store::networks::NETWORK_LIFE;
use crate::store::pruning::pace::Pace;
use crate::store::schema::{
    alarms, api_keys, audit_log, idempotency_keys, log_head, receipts, revoked_tokens,
    sign_in_networks,
};
use crate::store::updates::prune_updates;
use crate::store::{Gone, Read, Store, StoreError, signals};

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
    /// Rows of a kind, from a place in their order.
    Rows(Kind, i64),
    Done,
}

/// A kind of rows that are deleted in an order of their own.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Idempotency keys, by the time they were made.
    Keys,
    /// Revoked tokens, by their end.
    Tokens,
    /// Networks of sign-ins, by their last use.
    Networks,
    /// Updates, by their ids.
    Updates,
    /// Entries of the audit log, by time.
    Audit,
    /// API keys that ended, all at once: they are few.
    ApiKeys,
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
            pace: Pace::begin(),
        }
    }

    /// True if nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// The pause before the next batch.
    pub(crate) fn pause(&self) -> Duration {
        self.pace.pause(Instant::now())
    }

    /// The batch before failed: the next one is smaller.
    pub(crate) fn ease(&mut self) {
        self.pace.ease();
    }

    /// The time before which rows of a kind are old.
    fn before(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Keys => self.keys_before,
            Kind::Tokens => self.tokens_before,
            Kind::Networks => self.networks_before,
            Kind::Updates | Kind::Audit | Kind::ApiKeys => self.alarms_before,
        }
    }
}

/// Deletes the next rows of a table whose time is earlier than another one; gives the time of the last of them. A column is a type of
/// its own, so this is no function.
macro_rules! by_time {
    ($connection:expr, $table:ident::$column:ident, $from:expr, $before:expr, $rows:expr) => {{
        let time = $table::$column;
        let times = $table::table
            .filter(time.ge($from).and(time.lt($before)))
            .order(time.asc())
            .limit($rows)
            .select(time)
            .load::<i64>($connection)?;
        if let Some(last) = times.last() {
            let batch = $table::table.filter(time.ge($from).and(time.le(*last)));
            diesel::delete(batch).execute($connection)?;
        }
        Ok(times.last().copied())
    }};
}

impl Kind {
    fn next(self) -> Option<Self> {
        match self {
            Self::Keys => Some(Self::Tokens),
            Self::Tokens => Some(Self::Networks),
            Self::Networks => Some(Self::Updates),
            Self::Updates => Some(Self::Audit),
            Self::Audit => Some(Self::ApiKeys),
            Self::ApiKeys => None,
        }
    }

    /// Deletes a batch; returns the place to go on from if there may be more.
    fn prune(
        self,
        connection: &mut DbConnection,
        from: i64,
        before: i64,
        rows: i64,
    ) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Keys => by_time!(connection, idempotency_keys::created_at, from, before, rows),
            Self::Tokens => by_time!(connection, revoked_tokens::expires_at, from, before, rows),
            Self::Networks => by_time!(connection, sign_in_networks::last_at, from, before, rows),
            Self::Updates => prune_updates(connection, from, before, rows),
            Self::Audit => by_time!(connection, audit_log::made_at, from, before, rows),
            Self::ApiKeys => prune_api_keys(connection, before),
        }
    }
}

impl Store {
    /// Prunes one batch; returns the alarms in it.
    pub(crate) async fn prune(&self, pass: &mut Pass) -> Result<Vec<Gone>, StoreError> {
        let (mut gone, rows) = (Vec::new(), pass.pace.rows());
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
                next.map_or(Stage::Rows(Kind::Keys, 0), |(alarm_id, user_id)| {
                    Stage::Receipts { alarm_id, user_id }
                })
            }
            Stage::Rows(kind, from) => {
                let (kind, from, before) = (*kind, *from, pass.before(*kind));
                let next = self.timed(&mut pass.pace, move |connection| {
                    kind.prune(connection, from, before, rows)
                });
                match next.await? {
                    Some(from) => Stage::Rows(kind, from),
                    None => kind.next().map_or(Stage::Done, |kind| Stage::Rows(kind, 0)),
                }
            }
            Stage::Done => Stage::Done,
        };
        Ok(gone)
    }

    /// Prunes the oldest alarms. Only a prefix of the log is pruned, so a single id separates expired cursors from valid
    /// ones. The rows are found beside the writer, and the head of the log is changed last, as it is locked until the commit,
    /// which does not wait for the disk of a server: what a crash brings back is pruned again.
    /// The batch is left for the streams of all hubs: after the commit no other hub can read what was in it.
    async fn prune_alarms(&self, before: i64, pace: &mut Pace) -> Result<Vec<Gone>, StoreError> {
        let rows = pace.rows();
        let find = move |connection: &mut DbConnection| oldest(connection, before, rows);
        let (pruned_up_to, head, old) = self.read(Read::Other, find).await?;
        pace.saw(head);
        let Some(last) = old.last().map(|alarm| alarm.id.0) else {
            return Ok(old);
        };
        let left = old.clone();
        let delete = move |connection: &mut DbConnection| {
            let time = delete(connection, pruned_up_to, last, &left);
            signals::send_soon(connection);
            time
        };
        let time = self.write(delete).await?;
        self.set_pace(pace, time);
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
        self.set_pace(pace, time);
        Ok(done)
    }

    fn set_pace(&self, pace: &mut Pace, time: Duration) {
        pace.took(time);
        self.metrics.pruning_seconds.observe(time.as_secs_f64());
    }
}

/// Deletes the alarms between two ids, and tells the time it took. The wait for publishers does not count: a smaller batch would
/// not be shorter by it.
fn delete(
    connection: &mut DbConnection,
    pruned_up_to: i64,
    last: i64,
    left: &[Gone],
) -> Result<Duration, StoreError> {
    let (begin, mut waited) = (Instant::now(), Duration::ZERO);
    connection.transact(|connection| {
        commit_without_the_disk(connection)?;
        let batch = alarms::id.gt(pruned_up_to).and(alarms::id.le(last));
        let rows = diesel::delete(alarms::table.filter(batch)).execute(connection)?;
        // With none, another hub has pruned and told them.
        if rows > 0 {
            leave(connection, left)?;
        }
        let waiting = Instant::now();
        diesel::update(log_head::table.filter(log_head::pruned_up_to.lt(last)))
            .set(log_head::pruned_up_to.eq(last))
            .execute(connection)?;
        waited = waiting.elapsed();
        Ok::<_, StoreError>(())
    })?;
    Ok(begin.elapsed().saturating_sub(waited))
}

/// The id up to which alarms are pruned, the newest id, and the oldest alarms above the first that are to be pruned.
fn oldest(
    connection: &mut DbConnection,
    before: i64,
    rows: i64,
) -> Result<(i64, i64, Vec<Gone>), StoreError> {
    let (pruned_up_to, head) = log_head::table
        .select((log_head::pruned_up_to, log_head::last_id))
        .get_result::<(i64, i64)>(connection)?;
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
    Ok((pruned_up_to, head, old.collect::<Result<_, StoreError>>()?))
}

/// On a server the commit of this transaction does not wait for the disk: publishers wait for it, and after a crash the rows are
/// pruned again.
fn commit_without_the_disk(connection: &mut DbConnection) -> Result<(), StoreError> {
    if let DbConnection::Postgres(connection) = connection {
        connection.batch_execute("SET LOCAL synchronous_commit = off")?;
    }
    Ok(())
}

/// Leaves for all hubs which alarms are gone, as `[id, topic]` each. A file has one hub, which tells its streams itself.
fn leave(connection: &mut DbConnection, old: &[Gone]) -> Result<(), StoreError> {
    let DbConnection::Postgres(connection) = connection else {
        return Ok(());
    };
    let rows: Vec<(i64, &str)> = old
        .iter()
        .map(|alarm| (alarm.id.0, alarm.topic.as_str()))
        .collect();
    let text = serde_json::to_string(&rows)
        .map_err(|cause| StoreError::Broken(format!("a signal could not be written: {cause}")))?;
    diesel::sql_query(LEAVE)
        .bind::<Text, _>(text)
        .execute(connection)?;
    Ok(())
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

/// Deletes the API keys that ended before a time.
fn prune_api_keys(connection: &mut DbConnection, before: i64) -> Result<Option<i64>, StoreError> {
    let ended = api_keys::revoked_at
        .lt(before)
        .or(api_keys::expires_at.lt(before));
    diesel::delete(api_keys::table.filter(ended)).execute(connection)?;
    Ok(None)
}

const LEAVE: &str = "INSERT INTO unsent_signals (kind, subject, detail) VALUES ('pruned', '', $1)";
