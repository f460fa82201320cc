//! The first read for a client that was away for long: the counts of its inbox, both ends of the log and the first page of what it
//! missed. It is one job of one connection, and on PostgreSQL one statement.

use std::sync::Arc;
use std::time::Instant;

use diesel::connection::DefaultLoadingMode;
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Text};

use crate::alarm::{AlarmId, Timestamp, TopicFilter};
use crate::store::connection::DbConnection;
use crate::store::counts::{self, COUNT, Counted, counts};
use crate::store::log::Head;
use crate::store::postgres::PostgresConnection;
use crate::store::replay::{
    self, Joined, PAGE_COLUMNS, Places, REPLAY_PAGE, ReplayPage, Span, joined_page, names,
};
use crate::store::{Counts, Inbox, Read, Store, StoreError};

/// The beginning of a reading.
#[derive(Debug)]
pub(crate) struct Resumed {
    /// The counts of the inbox.
    pub counts: Counts,
    /// Both ends of the log.
    pub head: Head,
    /// The first alarms after the cursor, with the marks of the user.
    pub page: ReplayPage,
}

impl Store {
    /// The counts of an inbox, and the first alarms after `after` that the filter lets through. The page of a cursor outside of the log
    /// means nothing.
    pub(crate) async fn resume(
        &self,
        inbox: Inbox,
        filter: Arc<TopicFilter>,
        after: AlarmId,
    ) -> Result<Resumed, StoreError> {
        let follow = self.follow_accounts();
        let resumed = self
            .read(Read::Replay, move |connection| {
                let began = Instant::now();
                let resumed =
                    connection.together(|connection| resume(connection, &inbox, &filter, after))?;
                follow(resumed.head.account_changes, began);
                Ok(resumed)
            })
            .await?;
        self.note_expiry(&resumed.page);
        Ok(resumed)
    }
}

fn resume(
    connection: &mut DbConnection,
    inbox: &Inbox,
    filter: &TopicFilter,
    after: AlarmId,
) -> Result<Resumed, StoreError> {
    let now = Timestamp::now();
    if let DbConnection::Postgres(server) = connection {
        let (counted, page) = in_one_trip(server, inbox, filter, (after, now))?;
        let (counts, head) = counts::sum(connection, inbox, &counted, now)?;
        return Ok(Resumed { counts, head, page });
    }
    let (counts, head) = counts(connection, inbox, now)?;
    let span = Span {
        after: after.0,
        up_to: head.last_id,
    };
    let (found, receipts) = replay::find(connection, filter, Some(inbox.user_id()), span)?;
    let page = found.into_page(receipts, None)?;
    Ok(Resumed { counts, head, page })
}

/// The counts of each topic, and the page beside those of the first one.
fn in_one_trip(
    connection: &mut PostgresConnection,
    inbox: &Inbox,
    filter: &TopicFilter,
    (after, now): (AlarmId, Timestamp),
) -> Result<(Vec<Counted>, ReplayPage), StoreError> {
    let places = Places {
        topics: "$6",
        after: "$7",
        up_to: "counted.last_id",
        limit: "$8",
        beside: "counted.place = 1",
        user_id: "$1",
    };
    let page = places.page(filter.all_rooms);
    let (topics, starts) = counts::topics_of(inbox);
    let found = diesel::sql_query(format!(
        "SELECT counted.*, {PAGE_COLUMNS} FROM ({COUNT}) AS counted {page} ORDER BY counted.place, alarms.id"
    ));
    let mut found = found
        .bind::<Text, _>(inbox.user_id.as_str())
        .bind::<Array<Text>, _>(topics)
        .bind::<Array<BigInt>, _>(starts)
        .bind::<BigInt, _>(now.millis())
        .bind::<BigInt, _>(counts::MOST_ROWS)
        .bind::<Array<Text>, _>(names(filter))
        .bind::<BigInt, _>(after.0)
        .bind::<BigInt, _>(REPLAY_PAGE)
        .load_iter::<Beside, DefaultLoadingMode>(connection)?
        .peekable();
    let up_to = match found.peek() {
        Some(Ok(first)) => first.counted.last_id,
        // Told below.
        Some(Err(_)) | None => after.0,
    };
    let span = Span {
        after: after.0,
        up_to,
    };
    let mut counted = Vec::with_capacity(inbox.topics.len());
    let mut joined_of = |one: Beside| {
        if one.place > counted.len() {
            counted.push(one.counted);
        }
        one.joined
    };
    let page = joined_page(found.by_ref().map(|one| one.map(&mut joined_of)), span)?;
    // The page may have been full before the last row.
    for one in found {
        joined_of(one?);
    }
    Ok((counted, page))
}

/// One row of a page beside the counts of one topic.
struct Beside {
    /// The place of the topic, from 1.
    place: usize,
    counted: Counted,
    joined: Joined,
}

impl QueryableByName<Pg> for Beside {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let place = NamedRow::get::<BigInt, i64>(row, "place")?;
        Ok(Self {
            place: usize::try_from(place)?,
            counted: QueryableByName::build(row)?,
            joined: QueryableByName::build(row)?,
        })
    }
}
