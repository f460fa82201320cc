//! The ids of the log, which are never given twice: not by a server that takes over from another one, nor by one that was restored.
//! A trigger of the database compares the server with the one before at the beginning of each append (`migrations/`,
//! `never_give_an_id_twice`).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::alarm::{Alarm, AlarmId, Timestamp};
use crate::store::connection::{DbConnection, native};
use crate::store::log::Row;
use crate::store::schema::alarms;
use crate::store::{Read, Store, StoreError};

/// Alarms that other hubs stored.
pub(crate) struct Missed {
    /// The alarms, by id.
    pub alarms: Vec<Alarm>,
    /// Everything up to this id was looked at.
    pub read_up_to: AlarmId,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Bool)]
    is_told: bool,
}

impl Store {
    /// Has the counter jump now, if this is another server than the one it was used on before; and not below an id that this hub
    /// has seen. Writes nothing else.
    pub(crate) async fn settle_ids(&self, seen: AlarmId) -> Result<(), StoreError> {
        self.write_log(move |connection| {
            native!(connection => diesel::sql_query(TOUCH).execute(connection))?;
            native!(connection => diesel::sql_query(LIFT)
                .bind::<BigInt, _>(seen.0)
                .execute(connection))?;
            Ok(())
        })
        .await
    }

    /// False if the server refuses to tell which one it is, so that the counter of ids cannot jump when it changes.
    pub(crate) async fn ids_are_kept_unique(&self) -> Result<bool, StoreError> {
        self.look(|connection| {
            let told =
                native!(connection => diesel::sql_query(IS_TOLD).get_result::<Told>(connection))?;
            Ok(told.is_told)
        })
        .await
    }

    /// The next alarms after `after` and up to `up_to`, for the Journal, which does not wait for the replays of clients.
    pub(crate) async fn missed(
        &self,
        after: AlarmId,
        up_to: AlarmId,
    ) -> Result<Missed, StoreError> {
        self.metrics.store_read(Read::Replay.label());
        let lane = self.journal.as_ref().unwrap_or(&self.readers);
        let page = lane
            .run(move |connection| missed(connection, after, up_to))
            .await?;
        // Rows of another hub come this way only.
        for alarm in &page.alarms {
            self.expiry.note(alarm.expires_at);
        }
        Ok(page)
    }
}

/// Follows the primary key, so that it costs nothing to pass over ids that were never given.
fn missed(
    connection: &mut DbConnection,
    after: AlarmId,
    up_to: AlarmId,
) -> Result<Missed, StoreError> {
    let now = Timestamp::now();
    let rows = native!(connection => alarms::table
        .filter(alarms::id.gt(after.0).and(alarms::id.le(up_to.0)))
        .order(alarms::id.asc())
        .limit(PAGE)
        .load::<Row>(connection))?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
    let alarms = rows.into_iter().map(Alarm::try_from);
    let mut alarms: Vec<Alarm> = alarms.collect::<Result<_, _>>()?;
    let last = alarms.last().map(|alarm| alarm.id);
    alarms.retain(|alarm| alarm.expires_at.is_none_or(|expires| expires > now));
    Ok(Missed {
        alarms,
        read_up_to: last.filter(|_last| is_full).unwrap_or(up_to),
    })
}

/// Enough to keep up with several hubs that publish, few enough to hold.
const PAGE: i64 = 250;

/// An update that changes nothing is what the trigger acts on. On the same server there is none, as a commit waits for the standby.
const TOUCH: &str =
    "UPDATE log_head SET last_id = last_id WHERE epoch IS DISTINCT FROM campanile_epoch()";

const LIFT: &str = "UPDATE log_head SET last_id = $1 WHERE last_id < $1";

const IS_TOLD: &str = "SELECT campanile_epoch() IS NOT NULL AS is_told";
