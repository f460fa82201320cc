//! An append on PostgreSQL in one round trip, for a batch in which nothing has to be decided: all recipients are there, and nothing is
//! repeated. The server finds that out under the lock on the log (`campanile_append` in `migrations/`).

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::alarm::Timestamp;
use crate::store::StoreError;
use crate::store::append::Plan;
use crate::store::append::additions::Additions;
use crate::store::append::failure::AppendFailure;
use crate::store::append::known::{IDEMPOTENCY_LIFE, Named};
use crate::store::append::server::{Parts, column, statement};
use crate::store::append::submission::{Outcome, Submission};
use crate::store::postgres::PostgresConnection;

/// Appends a batch and commits. `None` if something is to be decided, and nothing is stored.
pub(super) fn append(
    connection: &mut PostgresConnection,
    batch: &[Submission],
) -> Result<Option<Vec<Outcome>>, StoreError> {
    let named = Named::by(batch);
    if !is_plain(batch, &named) {
        return Ok(None);
    }
    let mut numbered = Plan::after(0, named.all_there());
    numbered.place_all(batch);
    connection.commit_with_next();
    let before = match asked(&named, &numbered.additions).get_result::<Appended>(connection) {
        Ok(appended) => appended.before,
        Err(cause) => match AppendFailure::from(cause) {
            AppendFailure::Data(_) => None,
            AppendFailure::Whole(cause) => return Err(cause),
        },
    };
    Ok(before.map(|before| Plan::after(before, named.all_there()).place_all(batch)))
}

/// True if a batch is of alarms, and repeats nothing within itself.
fn is_plain(batch: &[Submission], named: &Named<'_>) -> bool {
    let are_alarms = |one: &Submission| !one.alarms.is_empty() && one.updates.is_empty();
    batch
        .iter()
        .all(|one| are_alarms(one) && !one.only_repeated)
        && !named.are_repeated(batch)
}

/// The question to the server, for alarms and requests that are numbered from 1.
fn asked<'a>(named: &'a Named<'_>, additions: &'a Additions<'_>) -> Parts<'a> {
    let Additions {
        alarms, requests, ..
    } = additions;
    let now = Timestamp::now();
    statement(&[APPEND])
        .bind::<Array<Text>, _>(&named.users)
        .bind::<Array<Text>, _>(&named.rooms)
        .bind::<Array<Text>, _>(column(&named.messages, |key| key.0))
        .bind::<Array<Text>, _>(column(&named.messages, |key| key.1))
        .bind::<Array<Text>, _>(column(&named.messages, |key| key.2))
        .bind::<Array<Text>, _>(column(requests, |new| new.publisher))
        .bind::<Array<Text>, _>(column(requests, |new| new.idempotency_key))
        .bind::<Array<Text>, _>(column(requests, |new| new.body_hash))
        .bind::<Array<BigInt>, _>(column(requests, |new| new.first_id))
        .bind::<Array<BigInt>, _>(column(requests, |new| new.alarm_count))
        .bind::<BigInt, _>(now.minus(IDEMPOTENCY_LIFE).millis())
        .bind::<BigInt, _>(now.millis())
        .bind::<Array<Text>, _>(column(alarms, |new| new.topic))
        .bind::<Array<Text>, _>(column(alarms, |new| new.alarm_type))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.from_user_id))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.target_id))
        .bind::<Array<Text>, _>(column(alarms, |new| new.data))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.url))
        .bind::<Array<Nullable<Text>>, _>(column(alarms, |new| new.client_id))
        .bind::<Array<BigInt>, _>(column(alarms, |new| new.created_at))
        .bind::<Array<Nullable<BigInt>>, _>(column(alarms, |new| new.expires_at))
}

#[derive(QueryableByName)]
struct Appended {
    /// The end of the log before the batch.
    #[diesel(sql_type = Nullable<BigInt>)]
    before: Option<i64>,
}

const APPEND: &str = "SELECT campanile_append(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS before";
