//! Reading updates back: those of exact topics along the index of topics, so that the updates of others cost nothing; those
//! of patterns along the log.

use std::sync::Arc;

use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::alarm::AlarmId;
use crate::alarm::update::{Matcher, Update, UpdateFilter};
use crate::store::connection::{DbConnection, native};
use crate::store::postgres::PostgresConnection;
use crate::store::schema::{mercure_topics, mercure_updates};
use crate::store::updates::row::{Row, hash, hash_of_id};
use crate::store::{Read, Store, StoreError};

/// Some updates, by id.
pub(crate) struct UpdatePage {
    /// The updates.
    pub updates: Vec<Arc<Update>>,
    /// Everything up to this id was read.
    pub read_up_to: AlarmId,
}

/// The id of an update and its size.
#[derive(Queryable, QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
}

/// Ids of the log: those above the first, up to the second.
#[derive(Clone, Copy)]
struct Span {
    after: i64,
    up_to: i64,
}

impl Store {
    /// The next updates after `after` and up to `up_to` that the filter lets through.
    pub(crate) async fn replay_updates(
        &self,
        filter: Arc<UpdateFilter>,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<UpdatePage, StoreError> {
        let span = Span {
            after: after.0,
            up_to: up_to.0,
        };
        self.read(Read::Replay, move |connection| {
            let mut page = page(connection, hashes(&filter).as_deref(), span)?;
            page.updates.retain(|update| filter.lets_through(update));
            Ok(page)
        })
        .await
    }

    /// The next updates after `after` and up to `up_to`, for the Journal, which does not wait for the replays of clients.
    pub(crate) async fn missed_updates(
        &self,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<UpdatePage, StoreError> {
        self.metrics.store_read(Read::Replay.label());
        let lane = self.journal.as_ref().unwrap_or(&self.readers);
        let span = Span {
            after: after.0,
            up_to: up_to.0,
        };
        lane.run(move |connection| page(connection, None, span))
            .await
    }

    /// The position of the first update with an id that clients see; if there is none, of the first whose id has spaces around it
    /// in addition.
    pub(crate) async fn position_of_update(
        &self,
        external_id: String,
    ) -> Result<Option<AlarmId>, StoreError> {
        self.read(Read::Other, move |connection| {
            let hash = mercure_updates::external_hash.eq(hash_of_id(&external_id));
            let found = mercure_updates::table
                .filter(hash)
                .select(min(mercure_updates::id));
            let whole = found.filter(mercure_updates::external_id.eq(&external_id));
            let id = native!(connection => whole.get_result::<Option<i64>>(connection))?;
            if id.is_some() {
                return Ok(id.map(AlarmId));
            }
            let bare = external_id.trim_matches(' ');
            let spaced = found.filter(trim(mercure_updates::external_id).eq(bare));
            let id = native!(connection => spaced.get_result::<Option<i64>>(connection))?;
            Ok(id.map(AlarmId))
        })
        .await
    }

    /// True if an update is kept.
    pub(crate) async fn has_updates(&self) -> Result<bool, StoreError> {
        self.read(Read::Other, |connection| {
            let id = native!(connection => mercure_updates::table
                .select(min(mercure_updates::id))
                .get_result::<Option<i64>>(connection))?;
            Ok(id.is_some())
        })
        .await
    }
}

/// The text without the spaces around it.
#[diesel::declare_sql_function]
extern "SQL" {
    fn trim(text: Text) -> Text;
}

/// The hashes of the topics, if all matchers are exact.
fn hashes(filter: &UpdateFilter) -> Option<Vec<i64>> {
    let exact = |matcher: &Matcher| match matcher {
        Matcher::Exact(topic) => Some(hash(topic)),
        Matcher::All | Matcher::Pattern(_) => None,
    };
    filter.matchers.iter().map(exact).collect()
}

fn page(
    connection: &mut DbConnection,
    topics: Option<&[i64]>,
    span: Span,
) -> Result<UpdatePage, StoreError> {
    let (sizes, read_up_to) = match topics {
        None => along_the_log(connection, span)?,
        Some(topics) => match connection {
            DbConnection::Postgres(connection) => in_one_trip(connection, topics, span)?,
            DbConnection::Sqlite(connection) => one_by_one(connection, topics, span)?,
        },
    };
    let (ids, read_up_to) = bounded(&sizes, read_up_to);
    if ids.is_empty() {
        return Ok(UpdatePage {
            updates: Vec::new(),
            read_up_to: AlarmId(read_up_to),
        });
    }
    let rows = native!(connection => mercure_updates::table
        .filter(mercure_updates::id.eq_any(&ids))
        .order(mercure_updates::id.asc())
        .load::<Row>(connection))?;
    let updates = rows
        .into_iter()
        .map(|row| Update::try_from(row).map(Arc::new));
    Ok(UpdatePage {
        updates: updates.collect::<Result<_, _>>()?,
        read_up_to: AlarmId(read_up_to),
    })
}

/// The ids that fit into the bytes of a page, at least one, and the id up to which nothing else is left.
fn bounded(sizes: &[Size], read_up_to: i64) -> (Vec<i64>, i64) {
    let mut bytes = 0;
    let mut ids = Vec::new();
    for size in sizes {
        bytes += size.size_bytes;
        if bytes > PAGE_BYTES && !ids.is_empty() {
            let last = ids.last().copied().unwrap_or(read_up_to);
            return (ids, last);
        }
        ids.push(size.id);
    }
    (ids, read_up_to)
}

/// The end of a page of sizes: the last of them if it is full.
fn with_end(sizes: Vec<Size>, span: Span) -> (Vec<Size>, i64) {
    let is_full = i64::try_from(sizes.len()).is_ok_and(|count| count >= PAGE);
    let last = sizes.last().map(|size| size.id);
    let end = last.filter(|_last| is_full).unwrap_or(span.up_to);
    (sizes, end)
}

fn along_the_log(
    connection: &mut DbConnection,
    span: Span,
) -> Result<(Vec<Size>, i64), StoreError> {
    let ids = mercure_updates::id
        .gt(span.after)
        .and(mercure_updates::id.le(span.up_to));
    let sizes = native!(connection => mercure_updates::table
        .filter(ids)
        .order(mercure_updates::id.asc())
        .limit(PAGE)
        .select((mercure_updates::id, mercure_updates::size_bytes))
        .load::<Size>(connection))?;
    Ok(with_end(sizes, span))
}

fn in_one_trip(
    connection: &mut PostgresConnection,
    topics: &[i64],
    span: Span,
) -> Result<(Vec<Size>, i64), StoreError> {
    let sizes = diesel::sql_query(FIRST_OF_TOPICS)
        .bind::<Array<BigInt>, _>(topics)
        .bind::<BigInt, _>(span.after)
        .bind::<BigInt, _>(span.up_to)
        .bind::<BigInt, _>(PAGE)
        .load::<Size>(connection)?;
    Ok(with_end(sizes, span))
}

/// A topic after the other: a statement costs little within the process.
fn one_by_one(
    connection: &mut SqliteConnection,
    topics: &[i64],
    span: Span,
) -> Result<(Vec<Size>, i64), StoreError> {
    let mut ids = Vec::new();
    let mut up_to = span.up_to;
    for topic in topics {
        let found = mercure_topics::table
            .filter(mercure_topics::topic_hash.eq(topic))
            .filter(mercure_topics::update_id.gt(span.after))
            .filter(mercure_topics::update_id.le(up_to))
            .order(mercure_topics::update_id.asc())
            .limit(PAGE)
            .select(mercure_topics::update_id)
            .load::<i64>(connection)?;
        ids.extend(found);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
        if i64::try_from(ids.len()).is_ok_and(|count| count >= PAGE) {
            up_to = ids.last().copied().unwrap_or(up_to);
        }
    }
    if ids.is_empty() {
        return Ok((Vec::new(), span.up_to));
    }
    let sizes = mercure_updates::table
        .filter(mercure_updates::id.eq_any(&ids))
        .order(mercure_updates::id.asc())
        .select((mercure_updates::id, mercure_updates::size_bytes))
        .load::<Size>(connection)?;
    // Ends at the last id that was found, as a row may be pruned in between.
    Ok((sizes, up_to))
}

/// The limit inside of `LATERAL` makes the planner read each topic along its index.
const FIRST_OF_TOPICS: &str = "SELECT sizes.id, sizes.size_bytes FROM (SELECT DISTINCT id FROM (\
     SELECT mine.update_id AS id FROM unnest((SELECT $1)) AS asked (hash) CROSS JOIN LATERAL (\
     SELECT update_id FROM mercure_topics WHERE topic_hash = asked.hash AND update_id > $2 AND update_id <= $3 \
     ORDER BY update_id LIMIT $4) AS mine) AS every ORDER BY id LIMIT $4) AS page CROSS JOIN LATERAL (\
     SELECT id, size_bytes FROM mercure_updates WHERE mercure_updates.id = page.id LIMIT 1) AS sizes ORDER BY sizes.id";

/// The rows of one page: enough to keep the database out of the way, few enough to hold for each connection.
const PAGE: i64 = 250;

/// The bytes of one page: small enough to hold for many clients at once.
const PAGE_BYTES: i64 = 256 * 1024;
