//! The row of an alarm, and the insertion of rows.

use diesel::prelude::*;

use crate::alarm::{Alarm, ClientMessageId, Link, NewAlarm, TargetId, Timestamp, UserId};
use crate::store::append::failure::AppendFailure;
use crate::store::connection::DbConnection;
use crate::store::schema::alarms;

#[derive(Insertable)]
#[diesel(table_name = alarms, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
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
    pub(super) fn of(new: &'a NewAlarm, stored: &Alarm) -> Self {
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

/// Inserts the rows. PostgreSQL gets many rows in one statement, which saves round trips. On SQLite one statement for
/// each row is faster, because a prepared statement is reused.
pub(super) fn insert_rows(
    connection: &mut DbConnection,
    rows: &[NewRow<'_>],
) -> Result<(), AppendFailure> {
    match connection {
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

/// A row has ten columns: far below PostgreSQL's limit of 65,535 bind variables.
const ROWS_AN_INSERT: usize = 500;
