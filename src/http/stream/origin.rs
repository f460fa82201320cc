//! Where a stream starts: after a cursor the client brought, or now.

use actix_web::HttpRequest;

use crate::alarm::AlarmId;
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::hub::Start;

/// Where a stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// The cursor to start after; `None` starts now.
    pub(super) after: Option<AlarmId>,
    /// Whether the cursor that was asked for lies outside what is kept.
    pub(super) gap: bool,
}

impl Origin {
    /// Reads `Last-Event-ID`, or else `cursor`. One that means nothing here is a gap, never an error.
    pub(super) async fn of(request: &HttpRequest, state: &AppState) -> Result<Self, ApiError> {
        let header = request.headers().get("last-event-id");
        let header = header.and_then(|value| value.to_str().ok());
        let params = Params::of(request.query_string());
        let cursor = header.filter(|text| !text.is_empty());
        let Some(text) = cursor.or_else(|| params.first("cursor")) else {
            return Ok(Self {
                after: None,
                gap: false,
            });
        };
        let head = state.store.head().await?;
        let cursor = text.trim().parse::<i64>().ok();
        let cursor = cursor.filter(|cursor| (0..=head.last_id).contains(cursor));
        Ok(Self {
            after: cursor.map(AlarmId),
            gap: cursor.is_none_or(|cursor| cursor < head.pruned_up_to),
        })
    }

    /// When the client's topics are to be attached.
    pub(super) fn start(self) -> Start {
        if self.after.is_some() {
            Start::Replay
        } else {
            Start::Live
        }
    }
}
