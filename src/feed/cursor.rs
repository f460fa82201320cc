//! The position a subscription starts at: after a cursor the client brought, or now.

use std::sync::Arc;

use crate::alarm::AlarmId;
use crate::feed::{FeedError, Source};
use crate::hub::{Frame, GoLive, Start, Subscription};
use crate::store::{Counts, Inbox};

/// The position that a client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// No cursor: the subscription starts now.
    Now,
    /// After an id.
    After(AlarmId),
    /// An invalid id: a gap, and the subscription starts now.
    Invalid,
}

/// The position at which a subscription starts.
pub(crate) struct Origin {
    /// The client has every alarm up to this id.
    pub(crate) cursor: AlarmId,
    /// True if the requested cursor lies outside the retained log.
    pub(crate) gap: bool,
    pub(crate) rest: Rest,
    /// The counts of the inbox, if they were read with the ends of the log.
    pub(crate) counts: Option<Counts>,
}

/// The frames between the cursor and the first live frame.
pub(crate) enum Rest {
    /// The frames; live frames have a higher id.
    Known(Vec<Arc<Frame>>, AlarmId),
    /// The frames must be read from the log, which ended here a moment ago.
    InLog(AlarmId),
}

impl Cursor {
    /// Parses the written form of a position.
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim().parse() {
            Ok(id) => Self::After(AlarmId(id)),
            Err(_not_a_number) => Self::Invalid,
        }
    }

    /// Returns the position at which the client's topics are attached.
    pub(crate) fn start(self) -> Start {
        match self {
            Self::After(cursor) => Start::After(cursor),
            Self::Now | Self::Invalid => Start::Live,
        }
    }
}

impl Origin {
    /// Resolves the position. A cursor outside the log is a gap, never an error. The database is read only if the
    /// Broadcaster does not know the cursor; then an inbox that is given is counted in the same trip.
    pub(super) async fn of(
        asked: Cursor,
        subscription: &mut Subscription,
        source: &Source,
        counted: Option<&Inbox>,
    ) -> Result<Self, FeedError> {
        let position = subscription.position();
        let cursor = match (asked, subscription.take_missed()) {
            (Cursor::After(cursor), Some(missed)) => {
                return Ok(Self {
                    cursor,
                    gap: false,
                    rest: Rest::Known(missed, position),
                    counts: None,
                });
            }
            (Cursor::After(cursor), None) => cursor,
            (Cursor::Now | Cursor::Invalid, _) => {
                return Ok(Self::now(position, asked == Cursor::Invalid));
            }
        };
        let (head, counts) = match counted {
            Some(inbox) => {
                let (counts, head) = source.store.counts_and_head(inbox.clone()).await?;
                (head, Some(counts))
            }
            None => (source.store.head().await?, None),
        };
        if (0..=head.last_id).contains(&cursor.0) {
            return Ok(Self {
                cursor,
                gap: cursor.0 < head.pruned_up_to,
                rest: Rest::InLog(AlarmId(head.last_id)),
                counts,
            });
        }
        let attached = source.broadcaster.send(GoLive(subscription.client_id()));
        // If the client was closed in the meantime, its stream delivers the reason.
        Ok(Self::now(attached.await?.unwrap_or(position), true))
    }

    fn now(position: AlarmId, gap: bool) -> Self {
        Self {
            cursor: position,
            gap,
            rest: Rest::Known(Vec::new(), position),
            counts: None,
        }
    }
}
