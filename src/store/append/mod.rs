//! Appending to the log: a batch of submissions in one commit, with ids in commit order. A repeated request is stored
//! once.

mod additions;
mod at_once;
mod failure;
mod file;
mod known;
mod server;
mod submission;
mod unwritten;

use std::sync::Arc;

use crate::alarm::update::Update;
use crate::alarm::{AlarmId, TopicKind};
use crate::store::append::additions::{Additions, NewRecipient, NewRequest, NewRow};
use crate::store::append::failure::AppendFailure;
use crate::store::append::known::{Known, Named};
use crate::store::append::submission::Outcome;
use crate::store::append::unwritten::assign;
use crate::store::connection::DbConnection;
use crate::store::log::lock_head;
use crate::store::{Store, StoreError};

pub(super) use crate::store::append::known::IDEMPOTENCY_LIFE;
pub(crate) use crate::store::append::submission::{Idempotency, Refusal, Stored, Submission};
pub(super) use crate::store::append::unwritten::Unwritten;

impl Store {
    /// Appends a batch in one commit. Only the journal calls this, so ids follow the order of its batches.
    pub(crate) async fn append(&self, batch: Vec<Submission>) -> Result<Vec<Outcome>, StoreError> {
        let unwritten = self.unwritten.clone();
        let outcomes = self
            .write_log(move |connection| match unwritten {
                None => append_batch(connection, &batch),
                Some(unwritten) => assign(connection, &unwritten, &batch),
            })
            .await?;
        for alarm in outcomes.iter().flatten().flat_map(|stored| &stored.alarms) {
            self.expiry.note(alarm.expires_at);
        }
        Ok(outcomes)
    }
}

fn append_batch(
    connection: &mut DbConnection,
    batch: &[Submission],
) -> Result<Vec<Outcome>, StoreError> {
    if let DbConnection::Postgres(connection) = connection
        && let Some(outcomes) = at_once::append(connection, batch)?
    {
        return Ok(outcomes);
    }
    let whole = connection.transact(|connection| append_locked(connection, batch));
    match whole {
        // The data of one submission is invalid: each is tried alone, so that the others are stored.
        Err(AppendFailure::Data(_)) if batch.len() > 1 => Ok(batch
            .iter()
            .map(|one| append_alone(connection, one))
            .collect()),
        Err(AppendFailure::Data(cause) | AppendFailure::Whole(cause)) => Err(cause),
        Ok(outcomes) => Ok(outcomes),
    }
}

fn append_alone(connection: &mut DbConnection, submission: &Submission) -> Outcome {
    let outcomes = append_batch(connection, std::slice::from_ref(submission));
    let missing = || {
        Err(Refusal::Failed(Arc::new(StoreError::Broken(
            "an append had no outcome".to_owned(),
        ))))
    };
    match outcomes {
        Ok(outcomes) => outcomes.into_iter().next().unwrap_or_else(missing),
        Err(cause) => Err(Refusal::Failed(Arc::new(cause))),
    }
}

fn append_locked(
    connection: &mut DbConnection,
    batch: &[Submission],
) -> Result<Vec<Outcome>, AppendFailure> {
    let (known, last_id) = lock_and_look_up(connection, batch)?;
    let mut plan = Plan::after(last_id, known);
    let outcomes = plan.place_all(batch);
    if plan.additions.last_id > last_id {
        store(connection, plan.additions)?;
    }
    Ok(outcomes)
}

/// Locks the log. Returns what the database has of the things that a batch names, and the last id.
fn lock_and_look_up<'a>(
    connection: &mut DbConnection,
    batch: &'a [Submission],
) -> Result<(Known<'a>, i64), AppendFailure> {
    let named = Named::by(batch);
    if named.is_empty() {
        return Ok((Known::default(), lock_head(connection)?.last_id));
    }
    if let DbConnection::Postgres(connection) = connection
        && connection.lock_log_first()
    {
        return server::find(connection, &named);
    }
    let head = lock_head(connection)?;
    Ok((look_up(connection, &named)?, head.last_id))
}

/// Looks everything up that a batch names.
fn look_up<'a>(
    connection: &mut DbConnection,
    named: &Named<'a>,
) -> Result<Known<'a>, AppendFailure> {
    match connection {
        DbConnection::Postgres(connection) => Ok(server::find(connection, named)?.0),
        DbConnection::Sqlite(connection) => file::find(connection, named),
    }
}

/// Writes the rows of a batch and the new end of the log. On PostgreSQL that commits.
fn store(connection: &mut DbConnection, additions: Additions<'_>) -> Result<(), AppendFailure> {
    match connection {
        DbConnection::Postgres(connection) => server::store(connection, additions),
        DbConnection::Sqlite(connection) => file::store(connection, &additions),
    }
}

/// A batch as it will be stored.
struct Plan<'a> {
    known: Known<'a>,
    additions: Additions<'a>,
}

impl<'a> Plan<'a> {
    fn after(last_id: i64, known: Known<'a>) -> Self {
        let additions = Additions {
            last_id,
            ..Additions::default()
        };
        Self { known, additions }
    }

    fn place_all(&mut self, batch: &'a [Submission]) -> Vec<Outcome> {
        batch.iter().map(|one| self.place(one)).collect()
    }

    fn place(&mut self, submission: &'a Submission) -> Outcome {
        if let Some(outcome) = self.known.repeated(submission) {
            return outcome;
        }
        if submission.only_repeated {
            return Err(Refusal::NotRepeated);
        }
        match self.known.refusal(submission) {
            Some(refusal) => Err(refusal),
            None => Ok(self.add(submission)),
        }
    }

    /// Assigns ids to the alarms of a submission and adds its rows.
    fn add(&mut self, submission: &'a Submission) -> Stored {
        let additions = &mut self.additions;
        let first_id = additions.last_id + 1;
        let mut alarms = Vec::with_capacity(submission.alarms.len());
        for new in &submission.alarms {
            additions.last_id += 1;
            let alarm = new.clone().stored_as(AlarmId(additions.last_id));
            additions.alarms.push(NewRow::of(new, &alarm));
            alarms.push(Arc::new(alarm));
        }
        let mut updates = Vec::with_capacity(submission.updates.len());
        for new in &submission.updates {
            additions.last_id += 1;
            let (id, content) = (AlarmId(additions.last_id), Arc::clone(&new.content));
            updates.push(Arc::new(Update::of(id, content, new.created_at)));
        }
        additions.updates.extend(updates.iter().cloned());
        let requests = submission.idempotency.iter();
        additions
            .requests
            .extend(requests.map(|request| NewRequest::of(request, first_id, alarms.len())));
        for alarm in &submission.alarms {
            if let TopicKind::User(id) = alarm.topic.kind()
                && self.known.add_user(id)
            {
                additions.accounts.push(NewRecipient {
                    id,
                    inbox_start: additions.last_id,
                });
            }
        }
        self.known.remember(submission, &alarms);
        Stored {
            alarms,
            updates,
            repeated: false,
        }
    }
}
