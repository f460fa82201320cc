//! Polling and long polling: the events there are, or the first that comes, in one JSON answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use futures::Stream;

use crate::alarm::{AlarmId, UserId};
use crate::feed::{Events, Opened};
use crate::http::stream::json;
use crate::hub::{EventName, Frame};

/// Answers at once, or at the first event within `wait`.
pub(super) async fn respond(
    opened: Opened,
    wait: Option<Duration>,
    user_id: &UserId,
) -> HttpResponse {
    let Opened {
        mut events,
        cursor,
        gap,
    } = opened;
    let mut batch = Batch {
        frames: Vec::new(),
        more: false,
    };
    let gathering = poll_fn(|context| batch.gather(&mut events, wait.is_some(), context));
    // What is gathered by then is the answer; nothing is lost, as the cursor stays before the rest.
    let _in_time = tokio::time::timeout(wait.unwrap_or(AT_ONCE), gathering).await;
    let reached = if batch.more { None } else { events.reached() };
    let cursor = batch
        .last_id()
        .into_iter()
        .chain(reached)
        .fold(cursor, AlarmId::max);
    let objects: Vec<String> = batch
        .frames
        .iter()
        .map(|frame| json::object(frame))
        .collect();
    let body = format!(
        "{{\"events\":[{}],\"cursor\":{cursor},\"more\":{},\"gap\":{gap},\"userId\":{}}}",
        objects.join(","),
        batch.more,
        serde_json::json!(user_id),
    );
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-store, no-transform"))
        .body(body)
}

/// What one answer carries.
struct Batch {
    frames: Vec<Arc<Frame>>,
    more: bool,
}

impl Batch {
    /// Takes what is ready; done when nothing more is, and there is something or nothing is waited for.
    fn gather(&mut self, events: &mut Events, waits: bool, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match Pin::new(&mut *events).poll_next(context) {
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(frame)) if !belongs(&frame) => {}
                Poll::Ready(Some(_left)) if self.frames.len() == MOST_EVENTS => {
                    self.more = true;
                    return Poll::Ready(());
                }
                Poll::Ready(Some(frame)) => self.frames.push(frame),
                Poll::Pending if events.reached().is_none() => return Poll::Pending,
                Poll::Pending if waits && self.frames.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(()),
            }
        }
    }

    fn last_id(&self) -> Option<AlarmId> {
        self.frames.iter().filter_map(|frame| frame.id()).max()
    }
}

/// The answer itself says what `connect` and heartbeats say.
fn belongs(frame: &Frame) -> bool {
    !matches!(
        frame.event(),
        EventName::Connect | EventName::Ping | EventName::Comment
    )
}

/// What a page can take in at once; the rest is fetched with the next poll.
const MOST_EVENTS: usize = 1_000;

/// A poll that does not wait still reads the log; a database slower than this answers with what was read.
const AT_ONCE: Duration = Duration::from_secs(10);
