//! The way a client wants to be told, by content negotiation (RFC 9110, section 12.5.1) on one URL.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::http::body::Params;
use crate::http::error::ApiError;

/// One of the five ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `text/event-stream`.
    EventStream,
    /// `application/x-ndjson`.
    Lines,
    /// `Upgrade: websocket`.
    WebSocket,
    /// `application/json`: at once, or at the first event within this time.
    Poll(Option<Duration>),
}

impl Way {
    /// What a request asks for; a client that says nothing, or takes anything, gets Server-Sent Events.
    pub(super) fn of(request: &HttpRequest, params: &Params) -> Result<Self, ApiError> {
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
        match ranges.find_map(|range| Kind::of(range.trim())) {
            Some(Kind::EventStream) => Ok(Self::EventStream),
            Some(Kind::Lines) => Ok(Self::Lines),
            Some(Kind::Json) => Ok(Self::Poll(wait(params)?)),
            None => Err(ApiError::NotAcceptable),
        }
    }
}

enum Kind {
    EventStream,
    Lines,
    Json,
}

impl Kind {
    fn of(range: &str) -> Option<Self> {
        match range.to_ascii_lowercase().as_str() {
            "" | "*/*" | "text/*" | "text/event-stream" => Some(Self::EventStream),
            "application/x-ndjson" => Some(Self::Lines),
            "application/json" | "application/*" => Some(Self::Json),
            _ => None,
        }
    }
}

fn wait(params: &Params) -> Result<Option<Duration>, ApiError> {
    match params.parsed::<u64>("wait")? {
        None => Ok(None),
        Some(seconds @ 1..=60) => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(ApiError::invalid("wait", "expected 1 to 60 seconds")),
    }
}
