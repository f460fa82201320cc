//! The declared types of alarms. All of them are few, so they are read together.

use diesel::prelude::*;
use serde_json::json;

use crate::alarm::AlarmType;
use crate::alarm::declared::{StoredType, TypeWords};
use crate::store::audit::{self, Actor, Change};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{alarm_type_head, alarm_types};
use crate::store::{Read, Store, StoreError};

/// The row of a type.
#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = alarm_types, treat_none_as_null = true, treat_none_as_default_value = false)]
struct Row {
    alarm_type: String,
    data_schema: Option<String>,
    words: String,
    bytes: i64,
}

/// The result of declaring a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// It was not declared before.
    New,
    /// It was declared before, in these words or in others.
    Again,
    /// There are as many types as there may be.
    TooMany,
    /// All types together are as large as they may be.
    TooLarge,
}

impl Store {
    /// All declared types.
    pub(crate) async fn alarm_types(&self) -> Result<Vec<StoredType>, StoreError> {
        self.read(Read::Other, all).await
    }

    /// All declared types, read on the connection for what other hubs change.
    pub(crate) async fn alarm_types_now(&self) -> Result<Vec<StoredType>, StoreError> {
        self.look_as(Read::Other, all).await
    }

    /// Declares a type, or declares it anew.
    pub(crate) async fn declare_alarm_type(
        &self,
        declared: StoredType,
        by: Actor,
    ) -> Result<Declared, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| declare(connection, &declared, &by))
        })
        .await
    }

    /// Deletes the declaration of a type. False if there is none.
    pub(crate) async fn delete_alarm_type(
        &self,
        alarm_type: AlarmType,
        by: Actor,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            connection.transact(|connection| {
                lock(connection)?;
                let row = alarm_types::table.find(alarm_type.as_str());
                let deleted = diesel::delete(row).execute(connection)?;
                if deleted > 0 {
                    let change = Change {
                        action: "alarm_type.delete",
                        target: alarm_type.as_str(),
                        detail: json!({}),
                    };
                    audit::record(connection, &by, &change)?;
                }
                Ok(deleted > 0)
            })
        })
        .await
    }
}

fn all(connection: &mut DbConnection) -> Result<Vec<StoredType>, StoreError> {
    let rows = native!(connection => alarm_types::table.load::<Row>(connection))?;
    Ok(rows.into_iter().map(StoredType::from).collect())
}

fn declare(
    connection: &mut DbConnection,
    declared: &StoredType,
    by: &Actor,
) -> Result<Declared, StoreError> {
    lock(connection)?;
    let row = Row::from(declared);
    let sizes = alarm_types::table.select((alarm_types::alarm_type, alarm_types::bytes));
    let sizes = native!(connection => sizes.load::<(String, i64)>(connection))?;
    let others = sizes.iter().filter(|(name, _)| *name != row.alarm_type);
    let count = others.clone().count();
    let bytes: i64 = others.map(|(_, bytes)| bytes).sum();
    if count >= MOST_TYPES {
        return Ok(Declared::TooMany);
    }
    if bytes.saturating_add(row.bytes) > MOST_BYTES {
        return Ok(Declared::TooLarge);
    }
    if count < sizes.len() {
        return change(connection, (declared, &row), by);
    }
    diesel::insert_into(alarm_types::table)
        .values(&row)
        .execute(connection)?;
    audit::record(connection, by, &of_type(declared))?;
    Ok(Declared::New)
}

/// Changes a declared type. One that stays as it is leaves no entry in the audit log.
fn change(
    connection: &mut DbConnection,
    (declared, row): (&StoredType, &Row),
    by: &Actor,
) -> Result<Declared, StoreError> {
    let found = alarm_types::table.find(&row.alarm_type);
    let before = native!(connection => found.get_result::<Row>(connection))?;
    if StoredType::from(before) != *declared {
        diesel::update(found).set(row).execute(connection)?;
        audit::record(connection, by, &of_type(declared))?;
    }
    Ok(Declared::Again)
}

/// Locks the row of the counter: on SQLite a transaction that reads first could not be upgraded, and on a server two that declare
/// at the same time would both be the last one.
fn lock(connection: &mut DbConnection) -> Result<(), StoreError> {
    diesel::update(alarm_type_head::table)
        .set(alarm_type_head::changes.eq(alarm_type_head::changes + 1))
        .execute(connection)?;
    Ok(())
}

fn of_type(declared: &StoredType) -> Change<'_> {
    let words = TypeWords::trusted(&declared.words);
    Change {
        action: "alarm_type.declare",
        target: declared.alarm_type.as_str(),
        detail: json!({
            "schema": declared.schema.is_some(),
            "languages": words.languages().collect::<Vec<_>>(),
        }),
    }
}

impl From<&StoredType> for Row {
    fn from(declared: &StoredType) -> Self {
        let schema = declared.schema.as_ref().map_or(0, String::len);
        let bytes = schema + declared.words.len();
        Self {
            alarm_type: declared.alarm_type.to_string(),
            data_schema: declared.schema.clone(),
            words: declared.words.clone(),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        }
    }
}

impl From<Row> for StoredType {
    fn from(row: Row) -> Self {
        Self {
            alarm_type: AlarmType::trusted(row.alarm_type),
            schema: row.data_schema,
            words: row.words,
        }
    }
}

/// More types than a site has. Each hub holds all of them in memory.
pub(crate) const MOST_TYPES: usize = 1_000;

/// The size of all schemas and words together: a hub reads all of them at its start and after a change.
pub(crate) const MOST_BYTES: i64 = 4 * 1024 * 1024;
