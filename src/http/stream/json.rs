//! Events as JSON objects `{"event","id","data"}`: one a line over HTTP (NDJSON), and the form the other ways share.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures::StreamExt;

use crate::feed::Events;
use crate::http::problem::ApiError;
use crate::hub::{EventName, Frame};

/// The answer that carries one object a line.
pub(super) fn lines(events: Events) -> HttpResponse {
    let lines = events.map(|frame| {
        let mut line = object(&frame);
        line.push('\n');
        Ok::<_, ApiError>(Bytes::from(line))
    });
    HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(lines)
}

/// One event. Its data holds no line feed: JSON escapes those in strings, and ours has none between.
pub(super) fn object(frame: &Frame) -> String {
    let event = match frame.event() {
        // Only SSE has comments; elsewhere every heartbeat is one a program can see.
        EventName::Comment => EventName::Ping.as_str(),
        other => other.as_str(),
    };
    let id = frame.id_text().map_or("null", |id| id);
    format!(
        "{{\"event\":\"{event}\",\"id\":{id},\"data\":{}}}",
        frame.data()
    )
}
