//! The updates of an append.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::alarm::update::Update;
use crate::store::postgres::PostgresConnection;
use crate::store::schema::{mercure_topics, mercure_updates};
use crate::store::updates::row::{Row, hash};

/// Writes updates on SQLite: a statement for each row.
pub(in crate::store) fn to_file(
    connection: &mut SqliteConnection,
    updates: &[Arc<Update>],
) -> QueryResult<()> {
    for update in updates {
        diesel::insert_into(mercure_updates::table)
            .values(Row::of(update))
            .execute(connection)?;
        for topic_hash in hashes(update) {
            diesel::insert_into(mercure_topics::table)
                .values((
                    mercure_topics::topic_hash.eq(topic_hash),
                    mercure_topics::update_id.eq(update.id.0),
                ))
                .execute(connection)?;
        }
    }
    Ok(())
}

/// Writes updates on PostgreSQL: one round trip for all of them. A batch without updates has none.
pub(in crate::store) fn to_server(
    connection: &mut PostgresConnection,
    updates: &[Arc<Update>],
) -> QueryResult<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = updates.iter().map(|update| Row::of(update)).collect();
    let topics = || updates.iter().flat_map(|update| pairs(update));
    diesel::sql_query(STORE)
        .bind::<Array<BigInt>, _>(topics().map(|pair| pair.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(topics().map(|pair| pair.1).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.id))
        .bind::<Array<Text>, _>(column(&rows, |row| row.external_id.as_str()))
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.external_hash))
        .bind::<Array<Text>, _>(column(&rows, |row| row.topics.as_str()))
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.private))
        .bind::<Array<Nullable<Text>>, _>(column(&rows, |row| row.event_type.as_deref()))
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.retry))
        .bind::<Array<Text>, _>(column(&rows, |row| row.data.as_str()))
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.size_bytes))
        .bind::<Array<BigInt>, _>(column(&rows, |row| row.created_at))
        .execute(connection)?;
    Ok(())
}

fn column<'a, C>(rows: &'a [Row], of: impl Fn(&'a Row) -> C) -> Vec<C> {
    rows.iter().map(of).collect()
}

fn pairs(update: &Update) -> Vec<(i64, i64)> {
    let id = update.id.0;
    hashes(update).into_iter().map(|hash| (hash, id)).collect()
}

/// The hashes of the topics, each once.
fn hashes(update: &Update) -> BTreeSet<i64> {
    update.content.topics.iter().map(hash).collect()
}

const STORE: &str = "WITH topics AS (INSERT INTO mercure_topics (topic_hash, update_id) SELECT * FROM unnest((SELECT $1), (SELECT $2))) \
     INSERT INTO mercure_updates \
     (id, external_id, external_hash, topics, private, event_type, retry, data, size_bytes, created_at) \
     SELECT * FROM unnest((SELECT $3), (SELECT $4), (SELECT $5), (SELECT $6), (SELECT $7), (SELECT $8), (SELECT $9), (SELECT $10), (SELECT $11), (SELECT $12))";
