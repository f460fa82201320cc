//! Looks if a database is whole: what the database itself can tell, and what this program relies on.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::store::connection::DbConnection;
use crate::store::{Location, OpenError, StoreError, version};

/// The findings.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The alarms that are stored.
    pub alarms: i64,
    /// The accounts.
    pub accounts: i64,
    /// The last id that was given.
    pub last_id: i64,
    /// The faults; none for a database that is whole.
    pub findings: Vec<String>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// Examines a database without changing it, also beside a running hub.
pub(crate) fn examine_at(location: &Location) -> Result<Report, OpenError> {
    if let Location::Sqlite(path) = location
        && let Err(cause) = std::fs::metadata(path)
    {
        let path = path.clone();
        return Err(OpenError::File { path, cause });
    }
    let mut connection = DbConnection::open(location)?;
    // First of all: anything else may fail on a damaged file.
    if let Some(damaged) = damage(&mut connection)? {
        return Ok(damaged);
    }
    version::check(&mut connection)?;
    Ok(examine_tables(&mut connection)?)
}

/// Examines an open database.
pub(super) fn examine(connection: &mut DbConnection) -> Result<Report, StoreError> {
    match damage(connection)? {
        Some(damaged) => Ok(damaged),
        None => examine_tables(connection),
    }
}

/// The report of a damaged file, in which nothing is counted.
fn damage(connection: &mut DbConnection) -> Result<Option<Report>, StoreError> {
    let findings = integrity(connection)?;
    Ok((!findings.is_empty()).then(|| Report {
        findings,
        ..Report::default()
    }))
}

fn examine_tables(connection: &mut DbConnection) -> Result<Report, StoreError> {
    let mut findings = Vec::new();
    for (query, finding) in RULES {
        let broken = number(connection, query)?;
        if broken > 0 {
            findings.push(format!("{broken} {finding}"));
        }
    }
    Ok(Report {
        alarms: number(connection, "SELECT count(*) AS number FROM alarms")?,
        accounts: number(connection, "SELECT count(*) AS number FROM users")?,
        last_id: number(connection, "SELECT last_id AS number FROM log_head")?,
        findings,
    })
}

/// The faults that SQLite finds in its file. A server checks its own pages.
fn integrity(connection: &mut DbConnection) -> Result<Vec<String>, StoreError> {
    let DbConnection::Sqlite(connection) = connection else {
        return Ok(Vec::new());
    };
    let lines = match diesel::sql_query("PRAGMA integrity_check").load::<Line>(connection) {
        Ok(lines) => lines,
        Err(cause) => return Ok(vec![StoreError::from(cause).text()]),
    };
    let lines = lines.into_iter().map(|line| line.integrity_check);
    Ok(lines.filter(|line| line != "ok").collect())
}

fn number(connection: &mut DbConnection, query: &str) -> Result<i64, StoreError> {
    Ok(diesel::sql_query(query)
        .get_result::<Number>(connection)?
        .number)
}

/// Queries that count what must not be, and the words for it.
const RULES: &[(&str, &str)] = &[
    (
        "SELECT abs(count(*) - 1) AS number FROM log_head",
        "counters of ids too many or too few",
    ),
    (
        "SELECT count(*) AS number FROM alarms WHERE id > (SELECT max(last_id) FROM log_head)",
        "alarms have ids that the counter has not given yet",
    ),
    (
        "SELECT count(*) AS number FROM mercure_updates WHERE id > (SELECT max(last_id) FROM log_head)",
        "updates have ids that the counter has not given yet",
    ),
    (
        "SELECT count(*) AS number FROM alarms WHERE id < 1",
        "alarms have an id below 1",
    ),
    (
        "SELECT count(*) AS number FROM users WHERE role NOT IN ('user', 'service', 'admin')",
        "accounts have an unknown role",
    ),
    (
        "SELECT count(*) AS number FROM users WHERE inbox_start > (SELECT max(last_id) FROM log_head)",
        "accounts have an inbox that begins after the end of the log",
    ),
];
