//! Signals between the hubs of one PostgreSQL: what is not in the log, kept for a minute and read like the log. The durable truth
//! about rights is in `users` and `revoked_tokens`; a gap between signals means that it has to be read there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::alarm::{AlarmId, UserId};
use crate::store::account_changes::{self, ACCOUNTS};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::signals;
use crate::store::{Read, Store, StoreError};

/// A place in the sequence of signals. Before the first signal there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// The life of the counter: another one after the server crashed or a standby took over.
    incarnation: Option<String>,
    /// The last signal.
    last_id: i64,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Signal {
    id: i64,
    /// The kind. A hub passes over one that it does not know: another version may send it.
    pub kind: String,
    /// The thing it is about.
    pub subject: String,
    /// The rest, as its kind writes it.
    pub detail: String,
}

/// The result of a look at the database.
#[derive(Debug)]
pub(crate) struct Look {
    /// The last alarm of the log.
    pub head: AlarmId,
    /// The server that the log was last written on, as it told; another one may have lost the last rows.
    pub epoch: Option<String>,
    /// The time at which the look began; its result is of that moment.
    pub began: Instant,
    /// The signals since the last look.
    pub signals: Signals,
    /// The place the next look starts after.
    pub position: Position,
    /// True if a hub left signals and did not send them.
    pub unsent: bool,
    /// The start of the server: another one after a restart, or where another server answers.
    pub server: String,
}

/// The signals that a look found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signals {
    /// These, in order.
    Known(Vec<Signal>),
    /// Others may be lost, these are still there.
    Gap(Vec<Signal>),
}

impl Signals {
    /// The accounts of each change that they tell, by the count with this change. After a gap that is not known.
    fn changed_accounts(&self) -> BTreeMap<i64, Vec<UserId>> {
        let Self::Known(signals) = self else {
            return BTreeMap::new();
        };
        let told = signals.iter().filter(|signal| signal.kind == ACCOUNTS);
        told.filter_map(|signal| account_changes::heard(&signal.subject, &signal.detail))
            .collect()
    }
}

/// The ends of the log and of the signals at one moment.
#[derive(Debug, QueryableByName)]
struct Ends {
    #[diesel(sql_type = BigInt)]
    last_id: i64,
    #[diesel(sql_type = BigInt)]
    account_changes: i64,
    #[diesel(sql_type = Nullable<Text>)]
    epoch: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    incarnation: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_signal: Option<i64>,
    #[diesel(sql_type = Bool)]
    unsent: bool,
    #[diesel(sql_type = Text)]
    server: String,
}

impl Ends {
    fn position(self) -> Position {
        Position {
            incarnation: self.incarnation,
            last_id: self.last_signal.unwrap_or_default(),
        }
    }
}

/// The time of the last look whose signals were followed; all clones share it.
#[derive(Clone)]
pub(super) struct Heard {
    at: Arc<Mutex<Option<Instant>>>,
    /// The time at which the database was opened.
    since: Instant,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            at: Arc::default(),
            since: Instant::now(),
        }
    }
}

impl Store {
    /// True if there may be other hubs on this database.
    pub(crate) fn is_shared(&self) -> bool {
        self.looks.is_some()
    }

    /// True if no other hub can have taken a right away that this one does not know of, but for the last moments.
    pub(crate) fn rights_are_known(&self) -> bool {
        !self.is_shared() || self.heard.is_fresh(Instant::now())
    }

    /// The time since the database answered a look; none if this hub shares it with nobody.
    pub(crate) fn unheard_for(&self) -> Duration {
        match self.is_shared() {
            true => self.heard.unheard_for(),
            false => Duration::ZERO,
        }
    }

    /// Waits until rights are known. `Unavailable` if the other hubs cannot be heard in time.
    pub(crate) async fn wait_for_rights(&self, within: Duration) -> Result<(), StoreError> {
        let end = Instant::now() + within;
        while !self.rights_are_known() {
            if Instant::now() >= end {
                return Err(StoreError::Unavailable(
                    "the other hubs cannot be heard".to_owned(),
                ));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Notes that the signals of a look that began then were followed.
    pub(crate) fn rights_known_since(&self, began: Instant) {
        self.heard.note(began);
    }

    /// The place in the sequence of signals now.
    pub(crate) async fn signal_position(&self) -> Result<Position, StoreError> {
        self.look(|connection| ends(connection).map(Ends::position))
            .await
    }

    /// The signals after a place. The head of the log is read as well: it counts the changes of accounts.
    pub(crate) async fn look_for_signals(&self, after: Position) -> Result<Look, StoreError> {
        let accounts = self.accounts.clone();
        self.look(move |connection| {
            let began = Instant::now();
            let ends = ends(connection)?;
            let account_changes = ends.account_changes;
            let (head, epoch) = (AlarmId(ends.last_id), ends.epoch.clone());
            let (unsent, server) = (ends.unsent, ends.server.clone());
            let now = ends.position();
            let (signals, position) = since(connection, now, after)?;
            accounts.follow(account_changes, began, &signals.changed_accounts());
            Ok(Look {
                head,
                epoch,
                began,
                signals,
                position,
                unsent,
                server,
            })
        })
        .await
    }

    /// Sends the signals that transactions left.
    pub(crate) async fn send_signals(&self) -> Result<(), StoreError> {
        self.tell_others(send_left).await
    }

    /// Tells all hubs something, this one included.
    pub(crate) async fn signal(
        &self,
        kind: &'static str,
        subject: String,
        detail: String,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            native!(connection => diesel::sql_query("SELECT campanile_signal($1, $2, $3)")
                .bind::<Text, _>(kind)
                .bind::<Text, _>(subject)
                .bind::<Text, _>(detail)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// Deletes signals that every hub which is well has read.
    pub(crate) async fn prune_signals(&self) -> Result<(), StoreError> {
        self.ask_others(|connection| {
            native!(connection => diesel::sql_query(PRUNE).execute(connection))?;
            Ok(())
        })
        .await
    }

    /// Works on the connection that is kept for what passes between hubs besides looks and beats: it may wait for locks.
    pub(super) async fn ask_others<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let lane = self.others.as_ref().unwrap_or(&self.writers);
        lane.run(work).await
    }

    /// The same for work after which the bell has to ring.
    pub(super) async fn tell_others<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let lane = self.others.as_ref().unwrap_or(&self.writers);
        self.write_in(lane, work).await
    }

    /// Works on the connection that is kept for looks.
    pub(super) async fn look<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.look_as(Read::Head, work).await
    }

    /// As [`Self::look`], for what is no look at the log.
    pub(super) async fn look_as<T, F>(&self, what: Read, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.metrics.store_read(what.label());
        self.looks.as_ref().unwrap_or(&self.lookups).run(work).await
    }
}

impl Heard {
    fn is_fresh(&self, now: Instant) -> bool {
        let heard = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| now.duration_since(at) < RIGHTS_KNOWN_FOR)
    }

    fn unheard_for(&self) -> Duration {
        let heard = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        heard.unwrap_or(self.since).elapsed()
    }

    fn note(&self, at: Instant) {
        let mut heard = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = Some(heard.map_or(at, |known| known.max(at)));
    }
}

/// Sends what a transaction left, after its commit. If it fails, another hub does, or this one at its next look.
pub(super) fn send_soon(connection: &mut DbConnection) {
    if let Err(cause) = send_left(connection) {
        log::debug!("signals are sent later: {cause}");
    }
}

fn send_left(connection: &mut DbConnection) -> Result<(), StoreError> {
    if let DbConnection::Postgres(connection) = connection {
        diesel::sql_query(SEND).execute(connection)?;
    }
    Ok(())
}

fn ends(connection: &mut DbConnection) -> Result<Ends, StoreError> {
    Ok(native!(connection => diesel::sql_query(ENDS).get_result::<Ends>(connection))?)
}

fn since(
    connection: &mut DbConnection,
    now: Position,
    after: Position,
) -> Result<(Signals, Position), StoreError> {
    if now == after {
        return Ok((Signals::Known(Vec::new()), now));
    }
    // A new counter begins at 1, but the old one may have told more before it was emptied.
    let is_new = now.incarnation != after.incarnation || now.last_id < after.last_id;
    let known = if is_new { 0 } else { after.last_id };
    let found = native!(connection => signals::table
        .filter(signals::id.gt(known))
        .filter(signals::id.le(now.last_id))
        .order(signals::id.asc())
        .limit(MOST_SIGNALS)
        .load::<Signal>(connection))?;
    let dense = found.iter().zip(known + 1..);
    let whole = dense.filter(|(signal, id)| signal.id == *id).count();
    let expected = usize::try_from(now.last_id - known).unwrap_or(usize::MAX);
    if is_new || whole != expected {
        return Ok((Signals::Gap(found), now));
    }
    Ok((Signals::Known(found), now))
}

/// The time for which a hub relies on the rights it knows: less than the second within which a change has to hold everywhere, by as
/// much as an answer may take. Past it, requests ask the database, and nothing is delivered.
pub(super) const RIGHTS_KNOWN_FOR: Duration = Duration::from_millis(750);

/// A fifth of the time between two looks.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A hub that is so far behind reads the truth instead.
const MOST_SIGNALS: i64 = 10_000;

/// One statement, so that both ends are of the same moment, and of one round trip.
const ENDS: &str = "SELECT log.last_id, log.account_changes, log.epoch, signal.incarnation, signal.last_id AS last_signal, \
     EXISTS (SELECT 1 FROM unsent_signals WHERE left_at < now() - interval '200 milliseconds') AS unsent, \
     pg_postmaster_start_time()::text AS server \
     FROM log_head AS log LEFT JOIN signal_head AS signal ON TRUE";

/// Waits for neither the disk nor a standby, as a crash may take signals anyway; and not for long for a transaction that sends.
const SEND: &str = "SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '500ms', true), \
     campanile_send_signals()";

const PRUNE: &str = "WITH answered AS (DELETE FROM answers WHERE created_at < now() - interval '60 seconds'), \
    ended AS (DELETE FROM presence WHERE hub NOT IN (SELECT id FROM hubs)) \
    DELETE FROM signals WHERE created_at < now() - interval '60 seconds'";
