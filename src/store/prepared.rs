//! Statements for SQLite that stay prepared. Diesel prepares an `UPDATE`, and a query with a list of values, anew each time
//! it runs, which takes SQLite longer than to run it.

use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::Sqlite;
use serde_json::json;

use crate::store::schema::alarms;

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

/// True for the alarms with these ids. They are one parameter, a JSON array, however many they are.
#[derive(Debug, QueryId)]
pub(super) struct AlarmIsOneOf {
    ids: String,
}

impl AlarmIsOneOf {
    pub(super) fn of(ids: &[i64]) -> Self {
        Self {
            ids: json!(ids).to_string(),
        }
    }
}

impl QueryFragment<Sqlite> for AlarmIsOneOf {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("alarms.id IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.ids)?;
        out.push_sql("))");
        Ok(())
    }
}

impl Expression for AlarmIsOneOf {
    type SqlType = Bool;
}

impl<Group> ValidGrouping<Group> for AlarmIsOneOf {
    type IsAggregate = is_aggregate::Never;
}

impl AppearsOnTable<alarms::table> for AlarmIsOneOf {}

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

    fn store(connection: &mut SqliteConnection, id: i64) {
        let row = (
            alarms::id.eq(id),
            alarms::topic.eq("user:bob"),
            alarms::alarm_type.eq("T"),
            alarms::data.eq("{}"),
            alarms::created_at.eq(0),
        );
        let stored = diesel::insert_into(alarms::table).values(row);
        stored.execute(connection).unwrap();
    }

    fn those_of(connection: &mut SqliteConnection, ids: &[i64]) -> Vec<i64> {
        let found = alarms::table.filter(AlarmIsOneOf::of(ids));
        let found = found.order(alarms::id.asc()).select(alarms::id);
        found.load(connection).unwrap()
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
            those_of(&mut connection, &vec![7; usize::try_from(time).unwrap()]);
        }

        let prepared = prepared.lock().unwrap();
        let of = |text| prepared.iter().filter(|sql| sql.contains(text)).count();
        assert_eq!(of("SET last_id = last_id"), 1, "{prepared:?}");
        assert_eq!(of("SET last_id = ?"), 1, "{prepared:?}");
        assert_eq!(of("json_each"), 1, "{prepared:?}");
        assert_eq!(prepared.len(), 3, "{prepared:?}");
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

    #[test]
    fn alarms_are_found_by_any_number_of_ids() {
        let mut connection = database();
        let large = i64::MAX - 1;
        for id in [1, 2, 3, large] {
            store(&mut connection, id);
        }
        let many: Vec<i64> = (2..=1_000).collect();

        assert!(those_of(&mut connection, &[]).is_empty());
        assert_eq!(those_of(&mut connection, &[3, large, 1, 1]), [1, 3, large]);
        assert_eq!(those_of(&mut connection, &many), [2, 3]);
    }
}
