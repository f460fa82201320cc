//! Server-Sent Events (WHATWG HTML, section 9.2), in the hub's dialect and in the two of the original routes.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ResponseHead;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{Data, Event, Sse};
use bytestring::ByteString;
use futures::stream::iter;
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
pub(super) fn respond(mut events: Events, dialect: Dialect, request: &HttpRequest) -> HttpResponse {
    let first = events.take_ready().and_then(|frame| write(&frame, dialect));
    let head = respond_with(iter(first), request);
    let body = |_: &mut ResponseHead, head: BoxBody| EventStream {
        head: Some(head),
        events,
        dialect,
    };
    head.map_body(body).map_into_boxed_body()
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

/// The body: the stream's own beginning, then frames, each written once for all clients of the hub's dialect.
struct EventStream {
    /// Gone when it is written: most of a stream's life comes after it.
    head: Option<BoxBody>,
    events: Events,
    dialect: Dialect,
}

impl MessageBody for EventStream {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(head) = &mut self.head {
            match ready!(Pin::new(head).poll_next(context)) {
                None => self.head = None,
                some => return Poll::Ready(some),
            }
        }
        loop {
            let Some(frame) = ready!(self.events.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let bytes = match self.dialect {
                Dialect::Hub => frame.written_once(|| encoded(write(&frame, Dialect::Hub))),
                other => encoded(write(&frame, other)),
            };
            // A chunk without a byte would be the end of the body.
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

/// The bytes of one event, by the encoder of the stream's body.
fn encoded(event: Option<Event>) -> Bytes {
    let mut body = pin!(Sse::from_infallible_stream(iter(event)));
    let mut context = Context::from_waker(Waker::noop());
    match body.as_mut().poll_next(&mut context) {
        Poll::Ready(Some(Ok(bytes))) => bytes,
        Poll::Ready(Some(Err(cause))) => {
            // No topic, type or id can break the framing, so this cannot be; a stream must live on all the same.
            log::error!("an event could not be written: {cause}");
            Bytes::new()
        }
        Poll::Ready(None) | Poll::Pending => Bytes::new(),
    }
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
