//! Statements for SQLite that stay prepared. Diesel prepares an `UPDATE` anew each time it runs, which takes SQLite longer than
//! to run it.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;

/// Writes the end of the log as it is, which locks the file until the commit.
#[derive(Debug, QueryId)]
pub(super) struct LockLog;

impl QueryFragment<Sqlite> for LockLog {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE log_head SET last_id = last_id");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for LockLog {}

/// Writes the new end of the log.
#[derive(Debug, QueryId)]
pub(super) struct EndLogAt(pub i64);

impl QueryFragment<Sqlite> for EndLogAt {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE log_head SET last_id = ");
        out.push_bind_param::<BigInt, _>(&self.0)
    }
}

impl RunQueryDsl<SqliteConnection> for EndLogAt {}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::{Connection as _, InstrumentationEvent};

    use super::*;
    use crate::store::Location;
    use crate::store::connection::DbConnection;
    use crate::store::schema::log_head;

    fn database() -> SqliteConnection {
        let mut connection = DbConnection::open(&Location::Sqlite(":memory:".to_owned())).unwrap();
        connection.migrate().unwrap();
        match connection {
            DbConnection::Sqlite(connection) => connection,
            DbConnection::Postgres(_) => unreachable!("it was opened as a file"),
        }
    }

    #[test]
    fn each_statement_is_prepared_once() {
        let mut connection = database();
        let prepared = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&prepared);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                told.lock().unwrap().push(sql.to_owned());
            }
        });

        for time in 0..3 {
            LockLog.execute(&mut connection).unwrap();
            EndLogAt(time).execute(&mut connection).unwrap();
        }

        let prepared = prepared.lock().unwrap();
        let of = |text| prepared.iter().filter(|sql| sql.contains(text)).count();
        assert_eq!(of("SET last_id = last_id"), 1, "{prepared:?}");
        assert_eq!(of("SET last_id = ?"), 1, "{prepared:?}");
        assert_eq!(prepared.len(), 2, "{prepared:?}");
    }

    #[test]
    fn the_end_of_the_log_is_kept_or_set() {
        let mut connection = database();
        let mut end = |statement: &dyn Fn(&mut SqliteConnection) -> QueryResult<usize>| {
            assert_eq!(statement(&mut connection), Ok(1));
            let end = log_head::table.select(log_head::last_id);
            end.get_result::<i64>(&mut connection)
        };

        assert_eq!(end(&|connection| EndLogAt(41).execute(connection)), Ok(41));
        assert_eq!(end(&|connection| LockLog.execute(connection)), Ok(41));
    }
}
