//! Appending to the log: a batch of submissions in one commit, ids in commit order, and each request once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::alarm::{
    Alarm, AlarmId, ClientMessageId, IdempotencyKey, Link, NewAlarm, RoomId, TargetId, Timestamp,
    Topic, TopicKind, UserId,
};
use crate::store::connection::{DbConnection, native};
use crate::store::log::{Row, lock_head};
use crate::store::schema::{alarms, idempotency_keys, log_head, rooms};
use crate::store::users::{self, NewAccount};
use crate::store::{Store, StoreError};

/// What one publisher wants stored: all of it or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// The alarms, in the order they are to have.
    pub alarms: Vec<NewAlarm>,
    /// Given when the same request must not be stored again.
    pub idempotency: Option<Idempotency>,
    /// Whether a recipient without an account gets one instead of a refusal.
    pub create_recipients: bool,
}

/// Recognises a request that comes again.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency {
    /// Who sent it: keys are each publisher's own.
    pub publisher: UserId,
    /// The key he gave.
    pub key: IdempotencyKey,
    /// A digest of the body, so that the same key with another body is noticed.
    pub body_hash: String,
}

/// What became of a submission.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The alarms, with their ids.
    pub alarms: Vec<Arc<Alarm>>,
    /// Whether they were stored by an earlier request, and so published by it.
    pub repeated: bool,
}

/// Why a submission was not stored. The others of its batch are.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// A recipient has no account.
    #[error("there is no user {0}")]
    UnknownUser(UserId),
    /// The room does not exist.
    #[error("there is no room {0}")]
    UnknownRoom(RoomId),
    /// The key was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyMismatch,
    /// The database would not take it, though it took others.
    #[error(transparent)]
    Failed(Arc<StoreError>),
}

type Outcome = Result<Stored, Refusal>;

impl Store {
    /// Appends a batch in one commit. Only the journal calls this: ids follow the order of its batches.
    pub(crate) async fn append(&self, batch: Vec<Submission>) -> Result<Vec<Outcome>, StoreError> {
        self.write(move |connection| append_batch(connection, &batch))
            .await
    }
}

fn append_batch(
    connection: &mut DbConnection,
    batch: &[Submission],
) -> Result<Vec<Outcome>, StoreError> {
    let whole = connection.transact(|connection| append_locked(connection, batch));
    match whole {
        // Something in the data of one submission: alone, each hears its own fate.
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

/// A server is sent many rows at once. In the same process each row by itself is quicker: its statement stays prepared,
/// where one of many rows is another text each time.
fn insert_rows(connection: &mut DbConnection, rows: &[NewRow<'_>]) -> Result<(), AppendFailure> {
    match connection {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(connection) => {
            for some in rows.chunks(ROWS_AN_INSERT) {
                diesel::insert_into(alarms::table)
                    .values(some)
                    .execute(connection)?;
            }
        }
        DbConnection::Sqlite(connection) => {
            for row in rows {
                diesel::insert_into(alarms::table)
                    .values(row)
                    .execute(connection)?;
            }
        }
    }
    Ok(())
}

/// The outcome a submission had before, if it comes again.
fn repeated(
    connection: &mut DbConnection,
    submission: &Submission,
    fresh: &Fresh,
) -> Result<Option<Outcome>, AppendFailure> {
    if let Some(idempotency) = &submission.idempotency {
        return repeated_request(connection, idempotency, fresh);
    }
    match submission.alarms.as_slice() {
        [only] => Ok(repeated_message(connection, only, fresh)?.map(Ok)),
        _ => Ok(None),
    }
}

/// Gives a submission its ids.
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

fn repeated_request(
    connection: &mut DbConnection,
    idempotency: &Idempotency,
    fresh: &Fresh,
) -> Result<Option<Outcome>, AppendFailure> {
    let publisher = idempotency.publisher.as_str();
    let known = native!(connection => idempotency_keys::table
        .find((publisher, idempotency.key.as_str()))
        .get_result::<(String, String, String, i64, i64, i64)>(connection))
    .optional()?;
    let Some((_, _, body_hash, first_id, count, created_at)) = known else {
        return Ok(None);
    };
    if created_at < Timestamp::now().minus(IDEMPOTENCY_LIFE).millis() {
        let stale = idempotency_keys::table.find((publisher, idempotency.key.as_str()));
        diesel::delete(stale).execute(connection)?;
        return Ok(None);
    }
    if body_hash != idempotency.body_hash {
        return Ok(Some(Err(Refusal::IdempotencyMismatch)));
    }
    let mut stored = fresh.request(first_id);
    if stored.is_empty() {
        let rows = alarms::table
            .filter(alarms::id.ge(first_id))
            .filter(alarms::id.lt(first_id + count))
            .order(alarms::id.asc())
            .load::<Row>(connection)?;
        stored = rows
            .into_iter()
            .map(|row| Alarm::try_from(row).map(Arc::new))
            .collect::<Result<_, _>>()?;
    }
    Ok(Some(Ok(Stored {
        alarms: stored,
        repeated: true,
    })))
}

fn repeated_message(
    connection: &mut DbConnection,
    alarm: &NewAlarm,
    fresh: &Fresh,
) -> Result<Option<Stored>, AppendFailure> {
    let (Some(client_id), Some(from)) = (&alarm.client_id, &alarm.from_user_id) else {
        return Ok(None);
    };
    let earlier = match fresh.message(&alarm.topic, from, client_id) {
        Some(stored) => Some(stored),
        None => native!(connection => alarms::table
            .filter(alarms::topic.eq(alarm.topic.as_str()))
            .filter(alarms::from_user_id.eq(from.as_str()))
            .filter(alarms::client_id.eq(client_id.as_str()))
            .get_result::<Row>(connection))
        .optional()?
        .map(|row| Alarm::try_from(row).map(Arc::new))
        .transpose()?,
    };
    Ok(earlier.map(|alarm| Stored {
        alarms: vec![alarm],
        repeated: true,
    }))
}

fn remember_request(
    connection: &mut DbConnection,
    idempotency: &Idempotency,
    first_id: i64,
    count: usize,
) -> Result<(), AppendFailure> {
    native!(connection => diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::publisher.eq(idempotency.publisher.as_str()),
            idempotency_keys::idempotency_key.eq(idempotency.key.as_str()),
            idempotency_keys::body_hash.eq(&idempotency.body_hash),
            idempotency_keys::first_id.eq(first_id),
            idempotency_keys::alarm_count.eq(i64::try_from(count).unwrap_or(i64::MAX)),
            idempotency_keys::created_at.eq(Timestamp::now().millis()),
        ))
        .execute(connection))?;
    Ok(())
}

fn create_recipients(
    connection: &mut DbConnection,
    submission: &Submission,
    unknown: &Unknown,
    fresh: &mut Fresh,
    head: i64,
) -> Result<(), AppendFailure> {
    for alarm in &submission.alarms {
        if let TopicKind::User(id) = alarm.topic.kind()
            && unknown.users.contains(id)
            && fresh.users.insert(id.to_owned())
        {
            users::insert(
                connection,
                &NewAccount::named(UserId::trusted(id.to_owned())),
                head,
            )?;
        }
    }
    Ok(())
}

/// The recipients of a batch that do not exist, looked up once for all of it.
struct Unknown {
    users: HashSet<String>,
    rooms: HashSet<String>,
}

impl Unknown {
    fn find(connection: &mut DbConnection, batch: &[Submission]) -> Result<Self, StoreError> {
        let (mut user_ids, mut room_ids) = (HashSet::new(), HashSet::new());
        for alarm in batch.iter().flat_map(|submission| &submission.alarms) {
            match alarm.topic.kind() {
                TopicKind::User(id) => user_ids.insert(id),
                TopicKind::Room(id) => room_ids.insert(id),
                TopicKind::Everyone | TopicKind::Admins => false,
            };
        }
        let user_ids: Vec<&str> = user_ids.into_iter().collect();
        let users = users::unknown(connection, &user_ids)?.into_iter().collect();
        let mut unknown_rooms = HashSet::new();
        for id in room_ids {
            let there = native!(connection => rooms::table
                .find(id)
                .select(rooms::id)
                .get_result::<String>(connection))
            .optional()?;
            if there.is_none() {
                unknown_rooms.insert(id.to_owned());
            }
        }
        Ok(Self {
            users,
            rooms: unknown_rooms,
        })
    }

    fn refusal(&self, submission: &Submission) -> Option<Refusal> {
        submission
            .alarms
            .iter()
            .find_map(|alarm| match alarm.topic.kind() {
                TopicKind::User(id) if self.users.contains(id) && !submission.create_recipients => {
                    Some(Refusal::UnknownUser(UserId::trusted(id.to_owned())))
                }
                TopicKind::Room(id) if self.rooms.contains(id) => {
                    Some(Refusal::UnknownRoom(RoomId::trusted(id.to_owned())))
                }
                _ => None,
            })
    }
}

/// What this batch stores and a later submission of it may repeat; its rows are inserted only at the end.
#[derive(Default)]
struct Fresh {
    requests: HashMap<i64, Vec<Arc<Alarm>>>,
    messages: HashMap<(Topic, String, String), Arc<Alarm>>,
    users: HashSet<String>,
}

impl Fresh {
    fn remember(&mut self, submission: &Submission, stored: &[Arc<Alarm>]) {
        if submission.idempotency.is_some()
            && let Some(first) = stored.first()
        {
            self.requests.insert(first.id.0, stored.to_vec());
        }
        if let ([new], [alarm]) = (submission.alarms.as_slice(), stored)
            && let (Some(client_id), Some(from)) = (&new.client_id, &new.from_user_id)
        {
            let key = (new.topic.clone(), from.to_string(), client_id.to_string());
            self.messages.insert(key, Arc::clone(alarm));
        }
    }

    fn request(&self, first_id: i64) -> Vec<Arc<Alarm>> {
        self.requests.get(&first_id).cloned().unwrap_or_default()
    }

    fn message(
        &self,
        topic: &Topic,
        from: &UserId,
        client_id: &ClientMessageId,
    ) -> Option<Arc<Alarm>> {
        self.messages
            .get(&(topic.clone(), from.to_string(), client_id.to_string()))
            .cloned()
    }
}

/// Whether a failed append is the fault of one submission's data or of the database.
enum AppendFailure {
    Data(StoreError),
    Whole(StoreError),
}

impl From<DieselError> for AppendFailure {
    fn from(error: DieselError) -> Self {
        let of_data = matches!(
            error,
            DieselError::SerializationError(_)
                | DieselError::DatabaseError(
                    DatabaseErrorKind::UniqueViolation
                        | DatabaseErrorKind::NotNullViolation
                        | DatabaseErrorKind::CheckViolation,
                    _
                )
        );
        let cause = StoreError::from(error);
        if of_data {
            Self::Data(cause)
        } else {
            Self::Whole(cause)
        }
    }
}

impl From<StoreError> for AppendFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Data(error),
            other => Self::Whole(other),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = alarms, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: i64,
    topic: &'a str,
    alarm_type: &'a str,
    from_user_id: Option<&'a str>,
    target_id: Option<&'a str>,
    data: &'a str,
    url: Option<&'a str>,
    client_id: Option<&'a str>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl<'a> NewRow<'a> {
    fn of(new: &'a NewAlarm, stored: &Alarm) -> Self {
        Self {
            id: stored.id.0,
            topic: new.topic.as_str(),
            alarm_type: new.alarm_type.as_str(),
            from_user_id: new.from_user_id.as_ref().map(UserId::as_str),
            target_id: new.target_id.as_ref().map(TargetId::as_str),
            data: new.data.as_json(),
            url: new.url.as_ref().map(Link::as_str),
            client_id: new.client_id.as_ref().map(ClientMessageId::as_str),
            created_at: new.created_at.millis(),
            expires_at: new.expires_at.map(Timestamp::millis),
        }
    }
}

/// Ten columns a row: far under the 65,535 bind variables PostgreSQL allows.
#[cfg(feature = "postgres")]
const ROWS_AN_INSERT: usize = 500;

/// How long a repeated request is recognised.
pub(super) const IDEMPOTENCY_LIFE: Duration = Duration::from_hours(24);
