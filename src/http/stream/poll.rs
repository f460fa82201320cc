//! Polling and long polling: the events there are, or the first that comes, in one JSON answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{Version, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, Stream};

use crate::alarm::{AlarmId, UserId};
use crate::feed::{Events, Opened};
use crate::http::problem::ApiError;
use crate::http::stream::json;
use crate::hub::{EventName, Frame};
use crate::server::connections::Late;

/// The answer to a poll.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "it is there for its schema; the answers are written piece by piece"
)]
pub(crate) struct PollAnswer {
    /// The events, oldest first.
    events: Vec<PolledEvent>,
    /// The position to ask for next.
    cursor: AlarmId,
    /// True if there are more events.
    more: bool,
    /// True if the cursor lies outside the retained log.
    gap: bool,
    /// The user whose events they are.
    user_id: UserId,
}

/// An event.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it is there for its schema")]
struct PolledEvent {
    /// Its name.
    event: String,
    /// The position after it; null for an event that is not replayed.
    #[schema(required)]
    id: Option<AlarmId>,
    /// Its data, by its name as in `/api/asyncapi.json`.
    data: serde_json::Value,
}

/// Answers at once, or at the first event within `wait`.
pub(super) async fn respond(
    opened: Opened,
    wait: Option<Duration>,
    user_id: &UserId,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut gathering = Gathering::begin(opened, user_id);
    let end = Instant::now() + wait.unwrap_or(AT_ONCE);
    // HTTP/2 keeps little for a request that waits.
    let can_be_late = wait.is_some() && request.version() < Version::HTTP_2;
    let waits = wait.is_some() && !can_be_late;
    let in_time = gathering.gather(waits, end).await;
    gathering.check()?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store, no-transform"));
    if can_be_late && in_time && gathering.may_wait() {
        answer.extensions_mut().insert(Late::default());
        return Ok(answer.body(LateAnswer::within(gathering, end)));
    }
    let bytes = gathering.answer(in_time);
    if bytes.len() <= SENT_AT_ONCE {
        return Ok(answer.body(bytes));
    }
    gathering.events.finish().await;
    Ok(answer.body(Answer {
        bytes,
        _events: gathering.events,
    }))
}

/// A poll that collects its answer.
struct Gathering {
    events: Events,
    batch: Batch,
    cursor: AlarmId,
    gap: bool,
    user_id: UserId,
}

impl Gathering {
    fn begin(opened: Opened, user_id: &UserId) -> Self {
        let mut events = opened.events;
        events.keep_share();
        Self {
            events,
            batch: Batch::default(),
            cursor: opened.cursor,
            gap: opened.gap,
            user_id: user_id.clone(),
        }
    }

    /// Collects events until the answer is complete, or is to be sent. Nothing is lost then: the cursor stays before the rest.
    async fn gather(&mut self, waits: bool, end: Instant) -> bool {
        let (events, batch) = (&mut self.events, &mut self.batch);
        let complete = poll_fn(|context| batch.gather(events, waits, context));
        tokio::time::timeout_at(end.into(), complete).await.is_ok()
    }

    /// Fails if nothing could be read.
    fn check(&mut self) -> Result<(), ApiError> {
        match self.batch.frames.is_empty() {
            true => self
                .events
                .take_fault()
                .map_or(Ok(()), |fault| Err(fault.into())),
            false => Ok(()),
        }
    }

    /// True if there is nothing to tell yet, and there may be later.
    fn may_wait(&self) -> bool {
        self.batch.frames.is_empty() && self.events.reached().is_some()
    }

    /// The body of the answer.
    fn answer(&mut self, in_time: bool) -> Bytes {
        let mut batch = std::mem::take(&mut self.batch);
        let reached = match batch.more {
            true => None,
            false => self.events.progress(),
        };
        // The log was not read to its end: there may be more, and the client need not wait for it.
        batch.more |= !in_time && self.events.reached().is_none();
        let ids = batch.last_id().into_iter().chain(reached);
        let cursor = ids.fold(self.cursor, AlarmId::max);
        batch.body(cursor, self.gap, &self.user_id)
    }
}

/// The body of an answer that waits for the first event. It is one piece, and holds the subscription until it is sent if it
/// is long.
struct LateAnswer {
    /// `None` once it has answered.
    answer: Option<LocalBoxFuture<'static, (Bytes, Option<Events>)>>,
    _held: Option<Events>,
}

impl LateAnswer {
    fn within(mut gathering: Gathering, end: Instant) -> Self {
        let answer = async move {
            let in_time = gathering.gather(true, end).await;
            if gathering.check().is_err() {
                // The head says that all is well, so the next poll tells of the fault.
                gathering.batch.more = true;
            }
            let bytes = gathering.answer(in_time);
            if bytes.len() <= SENT_AT_ONCE {
                return (bytes, None);
            }
            gathering.events.finish().await;
            (bytes, Some(gathering.events))
        };
        Self {
            answer: Some(answer.boxed_local()),
            _held: None,
        }
    }
}

impl MessageBody for LateAnswer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(None);
        };
        let (bytes, events) = ready!(answer.poll_unpin(context));
        self.answer = None;
        self._held = events;
        Poll::Ready(Some(Ok(bytes)))
    }
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
