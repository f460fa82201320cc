//! Server-Sent Events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::dev::ResponseHead;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse, Responder};
use actix_web_lab::sse::{Data, Event, Sse};
use bytestring::ByteString;
use futures::future::ready as now;
use futures::stream::{iter, once};
use futures::{Stream, StreamExt};

use crate::feed::Events;
use crate::hub::{EventName, Frame};

/// Turns a frame into an event of a dialect; `None` for a frame the dialect leaves out.
pub(crate) type Dialect = fn(&Frame) -> Option<Event>;

/// The answer that carries the events as `/api/stream` shows them.
pub(super) fn respond(events: Events, request: &HttpRequest) -> HttpResponse {
    respond_in(events, None, request)
}

/// The answer that carries the events in another dialect.
pub(crate) fn respond_as(events: Events, dialect: Dialect, request: &HttpRequest) -> HttpResponse {
    respond_in(events, Some(dialect), request)
}

fn respond_in(mut events: Events, dialect: Option<Dialect>, request: &HttpRequest) -> HttpResponse {
    let write = dialect.unwrap_or(event_of);
    let first = events.take_ready().and_then(|frame| write(&frame));
    let mut head = BytesMut::from(retry().as_bytes());
    head.extend_from_slice(&encoded(first));
    let body = FrameBody::new(head.freeze(), events, move |frame| match dialect {
        // Written once for all clients.
        None => frame.written_once(|| encoded(event_of(frame))),
        Some(dialect) => encoded(dialect(frame)),
    });
    empty(request).map_body(|_: &mut ResponseHead, _: BoxBody| BoxBody::new(body))
}

/// The answer that carries finished events.
pub(super) fn respond_with(
    written: impl Stream<Item = Event> + 'static,
    request: &HttpRequest,
) -> HttpResponse {
    let head = once(now(Bytes::from(retry())));
    let chunks = head.chain(written.map(|event| encoded(Some(event))));
    // A chunk without a byte would be the end of the body.
    let chunks = chunks.filter(|bytes| now(!bytes.is_empty()));
    let body = BodyStream::new(chunks.map(Ok::<_, Infallible>));
    empty(request).map_body(|_: &mut ResponseHead, _: BoxBody| BoxBody::new(body))
}

/// The time after which a client comes back: the first line of the first event, as a block of its own would be an event
/// for some parsers. Spread, so that clients cut together do not come back together.
fn retry() -> String {
    format!("retry: {}\n", rand::random_range(2_000..=5_000))
}

/// The head of the answer.
fn empty(request: &HttpRequest) -> HttpResponse {
    let mut response = Sse::from_infallible_stream(iter(None)).respond_to(request);
    let headers = response.headers_mut();
    // It says nothing, and some proxies and clients know no such coding.
    headers.remove(header::CONTENT_ENCODING);
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

/// The body: the stream's own beginning, then frames. A frame without bytes is left out.
pub(crate) struct FrameBody<W> {
    /// Dropped when it is written: most of a stream's life comes after it.
    head: Option<Bytes>,
    events: Events,
    /// Gives the bytes of a frame; dropped after the events.
    write: W,
}

impl<W: Fn(&Frame) -> Bytes> FrameBody<W> {
    /// A body of frames as `write` gives them.
    pub(crate) fn new(head: Bytes, events: Events, write: W) -> Self {
        Self {
            head: Some(head),
            events,
            write,
        }
    }
}

impl<W: Fn(&Frame) -> Bytes + Unpin> MessageBody for FrameBody<W> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        loop {
            let Some(frame) = ready!(self.events.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let bytes = (self.write)(&frame);
            // A chunk without a byte would be the end of the body.
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

/// The bytes of one event, by the encoder of the stream's body. A comment is one line: with an empty one behind it, it would
/// be an event for some parsers.
fn encoded(event: Option<Event>) -> Bytes {
    if matches!(event, Some(Event::Comment(_))) {
        return Bytes::from_static(b":\n");
    }
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

/// The event of the hub's own dialect.
pub(super) fn event_of(frame: &Frame) -> Option<Event> {
    if frame.event() == EventName::Comment {
        return Some(Event::Comment(ByteString::new()));
    }
    Some(named(frame, frame.event().as_str(), frame.data().clone()))
}

/// The last event of a stream that carries nothing else of the hub's; a heartbeat for any other.
pub(super) fn bye(frame: &Frame) -> Option<Event> {
    match frame.event() {
        EventName::Bye => Some(named(frame, "bye", frame.data().clone())),
        _ => Some(Event::Comment(ByteString::new())),
    }
}

/// An event with a name.
pub(crate) fn named(frame: &Frame, name: &'static str, data: ByteString) -> Event {
    numbered(frame, Data::new(data).event(ByteString::from_static(name)))
}

/// An event with the frame's id, if it has one: an empty one would reset the browser's cursor.
pub(crate) fn numbered(frame: &Frame, data: Data) -> Event {
    Event::Data(match frame.id_text() {
        Some(id) => data.id(id.clone()),
        None => data,
    })
}
