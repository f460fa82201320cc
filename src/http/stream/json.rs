//! Events as JSON objects `{"event","id","data"}`: one a line over HTTP (NDJSON), and the form the other transports share.

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

/// One event.
pub(super) fn object(frame: &Frame) -> String {
    let mut object = String::with_capacity(frame.data().len() + 64);
    write_object(frame, &mut object);
    object
}

/// Writes one event. Its data holds no line feed: JSON escapes those in strings, and ours has none between.
pub(super) fn write_object(frame: &Frame, into: &mut String) {
    let event = match frame.event() {
        // Only SSE has comments; elsewhere every heartbeat is one a program can see.
        EventName::Comment => EventName::Ping.as_str(),
        other => other.as_str(),
    };
    into.push_str("{\"event\":\"");
    into.push_str(event);
    into.push_str("\",\"id\":");
    into.push_str(frame.id_text().map_or("null", |id| id));
    into.push_str(",\"data\":");
    into.push_str(frame.data());
    into.push('}');
}
