//! Alarms that time takes, those that expire and those that are pruned, and those that are retracted. The open streams of the users they were for hear of
//! it, with the counts after it.

use std::collections::HashSet;

use futures::{StreamExt, stream};

use crate::actions::inbox::{self, News};
use crate::actions::{AppState, Refusal};
use crate::alarm::{AlarmId, Role, Timestamp, UserId};
use crate::hub::ListAudience;
use crate::store::{Expired, Gone};

/// The expiries that were told.
pub(crate) struct Expiries {
    told: Expired,
    is_known: bool,
}

impl Expiries {
    /// Those that come after this moment: streams that open later hear the counts of their own time.
    pub(crate) fn from_now() -> Self {
        Self {
            told: Expired::up_to(Timestamp::now()),
            is_known: false,
        }
    }

    /// Tells what expired since the last call. The database is asked only if something did.
    pub(crate) async fn tell(&mut self, state: &AppState) -> Result<(), Refusal> {
        let now = Timestamp::now();
        if !state.store.take_expiry(now) && self.is_known {
            return Ok(());
        }
        self.is_known = false;
        loop {
            let (gone, reached) = state.store.expired(self.told, now).await?;
            if gone.is_empty() {
                break;
            }
            tell(state, &gone, Reason::Expired).await?;
            self.told = reached;
        }
        state.store.find_next_expiry(now).await?;
        self.is_known = true;
        Ok(())
    }
}

/// The reason why alarms are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Time took them.
    Expired,
    /// Their publisher retracted them.
    Retracted,
}

/// Tells each user who has an open stream which alarms are gone.
pub(crate) async fn tell(state: &AppState, gone: &[Gone], reason: Reason) -> Result<(), Refusal> {
    let topics: HashSet<_> = gone.iter().map(|alarm| alarm.topic.clone()).collect();
    if topics.is_empty() {
        return Ok(());
    }
    let audience = state.broadcaster.send(ListAudience(topics)).await?;
    let told =
        stream::iter(audience).map(|(user, role)| tell_one(state, user, role, (gone, reason)));
    let outcomes: Vec<_> = told.buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect()
}

async fn tell_one(
    state: &AppState,
    user: UserId,
    role: Role,
    (gone, reason): (&[Gone], Reason),
) -> Result<(), Refusal> {
    let inbox = inbox::of_user(state, user, role).await?;
    let mine = gone
        .iter()
        .filter(|alarm| inbox.holds(&alarm.topic, alarm.id));
    let ids: Vec<AlarmId> = mine.map(|alarm| alarm.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let news = match reason {
        Reason::Expired => News::Expired(ids),
        Reason::Retracted => News::Retracted(ids),
    };
    inbox::tell_streams(state, inbox, Vec::from([news])).await?;
    Ok(())
}

/// As many as the database answers at once.
const AT_ONCE: usize = 8;
