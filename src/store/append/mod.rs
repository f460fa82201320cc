//! Appending to the log: a batch of submissions in one commit, with ids in commit order. A repeated request is stored
//! once.

mod failure;
mod repeats;
mod row;
mod submission;
mod unknown;

use std::sync::Arc;

use diesel::prelude::*;

use crate::alarm::{Alarm, AlarmId};
use crate::store::append::failure::AppendFailure;
use crate::store::append::repeats::{Fresh, remember_request, repeated};
use crate::store::append::row::{NewRow, insert_rows};
use crate::store::append::submission::Outcome;
use crate::store::append::unknown::{Unknown, create_recipients};
use crate::store::connection::{DbConnection, native};
use crate::store::log::lock_head;
use crate::store::schema::log_head;
use crate::store::{Store, StoreError};

pub(super) use crate::store::append::repeats::IDEMPOTENCY_LIFE;
pub(crate) use crate::store::append::submission::{Idempotency, Refusal, Stored, Submission};

impl Store {
    /// Appends a batch in one commit. Only the journal calls this, so ids follow the order of its batches.
    pub(crate) async fn append(&self, batch: Vec<Submission>) -> Result<Vec<Outcome>, StoreError> {
        let outcomes = self
            .write_log(move |connection| append_batch(connection, &batch))
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
    let mut last_id = lock_head(connection)?.last_id;
    let unknown = Unknown::find(connection, batch)?;
    let mut rows = Vec::new();
    let mut fresh = Fresh::default();
    let mut outcomes = Vec::with_capacity(batch.len());
    for submission in batch {
        let outcome = match repeated(connection, submission, &fresh)? {
            Some(outcome) => outcome,
            None => match unknown.refusal(submission) {
                Some(refusal) => Err(refusal),
                None => Ok(place(connection, submission, &mut fresh, &mut last_id)?),
            },
        };
        if let Ok(stored) = outcome.as_ref()
            && !stored.repeated
        {
            rows.extend(
                submission
                    .alarms
                    .iter()
                    .zip(&stored.alarms)
                    .map(|(new, alarm)| NewRow::of(new, alarm)),
            );
            create_recipients(connection, submission, &unknown, &mut fresh, last_id)?;
        }
        outcomes.push(outcome);
    }
    insert_rows(connection, &rows)?;
    native!(connection => diesel::update(log_head::table)
        .set(log_head::last_id.eq(last_id))
        .execute(connection))?;
    Ok(outcomes)
}

/// Assigns ids to the alarms of a submission.
fn place(
    connection: &mut DbConnection,
    submission: &Submission,
    fresh: &mut Fresh,
    last_id: &mut i64,
) -> Result<Stored, AppendFailure> {
    let first_id = *last_id + 1;
    let stored: Vec<Arc<Alarm>> = submission
        .alarms
        .iter()
        .map(|alarm| {
            *last_id += 1;
            Arc::new(alarm.clone().stored_as(AlarmId(*last_id)))
        })
        .collect();
    if let Some(idempotency) = &submission.idempotency {
        remember_request(connection, idempotency, first_id, stored.len())?;
    }
    fresh.remember(submission, &stored);
    Ok(Stored {
        alarms: stored,
        repeated: false,
    })
}
