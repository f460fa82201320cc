//! Where a stream starts: after a cursor the client brought, or now.

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::alarm::AlarmId;
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::hub::{Frame, GoLive, Start, Subscription};

/// Where a client asks to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Now,
    After(AlarmId),
    /// After something that is no id.
    Nonsense,
}

/// Where a stream starts.
pub(super) struct Origin {
    /// Everything up to here is the client's already.
    pub(super) cursor: AlarmId,
    /// Whether the cursor that was asked for lies outside what is kept.
    pub(super) gap: bool,
    pub(super) rest: Rest,
}

/// What lies between the cursor and the first live frame.
pub(super) enum Rest {
    /// These frames; live ones come above this id.
    Known(Vec<Arc<Frame>>, AlarmId),
    /// To be read from the log.
    InLog,
}

impl Asked {
    /// Reads `Last-Event-ID`, or else `cursor`.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = request.headers().get("last-event-id");
        let header = header.and_then(|value| value.to_str().ok());
        let params = Params::of(request.query_string());
        let cursor = header.filter(|text| !text.is_empty());
        match cursor.or_else(|| params.first("cursor")) {
            None => Self::Now,
            Some(text) => match text.trim().parse() {
                Ok(id) => Self::After(AlarmId(id)),
                Err(_not_a_number) => Self::Nonsense,
            },
        }
    }

    /// When the client's topics are to be attached.
    pub(super) fn start(self) -> Start {
        match self {
            Self::After(cursor) => Start::After(cursor),
            Self::Now | Self::Nonsense => Start::Live,
        }
    }
}

impl Origin {
    /// Finds where a subscription starts. A cursor that means nothing here is a gap, never an error; the database is asked
    /// only for one the Broadcaster does not know.
    pub(super) async fn of(
        asked: Asked,
        subscription: &mut Subscription,
        state: &AppState,
    ) -> Result<Self, ApiError> {
        let position = subscription.position();
        let cursor = match (asked, subscription.take_missed()) {
            (Asked::After(cursor), Some(missed)) => {
                return Ok(Self {
                    cursor,
                    gap: false,
                    rest: Rest::Known(missed, position),
                });
            }
            (Asked::After(cursor), None) => cursor,
            (Asked::Now | Asked::Nonsense, _) => {
                return Ok(Self::now(position, asked == Asked::Nonsense));
            }
        };
        let head = state.store.head().await?;
        if (0..=head.last_id).contains(&cursor.0) {
            return Ok(Self {
                cursor,
                gap: cursor.0 < head.pruned_up_to,
                rest: Rest::InLog,
            });
        }
        let attached = state.broadcaster.send(GoLive(subscription.client_id()));
        // A client that was closed meanwhile hears why on its stream.
        Ok(Self::now(attached.await?.unwrap_or(position), true))
    }

    fn now(position: AlarmId, gap: bool) -> Self {
        Self {
            cursor: position,
            gap,
            rest: Rest::Known(Vec::new(), position),
        }
    }
}
