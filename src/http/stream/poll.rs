//! Polling and long polling: the events there are, or the first that comes, in one JSON answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use actix_web::web::Bytes;
use futures::Stream;

use crate::alarm::{AlarmId, UserId};
use crate::feed::{Events, Opened};
use crate::http::problem::ApiError;
use crate::http::stream::json;
use crate::hub::{EventName, Frame};

/// Answers at once, or at the first event within `wait`.
pub(super) async fn respond(
    opened: Opened,
    wait: Option<Duration>,
    user_id: &UserId,
) -> Result<HttpResponse, ApiError> {
    let Opened {
        mut events,
        cursor,
        gap,
    } = opened;
    events.keep_share();
    let mut batch = Batch::default();
    let gathering = poll_fn(|context| batch.gather(&mut events, wait.is_some(), context));
    // The events gathered by then are the answer. Nothing is lost: the cursor stays before the rest.
    let in_time = tokio::time::timeout(wait.unwrap_or(AT_ONCE), gathering).await;
    if batch.frames.is_empty()
        && let Some(fault) = events.take_fault()
    {
        return Err(fault.into());
    }
    let reached = if batch.more { None } else { events.progress() };
    // The log was not read to its end: there may be more, and the client need not wait for it.
    batch.more |= in_time.is_err() && events.reached().is_none();
    let cursor = batch
        .last_id()
        .into_iter()
        .chain(reached)
        .fold(cursor, AlarmId::max);
    let bytes = batch.body(cursor, gap, user_id);
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store, no-transform"));
    if bytes.len() <= SENT_AT_ONCE {
        return Ok(answer.body(bytes));
    }
    events.finish().await;
    Ok(answer.body(Answer {
        bytes,
        _events: events,
    }))
}

/// The parts of one answer.
#[derive(Default)]
struct Batch {
    frames: Vec<Arc<Frame>>,
    bytes: usize,
    more: bool,
}

impl Batch {
    /// Takes the events that are ready. Done when there is at least one, or when the poll does not wait.
    fn gather(&mut self, events: &mut Events, waits: bool, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match Pin::new(&mut *events).poll_next(context) {
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(frame)) if !belongs(&frame) => {}
                Poll::Ready(Some(_left)) if self.is_full() => {
                    self.more = true;
                    return Poll::Ready(());
                }
                Poll::Ready(Some(frame)) => {
                    self.bytes += frame.data().len();
                    self.frames.push(frame);
                }
                Poll::Pending if events.reached().is_none() => return Poll::Pending,
                Poll::Pending if waits && self.frames.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(()),
            }
        }
    }

    fn is_full(&self) -> bool {
        self.frames.len() == MOST_EVENTS || self.bytes >= MOST_BYTES
    }

    fn last_id(&self) -> Option<AlarmId> {
        self.frames.iter().filter_map(|frame| frame.id()).max()
    }

    /// The JSON of the answer. Each frame is dropped when it is written.
    fn body(self, cursor: AlarmId, gap: bool, user_id: &UserId) -> Bytes {
        let mut body = String::with_capacity(self.bytes + self.frames.len() * 64 + 100);
        body.push_str("{\"events\":[");
        for (place, frame) in self.frames.into_iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            json::write_object(&frame, &mut body);
        }
        body.push_str(&format!(
            "],\"cursor\":{cursor},\"more\":{},\"gap\":{gap},\"userId\":{}}}",
            self.more,
            serde_json::json!(user_id),
        ));
        Bytes::from(body)
    }
}

/// The body of a long answer, in pieces. It holds the subscription, so that the poll counts as one of its user's streams
/// and keeps its share of the memory until the answer is sent.
struct Answer {
    bytes: Bytes,
    _events: Events,
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.bytes.len().min(PIECE);
        Poll::Ready(Some(Ok(self.bytes.split_to(piece))))
    }
}

/// The answer itself says what `connect` and heartbeats say.
fn belongs(frame: &Frame) -> bool {
    !matches!(
        frame.event(),
        EventName::Connect | EventName::Ping | EventName::Comment
    )
}

/// The events of one answer: as many as a page can take in at once; the rest is fetched with the next poll.
const MOST_EVENTS: usize = 1_000;

/// The data of one answer: a thousand ordinary events, or some tens of the largest.
const MOST_BYTES: usize = 1024 * 1024;

/// An answer so short goes into the buffers of the connection as a whole.
const SENT_AT_ONCE: usize = 64 * 1024;

/// The connection asks for more when so much is sent.
const PIECE: usize = 32 * 1024;

/// A poll that does not wait still reads the log; a database slower than this answers with what was read.
const AT_ONCE: Duration = Duration::from_secs(10);
