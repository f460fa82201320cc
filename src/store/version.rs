//! The versions of the program that may use a database. The newest migration that an older version cannot work with names the lowest.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::store::connection::DbConnection;
use crate::store::{OpenError, StoreError};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    tables: i64,
}

#[derive(QueryableByName)]
struct Least {
    #[diesel(sql_type = Text)]
    least_version: String,
}

/// Refuses a database that a later version has changed too much for this one.
pub(super) fn check(connection: &mut DbConnection) -> Result<(), OpenError> {
    let Some(least) = least_version(connection)? else {
        return Ok(());
    };
    if parts(&least) > parts(THIS) {
        return Err(OpenError::TooOld { needs: least });
    }
    Ok(())
}

/// `None` for a database that no version has told of yet.
fn least_version(connection: &mut DbConnection) -> Result<Option<String>, StoreError> {
    let tables = match connection {
        DbConnection::Postgres(connection) => {
            diesel::sql_query(TABLES_OF_POSTGRES).get_result::<Found>(connection)
        }
        DbConnection::Sqlite(connection) => {
            diesel::sql_query(TABLES_OF_SQLITE).get_result::<Found>(connection)
        }
    };
    if tables?.tables == 0 {
        return Ok(None);
    }
    let least = diesel::sql_query(LEAST).load::<Least>(connection)?;
    Ok(least.into_iter().next().map(|row| row.least_version))
}

/// The numbers of a version; what is no number counts as zero.
fn parts(version: &str) -> Vec<u64> {
    let parts = version.split('.');
    parts.map(|part| part.parse().unwrap_or_default()).collect()
}

/// The version of this program.
pub(super) const THIS: &str = env!("CARGO_PKG_VERSION");

const TABLES_OF_SQLITE: &str =
    "SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'compatibility'";

const TABLES_OF_POSTGRES: &str =
    "SELECT CASE WHEN to_regclass('compatibility') IS NULL THEN 0 ELSE 1 END::bigint AS tables";

const LEAST: &str = "SELECT least_version FROM compatibility WHERE id = 1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(parts("0.10.0") > parts("0.9.12"));
        assert!(parts("1.0.0") > parts("0.99.99"));
        assert!(parts("0.1.0") <= parts(THIS));
    }
}
