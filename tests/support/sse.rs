//! A reader of event streams by the rules of the WHATWG, strict: what a browser would silently drop is a failure here.

use std::collections::VecDeque;
use std::mem::take;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// One dispatched event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `id` field of this very event, if it had one.
    pub(crate) id: Option<String>,
    /// The `event` field, if it had one.
    pub(crate) event: Option<String>,
    /// The `data` fields, joined.
    pub(crate) data: String,
}

impl Event {
    /// The name a browser would dispatch it under.
    pub(crate) fn name(&self) -> &str {
        self.event.as_deref().unwrap_or("message")
    }

    /// The data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The id as the number every id of the hub is.
    pub(crate) fn number(&self) -> i64 {
        let id = self
            .id
            .as_deref()
            .unwrap_or_else(|| panic!("an id: {self:?}"));
        id.parse().unwrap_or_else(|_| panic!("a number: {self:?}"))
    }
}

/// Whatever a stream can bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Event(Event),
    Comment(String),
    Retry(u64),
}

/// The parser alone: bytes in, items out.
#[derive(Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_return: bool,
    started: bool,
    event: Event,
    has_data: bool,
    items: VecDeque<Item>,
}

impl Parser {
    /// Takes in the next bytes, cut anywhere.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' if take(&mut self.after_return) => {}
                b'\n' => self.end_line(),
                b'\r' => {
                    self.after_return = true;
                    self.end_line();
                }
                other => {
                    self.after_return = false;
                    self.line.push(other);
                }
            }
        }
    }

    /// The next whole item.
    pub(crate) fn next(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8(take(&mut self.line)).expect("event streams are UTF-8");
        let line = if self.started {
            line
        } else {
            self.started = true;
            line.trim_start_matches('\u{feff}').to_owned()
        };
        if line.is_empty() {
            return self.dispatch();
        }
        if let Some(comment) = line.strip_prefix(':') {
            return self.items.push_back(Item::Comment(comment.to_owned()));
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value));
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "id" => {
                assert!(
                    !value.contains('\0'),
                    "an id with NUL is ignored by browsers"
                );
                self.event.id = Some(value.to_owned());
            }
            "event" => self.event.event = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            "retry" => {
                let retry = value.parse().unwrap_or_else(|_| panic!("retry: {value:?}"));
                self.items.push_back(Item::Retry(retry));
            }
            other => panic!("no such field of an event stream: {other:?}: {value:?}"),
        }
    }

    fn dispatch(&mut self) {
        let event = take(&mut self.event);
        if take(&mut self.has_data) {
            self.items.push_back(Item::Event(event));
        } else {
            assert_eq!(
                event,
                Event::default(),
                "an event without data is dropped by browsers"
            );
        }
    }
}

/// One open stream.
pub(crate) struct SseClient {
    /// The headers it was answered with.
    pub(crate) headers: HeaderMap,
    /// The `retry` values so far.
    pub(crate) retries: Vec<u64>,
    /// The comments so far.
    pub(crate) comments: Vec<String>,
    body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    parser: Parser,
}

impl SseClient {
    /// Sends the request; the answer must be a stream.
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let answer = tokio::time::timeout(super::DEADLINE, request.send())
            .await
            .expect("an answer in time")
            .expect("an answer");
        Self::of(answer).await
    }

    /// Reads an answer, which must be a stream.
    pub(crate) async fn of(answer: Response) -> Self {
        let status = answer.status();
        let headers = answer.headers().clone();
        let media_type = headers
            .get("content-type")
            .map(|value| value.to_str().expect("ASCII"));
        if status != 200 || !media_type.is_some_and(|value| value.starts_with("text/event-stream"))
        {
            panic!(
                "not a stream: {status} {headers:?} {:?}",
                answer.text().await
            );
        }
        Self {
            headers,
            retries: Vec::new(),
            comments: Vec::new(),
            body: Box::pin(answer.bytes_stream()),
            parser: Parser::default(),
        }
    }

    /// The next item of any kind, `None` at the end of the stream.
    pub(crate) async fn next_item(&mut self, limit: Duration) -> Option<Item> {
        let next = async {
            loop {
                if let Some(item) = self.parser.next() {
                    return Some(item);
                }
                // A server that is killed breaks the body off: for a reader that is the end as well.
                match self.body.next().await {
                    Some(Ok(bytes)) => self.parser.feed(&bytes),
                    Some(Err(_)) | None => return None,
                }
            }
        };
        let item = tokio::time::timeout(limit, next)
            .await
            .unwrap_or_else(|_| panic!("nothing on the stream within {limit:?}"));
        match &item {
            Some(Item::Retry(retry)) => self.retries.push(*retry),
            Some(Item::Comment(comment)) => self.comments.push(comment.clone()),
            Some(Item::Event(_)) | None => {}
        }
        item
    }

    /// The next event, or `None` at the end; comments and `retry` are noted and passed over.
    pub(crate) async fn event_or_end(&mut self, limit: Duration) -> Option<Event> {
        let end = tokio::time::Instant::now() + limit;
        loop {
            match self.next_item(end - tokio::time::Instant::now()).await {
                Some(Item::Event(event)) => return Some(event),
                Some(Item::Comment(_) | Item::Retry(_)) => {}
                None => return None,
            }
        }
    }

    /// The next event.
    pub(crate) async fn next_event(&mut self, limit: Duration) -> Event {
        self.event_or_end(limit)
            .await
            .expect("an event before the end of the stream")
    }

    /// The next event of that name; others are passed over.
    pub(crate) async fn next_named(&mut self, name: &str, limit: Duration) -> Event {
        let end = tokio::time::Instant::now() + limit;
        loop {
            let event = self.next_event(end - tokio::time::Instant::now()).await;
            if event.name() == name {
                return event;
            }
        }
    }

    /// The stream must end, with a `bye` of that reason as its last event; gives the `bye`'s data.
    pub(crate) async fn bye(&mut self, reason: &str, limit: Duration) -> Value {
        let bye = self.next_named("bye", limit).await;
        let data = bye.json();
        assert_eq!(data["reason"], reason, "{data}");
        assert_eq!(self.event_or_end(limit).await, None, "nothing after bye");
        data
    }
}
