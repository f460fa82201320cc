//! One subscription, from the log to live delivery: its start position, the replay, and the handover to live frames.
//! Every transport and every protocol writes the events it returns.

pub(crate) mod cursor;
mod events;
mod reading;
mod replay;
mod tally;

use std::ops::Range;
use std::sync::Arc;

use actix::Addr;

use crate::alarm::{AlarmId, TopicFilter};
use crate::feed::cursor::{Cursor, Opening, Origin, Rest};
use crate::feed::reading::Reading;
use crate::feed::replay::{Home, Reader, personal};
use crate::hub::{Broadcaster, Frame, NewClient, Pushes, Subscribe, SubscribeError};
use crate::metrics::Metrics;
use crate::store::{Counts, Inbox, Store, StoreError};

pub(crate) use crate::feed::events::Events;
pub(crate) use crate::feed::tally::Manner;

/// The reason why a subscription is refused or ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The Broadcaster refused it.
    #[error(transparent)]
    Refused(#[from] SubscribeError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Broadcaster has ended: the hub is stopping.
    #[error("the hub is stopping")]
    Stopping(#[from] actix::MailboxError),
    /// The Broadcaster forgot the client: its channel says why.
    #[error("the stream was closed meanwhile")]
    Gone,
    /// All memory for replays is taken.
    #[error("too many replays are under way")]
    Overloaded,
}

/// The parts of the hub that a subscription needs.
pub(crate) struct Source {
    /// The log.
    pub store: Store,
    /// The Broadcaster, which delivers the live frames.
    pub broadcaster: Addr<Broadcaster>,
    /// The metrics.
    pub metrics: Metrics,
    /// The recent pushes.
    pub pushes: Pushes,
}

/// An open subscription, before any of its events is written.
pub(crate) struct Opened {
    /// The events.
    pub events: Events,
    /// The id after which it starts.
    pub cursor: AlarmId,
    /// True if the requested cursor lies outside the retained log.
    pub gap: bool,
    /// The counts of the inbox, if they were read on the way.
    pub counts: Option<Counts>,
}

/// Opens a subscription at `cursor`. `inbox` gives the marks of the user on each alarm; the caller that needs its counts says so.
pub(crate) async fn open(
    source: &Arc<Source>,
    client: NewClient,
    cursor: Cursor,
    inbox: Inbox,
    counts_needed: bool,
) -> Result<Opened, FeedError> {
    let filter = Arc::clone(&client.filter);
    let client = NewClient {
        start: cursor.start(),
        ..client
    };
    let mut subscription = source.broadcaster.send(Subscribe(client)).await??;
    let counted = counts_needed.then_some(&inbox);
    let opening = Opening {
        source,
        filter: &filter,
        counted,
    };
    let Origin {
        cursor,
        gap,
        rest,
        counts,
    } = opening.origin(cursor, &mut subscription).await?;
    let home = Home::of(source, inbox.starts());
    let events = match rest {
        Rest::Known(missed, position) => {
            source.metrics.replayed_alarms.inc_by(missed.len() as u64);
            let between = cursor..position;
            let missed = as_seen_by(&source.store, &inbox, &filter, missed, between).await?;
            Events::live(subscription, missed.into(), position, Some(home))
        }
        Rest::InLog(head, first) => {
            let (source, client_id) = (Arc::clone(source), subscription.client_id());
            let reader = Arc::new(Reader::new(source, client_id, inbox, filter));
            let reading = match first {
                Some(first) => Reading::begun(cursor, reader.begun(first, cursor..head)?, reader),
                None => Reading::between(cursor..head, reader),
            };
            Events::replayed(subscription, reading, home)
        }
    };
    Ok(Opened {
        events,
        cursor,
        gap,
        counts,
    })
}

/// Returns shared frames with the marks of the user.
async fn as_seen_by(
    store: &Store,
    inbox: &Inbox,
    filter: &TopicFilter,
    missed: Vec<Arc<Frame>>,
    between: Range<AlarmId>,
) -> Result<Vec<Arc<Frame>>, StoreError> {
    // A subscription to the whole log has no inbox.
    if missed.is_empty() || filter.everything {
        return Ok(missed);
    }
    // A subscriber of the Mercure protocol has no marks.
    if filter.updates.is_some() {
        let predates = |frame: &Frame| frame.as_alarm().is_some_and(|one| inbox.predates(one));
        return Ok(missed
            .into_iter()
            .filter(|frame| !predates(frame))
            .collect());
    }
    let user_id = inbox.user_id().clone();
    let receipts = store.receipts(user_id, between.start, between.end).await?;
    Ok(personal(missed, inbox, &receipts))
}
