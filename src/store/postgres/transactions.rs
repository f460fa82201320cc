//! Transactions, each with the settings it needs: the session it runs in may be another's a moment later.

use std::num::NonZeroU32;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::{
    Connection, TransactionDepthChange, TransactionManager, TransactionManagerStatus,
};
use diesel::result::Error as DieselError;

/// Begins and ends transactions; one within another is a savepoint.
pub(crate) struct Transactions;

/// The transaction a connection is in.
#[derive(Default)]
pub(crate) struct Transaction {
    status: TransactionManagerStatus,
    /// A statement of it failed: the server would answer a COMMIT with a rollback, and no error.
    failed: bool,
    /// The text that begins it, while the server was told nothing of it.
    unsent: Option<&'static str>,
    /// True if COMMIT goes with the next statement.
    is_last_next: bool,
    /// True if COMMIT went with the last statement, and was answered.
    is_committed: bool,
}

/// The place of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In no transaction.
    Alone,
    /// The first one of a transaction: the text that begins it is sent with it, as it need not be waited for.
    First(&'static str),
    /// In a transaction that has begun.
    Within,
    /// The last one of a transaction: the text that commits it is sent right behind it.
    Last(&'static str),
    /// A transaction of its own whose commit is a promise, and may wait for a standby.
    Whole,
}

impl Place {
    /// The time for all of it, where a statement has `limit`: a COMMIT has as much again, as it may wait for a standby. A transaction of
    /// one statement has half of that, as it waits less long for a lock.
    pub(super) fn within(self, limit: Duration) -> Duration {
        match self {
            Self::Alone | Self::First(_) | Self::Within => limit,
            Self::Whole => limit * 3 / 2,
            Self::Last(_) => limit * 2,
        }
    }
}

impl Transaction {
    /// True if the connection is certainly in no transaction.
    pub(super) fn is_none(&self) -> bool {
        matches!(self.status.transaction_depth(), Ok(None))
    }

    /// The place of the next statement, which is sent now.
    pub(super) fn next(&mut self) -> Place {
        match (self.is_none(), self.unsent.take()) {
            (true, _) if std::mem::take(&mut self.is_last_next) => Place::Whole,
            (true, _) => Place::Alone,
            (false, Some(begin)) => Place::First(begin),
            (false, None) if std::mem::take(&mut self.is_last_next) => Place::Last(COMMIT),
            (false, None) => Place::Within,
        }
    }

    /// Commits with the next statement, if this is no savepoint and nothing has failed.
    pub(super) fn commit_with_next(&mut self) {
        let is_savepoint = self.depth().is_ok_and(|depth| depth > NonZeroU32::new(1));
        self.is_last_next = !is_savepoint && (self.is_none() || !self.failed);
    }

    /// Notes that COMMIT was answered.
    pub(super) fn note_commit(&mut self) {
        self.is_committed = true;
    }

    /// Locks the log where the transaction begins, if it has not begun.
    pub(super) fn lock_log_first(&mut self) -> bool {
        let is_unsent = self.unsent.is_some();
        if is_unsent {
            self.unsent = Some(BEGIN_LOCKED);
        }
        is_unsent
    }

    /// Notes that a statement failed.
    pub(super) fn fail(&mut self) {
        self.failed = true;
        self.is_last_next = false;
    }

    fn depth(&self) -> QueryResult<Option<NonZeroU32>> {
        self.status.transaction_depth()
    }

    /// The depth within a transaction.
    fn inner_depth(&self) -> QueryResult<u32> {
        let depth = self.depth()?.ok_or(DieselError::NotInTransaction)?;
        Ok(depth.get())
    }

    fn change(&mut self, change: TransactionDepthChange) -> QueryResult<()> {
        match &mut self.status {
            TransactionManagerStatus::Valid(valid) => valid.change_transaction_depth(change),
            TransactionManagerStatus::InError => Err(DieselError::BrokenTransactionManager),
        }
    }
}

impl<C: Connection<TransactionManager = Self>> TransactionManager<C> for Transactions {
    type TransactionStateData = Transaction;

    fn begin_transaction(connection: &mut C) -> QueryResult<()> {
        match connection.transaction_state().depth()? {
            None => {
                let transaction = connection.transaction_state();
                transaction.failed = false;
                transaction.unsent = Some(BEGIN);
            }
            Some(depth) => connection.batch_execute(&format!("SAVEPOINT level_{depth}"))?,
        }
        connection
            .transaction_state()
            .change(TransactionDepthChange::IncreaseDepth)
    }

    fn rollback_transaction(connection: &mut C) -> QueryResult<()> {
        let rollback = match connection.transaction_state().inner_depth()? {
            1 => "ROLLBACK".to_owned(),
            depth => format!("ROLLBACK TO SAVEPOINT level_{}", depth - 1),
        };
        end(connection, &rollback)?;
        connection.transaction_state().failed = false;
        Ok(())
    }

    fn commit_transaction(connection: &mut C) -> QueryResult<()> {
        let transaction = connection.transaction_state();
        let depth = transaction.inner_depth()?;
        if transaction.failed {
            Self::rollback_transaction(connection)?;
            return Err(DieselError::BrokenTransactionManager);
        }
        match depth {
            1 => end(connection, COMMIT),
            depth => end(
                connection,
                &format!("RELEASE SAVEPOINT level_{}", depth - 1),
            ),
        }
    }

    fn transaction_manager_status_mut(connection: &mut C) -> &mut TransactionManagerStatus {
        &mut connection.transaction_state().status
    }
}

/// Leaves a transaction or savepoint. A failure costs the connection: what state the server is in is not known.
fn end<C>(connection: &mut C, sql: &str) -> QueryResult<()>
where
    C: Connection<TransactionManager = Transactions>,
{
    let transaction = connection.transaction_state();
    transaction.is_last_next = false;
    let is_unsent = transaction.unsent.take().is_some();
    let is_over = std::mem::take(&mut transaction.is_committed);
    let done = if is_unsent || is_over {
        Ok(())
    } else {
        connection.batch_execute(sql)
    };
    let transaction = connection.transaction_state();
    match done {
        Ok(()) => transaction.change(TransactionDepthChange::DecreaseDepth),
        Err(cause) => {
            transaction.status.set_in_error();
            Err(cause)
        }
    }
}

/// The beginning of each transaction. A commit is a promise, whatever the server's default; the lock on the head of the log needs
/// transactions that see what was committed while they waited for it; and no statement, nor a hub that hangs, holds that lock for
/// long.
macro_rules! begin {
    () => {
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '5s'; \
         SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL synchronous_commit = 'on'"
    };
}

const BEGIN: &str = begin!();

/// Takes the lock that all appends share, with the write that `log::lock_head` takes it with.
const BEGIN_LOCKED: &str = concat!(begin!(), "; UPDATE log_head SET last_id = last_id");

/// A commit may wait for a standby, and no limit ends that wait: one that is cancelled is a commit all the same, of which the
/// standby knows nothing. After a failed statement the server refuses the first command of this text, and reads no further: a COMMIT
/// alone would be answered as if nothing had failed.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";
