//! The transport of a stream, by content negotiation on one URL (RFC 9110, section 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::http::problem::ApiError;

/// One of the transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Server-Sent Events: `text/event-stream`.
    EventStream,
    /// HTTP streaming: `application/x-ndjson`.
    Lines,
    /// `Upgrade: websocket`.
    WebSocket,
    /// Polling and long polling: `application/json`.
    Poll,
}

impl Transport {
    /// The transport a request asks for. A client that accepts anything gets Server-Sent Events.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let text = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if text(header::UPGRADE).is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
        {
            return Ok(Self::WebSocket);
        }
        let accept = text(header::ACCEPT).unwrap_or("*/*");
        let mut ranges = accept
            .split(',')
            .filter_map(|range| range.split(';').next());
        ranges
            .find_map(|range| Self::of_range(range.trim()))
            .ok_or(ApiError::NotAcceptable)
    }

    fn of_range(range: &str) -> Option<Self> {
        match range.to_ascii_lowercase().as_str() {
            "" | "*/*" | "text/*" | "text/event-stream" => Some(Self::EventStream),
            "application/x-ndjson" => Some(Self::Lines),
            "application/json" | "application/*" => Some(Self::Poll),
            _ => None,
        }
    }
}
