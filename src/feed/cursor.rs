//! The position a subscription starts at: after a cursor the client brought, or now.

use std::sync::Arc;

use crate::alarm::{AlarmId, TopicFilter};
use crate::feed::replay::FirstPage;
use crate::feed::{FeedError, Source};
use crate::hub::{Frame, GoLive, Start, Subscription};
use crate::store::{Counts, Head, Inbox, Resumed, StoreError};

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
    /// The frames must be read from the log, which ended here a moment ago. Its first page may have been read already.
    InLog(AlarmId, Option<FirstPage>),
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

/// The parts that are needed to find where a subscription starts.
pub(super) struct Opening<'a> {
    pub(super) source: &'a Source,
    pub(super) filter: &'a Arc<TopicFilter>,
    /// The inbox, if its counts are needed.
    pub(super) counted: Option<&'a Inbox>,
}

/// The answer of the database. It is asked only if the Broadcaster has no frames as old as the cursor.
struct Told {
    head: Head,
    counts: Option<Counts>,
    first: Option<FirstPage>,
}

impl Opening<'_> {
    /// Resolves the position. A cursor outside the log is a gap, never an error. The database is read only if the
    /// Broadcaster does not know the cursor.
    pub(super) async fn origin(
        &self,
        asked: Cursor,
        subscription: &mut Subscription,
    ) -> Result<Origin, FeedError> {
        let position = subscription.position();
        let cursor = match (asked, subscription.take_missed()) {
            (Cursor::After(cursor), Some(missed)) => {
                return Ok(Origin {
                    cursor,
                    gap: false,
                    rest: Rest::Known(missed, position),
                    counts: None,
                });
            }
            (Cursor::After(cursor), None) => cursor,
            (Cursor::Now | Cursor::Invalid, _) => {
                return Ok(Origin::now(position, asked == Cursor::Invalid));
            }
        };
        let Told {
            head,
            counts,
            first,
        } = self.ask(cursor).await?;
        if (0..=head.last_id).contains(&cursor.0) {
            return Ok(Origin {
                cursor,
                gap: cursor.0 < head.pruned_up_to,
                rest: Rest::InLog(AlarmId(head.last_id), first),
                counts,
            });
        }
        drop(first);
        let attached = self.source.broadcaster.send(GoLive {
            client_id: subscription.client_id(),
            after: position,
        });
        // If the client was closed in the meantime, its stream delivers the reason.
        let live_from = attached
            .await?
            .map_or(position, |attached| attached.position);
        Ok(Origin::now(live_from, true))
    }

    /// Asks the database. The counts of an inbox come with the first page, if that can be read at once; else it is read while the
    /// stream is open.
    async fn ask(&self, after: AlarmId) -> Result<Told, FeedError> {
        let store = &self.source.store;
        let Some(inbox) = self.counted else {
            return Ok(Told {
                head: store.head().await?,
                counts: None,
                first: None,
            });
        };
        if let Some(told) = self.ask_with_page(inbox, after).await? {
            return Ok(told);
        }
        let (counts, head) = store.counts_and_head(inbox.clone()).await?;
        Ok(Told {
            head,
            counts: Some(counts),
            first: None,
        })
    }

    /// Returns nothing if other work has to be waited for, if the right to read the page may have been taken away, or if the page
    /// itself cannot be read.
    async fn ask_with_page(
        &self,
        inbox: &Inbox,
        after: AlarmId,
    ) -> Result<Option<Told>, FeedError> {
        let store = &self.source.store;
        let is_inbox = !self.filter.everything && self.filter.updates.is_none();
        if !is_inbox || !store.rights_are_known() {
            return Ok(None);
        }
        let Some(share) = store.turn_now() else {
            return Ok(None);
        };
        let resumed = store.resume(inbox.clone(), Arc::clone(self.filter), after);
        match resumed.await {
            Ok(Resumed { counts, head, page }) => Ok(Some(Told {
                head,
                counts: Some(counts),
                first: Some(FirstPage { page, share }),
            })),
            Err(StoreError::Broken(_cause)) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }
}

impl Origin {
    fn now(position: AlarmId, gap: bool) -> Self {
        Self {
            cursor: position,
            gap,
            rest: Rest::Known(Vec::new(), position),
            counts: None,
        }
    }
}
