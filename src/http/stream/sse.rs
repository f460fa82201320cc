//! Server-Sent Events (WHATWG HTML, section 9.2), in the hub's dialect and in the two of the original routes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{Data, Event, Sse};
use bytestring::ByteString;
use futures::{Stream, StreamExt};
use serde::Serialize;

use crate::alarm::{Alarm, CHAT_MESSAGE, Timestamp, TopicKind};
use crate::http::stream::events::Events;
use crate::hub::{EventName, Frame};

/// Which events a stream shows, and how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/api/stream`.
    Hub,
    /// `/api/main/alarm/sub`.
    OriginalAlarms,
    /// `/room/subscribe`.
    OriginalRooms,
}

/// The answer that carries the events.
pub(super) fn respond(events: Events, dialect: Dialect, request: &HttpRequest) -> HttpResponse {
    let written = events.filter_map(move |frame| std::future::ready(write(&frame, dialect)));
    respond_with(written, request)
}

/// The answer that carries events which are written.
pub(super) fn respond_with(
    written: impl Stream<Item = Event> + 'static,
    request: &HttpRequest,
) -> HttpResponse {
    // Spread, so that clients cut together do not come back together.
    let retry = Duration::from_millis(rand::random_range(2_000..=5_000));
    let mut response = Sse::from_infallible_stream(written)
        .with_retry_duration(retry)
        .respond_to(request);
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

pub(super) fn write(frame: &Arc<Frame>, dialect: Dialect) -> Option<Event> {
    if frame.event() == EventName::Comment {
        return Some(Event::Comment(ByteString::new()));
    }
    match dialect {
        Dialect::Hub => Some(named(frame, frame.event().as_str(), frame.data().clone())),
        Dialect::OriginalAlarms => match frame.event() {
            EventName::Connect => Some(named(
                frame,
                "alarm",
                ByteString::from_static("connect completed"),
            )),
            EventName::Alarm | EventName::Bye => {
                Some(named(frame, frame.event().as_str(), frame.data().clone()))
            }
            // Nothing of this dialect, but a sign of life: what was queued counts as one.
            _ => Some(Event::Comment(ByteString::new())),
        },
        Dialect::OriginalRooms => match frame.event() {
            EventName::Connect => Some(named(
                frame,
                "connect",
                ByteString::from_static("connected!"),
            )),
            EventName::Message => notification(frame),
            EventName::Bye => Some(named(frame, "bye", frame.data().clone())),
            _ => Some(Event::Comment(ByteString::new())),
        },
    }
}

fn named(frame: &Frame, name: &'static str, data: ByteString) -> Event {
    numbered(frame, Data::new(data).event(ByteString::from_static(name)))
}

/// An id only where there is one: an empty one would reset the browser's cursor.
fn numbered(frame: &Frame, data: Data) -> Event {
    Event::Data(match frame.id_text() {
        Some(id) => data.id(id.clone()),
        None => data,
    })
}

/// A room's notification, as the original system wrote it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    room_id: &'a str,
    sender: Option<&'a str>,
    sender_role: Option<String>,
    message: Option<String>,
    created_at: Timestamp,
}

fn notification(frame: &Frame) -> Option<Event> {
    let alarm = frame.as_alarm()?;
    let TopicKind::Room(room_id) = alarm.topic.kind() else {
        return None;
    };
    let notification = Notification {
        kind: if alarm.alarm_type.as_str() == CHAT_MESSAGE {
            "MESSAGE"
        } else {
            "ALARM"
        },
        room_id,
        sender: alarm.from_user_id.as_ref().map(|id| id.as_str()),
        sender_role: text_of(alarm, "senderRole"),
        message: text_of(alarm, "text"),
        created_at: alarm.created_at,
    };
    let json = serde_json::to_string(&notification).ok()?;
    Some(numbered(frame, Data::new(json)))
}

fn text_of(alarm: &Alarm, name: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(alarm.data.as_json()).ok()?;
    data.get(name)?.as_str().map(str::to_owned)
}
