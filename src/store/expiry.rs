//! Alarms that expire: the time of the next one, and those that expired in a span of time, both by index.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::dsl::min;
use diesel::prelude::*;

use crate::alarm::{AlarmId, Timestamp, Topic};
use crate::store::log::stored_topic;
use crate::store::schema::alarms;
use crate::store::{Read, Store, StoreError};

/// The time of the next expiry that is known, in milliseconds; `NONE` if there is none.
#[derive(Clone)]
pub(super) struct NextExpiry(Arc<AtomicI64>);

/// An alarm that is in no inbox any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Its id.
    pub id: AlarmId,
    /// Its topic.
    pub topic: Topic,
}

impl Gone {
    /// Reads what a signal tells, a JSON array of `[id, topic]`. A topic that this version does not know is passed over.
    pub(crate) fn told(text: &str) -> Vec<Self> {
        let rows: Vec<(i64, String)> = serde_json::from_str(text).unwrap_or_default();
        let gone = rows.into_iter().filter_map(|(id, topic)| {
            Some(Self {
                id: AlarmId(id),
                topic: stored_topic(topic).ok()?,
            })
        });
        gone.collect()
    }
}

/// A place in the order of expiry: a time, and the last id of that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expired {
    at: i64,
    id: i64,
}

impl Expired {
    /// Everything up to a time.
    pub(crate) fn up_to(time: Timestamp) -> Self {
        Self {
            at: time.millis(),
            id: i64::MAX,
        }
    }
}

impl NextExpiry {
    /// Notes that something expires at a time.
    pub(super) fn note(&self, expires_at: Option<Timestamp>) {
        if let Some(time) = expires_at {
            self.0.fetch_min(time.millis(), Ordering::AcqRel);
        }
    }
}

impl Default for NextExpiry {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NONE)))
    }
}

impl Store {
    /// True if an alarm expired since this was last true. Reads no database.
    pub(crate) fn take_expiry(&self, now: Timestamp) -> bool {
        let next = &self.expiry.0;
        let due = next.load(Ordering::Acquire);
        let is_due = due <= now.millis();
        if is_due {
            // An earlier one that is noted just now stays.
            let _taken = next.compare_exchange(due, NONE, Ordering::AcqRel, Ordering::Acquire);
        }
        is_due
    }

    /// Learns the time of the first expiry after `now`.
    pub(crate) async fn find_next_expiry(&self, now: Timestamp) -> Result<(), StoreError> {
        let next = self
            .read(Read::Other, move |connection| {
                Ok(alarms::table
                    .filter(alarms::expires_at.gt(now.millis()))
                    .select(min(alarms::expires_at))
                    .get_result::<Option<i64>>(connection)?)
            })
            .await?;
        self.expiry.note(next.map(Timestamp::from_millis));
        Ok(())
    }

    /// The next alarms that expired after a place and up to a time, and the place reached. None left: an empty list.
    pub(crate) async fn expired(
        &self,
        after: Expired,
        up_to: Timestamp,
    ) -> Result<(Vec<Gone>, Expired), StoreError> {
        self.read(Read::Other, move |connection| {
            let same_time = alarms::expires_at.eq(after.at).and(alarms::id.gt(after.id));
            let rows = alarms::table
                .filter(alarms::expires_at.ge(after.at))
                .filter(alarms::expires_at.le(up_to.millis()))
                .filter(alarms::expires_at.gt(after.at).or(same_time))
                .order((alarms::expires_at.asc(), alarms::id.asc()))
                .limit(EXPIRED_BATCH)
                .select((alarms::id, alarms::topic, alarms::expires_at))
                .load::<(i64, String, Option<i64>)>(connection)?;
            let last = rows.last().and_then(|(id, _, at)| Some((*id, (*at)?)));
            let reached = last.map_or(after, |(id, at)| Expired { at, id });
            let gone = rows.into_iter().map(|(id, topic, _)| {
                Ok(Gone {
                    id: AlarmId(id),
                    topic: stored_topic(topic)?,
                })
            });
            Ok((gone.collect::<Result<_, StoreError>>()?, reached))
        })
        .await
    }
}

const NONE: i64 = i64::MAX;

/// A few milliseconds of one reader.
const EXPIRED_BATCH: i64 = 500;
