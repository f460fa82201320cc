//! The requests of a connection of HTTP/1.0 or HTTP/1.1: heads and bodies, read by the framework's codec, with a deadline
//! for each head and no more bytes in memory than a head may have.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use actix_codec::Decoder;
use actix_http::error::{ParseError, PayloadError};
use actix_http::h1::{Codec, Message, MessageType};
use actix_http::header::{self, HeaderValue};
use actix_http::uri::Authority;
use actix_http::{BoxedPayloadStream, Payload, Request, ServiceConfig, StatusCode};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::server::endless::Ended;
use crate::server::upgrade;

/// The end of a connection that the client writes to.
pub(super) struct Incoming<R> {
    reading: R,
    codec: Codec,
    /// Bytes that were received and not decoded.
    unread: BytesMut,
    /// True until the end of the current request's body is decoded.
    is_in_body: bool,
    /// True while the answer decides whether what follows is another protocol.
    is_undecided: bool,
    /// True if what follows is another protocol: a body without an end, in the application's eyes.
    is_switched: bool,
    is_first: bool,
}

/// The channel that takes the pieces of a request's body.
pub(super) type Body = mpsc::Sender<Piece>;

type Piece = Result<Bytes, PayloadError>;

/// The next thing on a connection.
pub(super) enum Next {
    Request(Request),
    /// A head that is no HTTP, too large or too slow; the status to answer with, and the origin it named.
    Unreadable(StatusCode, Option<HeaderValue>),
    /// Nothing: the client closed its side, or was silent for too long.
    End,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(super) fn new(reading: R, config: ServiceConfig) -> Self {
        Self {
            reading,
            codec: Codec::new(config),
            unread: BytesMut::new(),
            is_in_body: false,
            is_undecided: false,
            is_switched: false,
            is_first: true,
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.reading
    }

    /// Waits for the next head. A connection that stays silent ends without a word; a head that has begun and does not come
    /// to its end in time is told so.
    pub(super) async fn next(&mut self) -> Result<Next, Ended> {
        let silence = if self.is_first {
            HEAD_WITHIN
        } else {
            SILENT_FOR
        };
        self.is_first = false;
        if self.unread.is_empty() {
            let read = timeout(silence, self.fill()).await;
            if !read.unwrap_or(Ok(false))? {
                return Ok(Next::End);
            }
        }
        match timeout(HEAD_WITHIN, self.head()).await {
            Ok(next) => next,
            Err(_elapsed) => Ok(Next::Unreadable(
                StatusCode::REQUEST_TIMEOUT,
                origin_in(&self.unread),
            )),
        }
    }

    async fn head(&mut self) -> Result<Next, Ended> {
        let mut protocols = None;
        loop {
            // Looked for before the codec takes the head, which it does not give back with an error.
            let origin = origin_in(&self.unread);
            protocols = upgrade::hide(&mut self.unread).or(protocols);
            let status = match self.codec.decode(&mut self.unread) {
                Ok(Some(Message::Item(request))) if !names_a_host(&request) => {
                    StatusCode::BAD_REQUEST
                }
                Ok(Some(Message::Item(mut request))) => {
                    upgrade::show(&mut request, protocols);
                    return Ok(Next::Request(request));
                }
                Ok(Some(Message::Chunk(_))) => continue,
                Ok(None) if self.fill().await? => continue,
                Ok(None) => return Ok(Next::End),
                Err(ParseError::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                Err(_) => StatusCode::BAD_REQUEST,
            };
            return Ok(Next::Unreadable(status, origin));
        }
    }

    /// The request with a body to be read, if it has one, and where its pieces go that have not arrived.
    pub(super) fn with_body(&mut self, mut request: Request) -> (Request, Option<Body>) {
        // A request that could not be read has no body that could be found.
        self.is_in_body = self.codec.message_type() != MessageType::None;
        self.is_undecided = !self.is_in_body && upgrade::is_possible(&request);
        if self.is_undecided {
            let (body, payload) = channel(stream::empty());
            *request.payload() = payload;
            return (request, Some(body));
        }
        if !self.is_in_body {
            return (request, None);
        }
        let arrived = self.arrived_pieces();
        let is_over = !self.is_in_body || arrived.last().is_some_and(Piece::is_err);
        let arrived = stream::iter(arrived);
        // Most bodies are short and come with their head.
        if is_over {
            let payload: BoxedPayloadStream = Box::pin(arrived);
            *request.payload() = Payload::Stream { payload };
            return (request, None);
        }
        let (body, payload) = channel(arrived);
        *request.payload() = payload;
        (request, Some(body))
    }

    /// Goes on with another protocol, as the answer says.
    pub(super) fn switch(&mut self) {
        self.is_switched = self.is_undecided;
        self.is_in_body = self.is_undecided;
        self.is_undecided = false;
    }

    /// The pieces of a body that were received with its head. An error is the last one.
    fn arrived_pieces(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while self.is_in_body {
            match self.codec.decode(&mut self.unread) {
                Ok(Some(Message::Chunk(Some(piece)))) => pieces.push(Ok(piece)),
                Ok(Some(Message::Chunk(None))) => self.is_in_body = false,
                Ok(Some(Message::Item(_)) | None) => break,
                Err(_) => {
                    pieces.push(Err(PayloadError::EncodingCorrupted));
                    break;
                }
            }
        }
        pieces
    }

    /// Hands on the body as it is asked for, then watches that the client stays. Returns when it is gone; may be dropped
    /// at any time.
    pub(super) async fn attend(&mut self, body: &mut Option<Body>) -> Ended {
        if let Some(pieces) = body
            && !self.is_undecided
        {
            if let Err(ended) = self.hand_on(pieces).await {
                return ended;
            }
            *body = None;
        }
        while self.unread.len() < MOST_AHEAD_BYTES {
            match self.fill().await {
                Ok(true) => {}
                Ok(false) => return Ended::Gone,
                Err(ended) => return ended,
            }
        }
        std::future::pending().await
    }

    async fn hand_on(&mut self, pieces: &Body) -> Result<(), Ended> {
        while self.is_in_body {
            // An answer may come without its request's body having been read.
            let Ok(room) = pieces.reserve().await else {
                return Ok(());
            };
            match self.piece() {
                Ok(Some(Message::Chunk(Some(piece)))) => room.send(Ok(piece)),
                Ok(Some(Message::Chunk(None))) => self.is_in_body = false,
                Ok(Some(Message::Item(_))) => return Err(Ended::Held),
                Ok(None) => {
                    if !self.fill().await? {
                        return Err(Ended::Gone);
                    }
                }
                Err(_) => {
                    room.send(Err(PayloadError::EncodingCorrupted));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The next piece of a body, or of another protocol, that was received.
    fn piece(&mut self) -> Result<Option<Message<Request>>, ParseError> {
        if self.is_switched {
            let piece = self.unread.split().freeze();
            return Ok((!piece.is_empty()).then_some(Message::Chunk(Some(piece))));
        }
        self.codec.decode(&mut self.unread)
    }

    /// Gives back the memory of the heads that were read, if nothing follows them.
    pub(super) fn release(&mut self) {
        if self.unread.is_empty() {
            self.unread = BytesMut::new();
        }
    }

    /// Skips the rest of a body as far as it has arrived. Returns true if that was all of it.
    pub(super) fn pass_over_body(&mut self) -> bool {
        while self.is_in_body {
            match self.codec.decode(&mut self.unread) {
                Ok(Some(Message::Chunk(Some(_)))) => {}
                Ok(Some(Message::Chunk(None))) => self.is_in_body = false,
                _ => return false,
            }
        }
        true
    }

    /// Passes over everything until the client closes its side.
    pub(super) async fn pass_over_all(&mut self) {
        self.unread.clear();
        while matches!(self.fill().await, Ok(true)) {
            self.unread.clear();
        }
    }

    /// Receives more; says whether there was any. The bytes pass through a buffer of the thread: a connection that waits
    /// keeps none of its own.
    async fn fill(&mut self) -> Result<bool, Ended> {
        poll_fn(|context| {
            READ_BUFFER.with_borrow_mut(|buffer| {
                let mut read = ReadBuf::new(buffer.as_mut_slice());
                ready!(Pin::new(&mut self.reading).poll_read(context, &mut read))?;
                self.unread.extend_from_slice(read.filled());
                Poll::Ready(Ok(!read.filled().is_empty()))
            })
        })
        .await
    }
}

/// A body whose pieces come later, after some that are here.
fn channel(arrived: impl Stream<Item = Piece> + 'static) -> (Body, Payload) {
    let (body, pieces) = mpsc::channel(1);
    let pieces = stream::unfold(pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let payload: BoxedPayloadStream = Box::pin(arrived.chain(pieces));
    (body, Payload::Stream { payload })
}

/// True if the request has no `Host`, or one that is empty or has the form `host` or `host:port` (RFC 9112, section 3.2). The
/// codec refuses a second one, and a request of HTTP/1.1 without any.
fn names_a_host(request: &Request) -> bool {
    request
        .head()
        .headers()
        .get(header::HOST)
        .is_none_or(|host| {
            let host = host.as_bytes();
            host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
        })
}

/// The `Origin` of a head that may be in pieces or broken.
fn origin_in(head: &[u8]) -> Option<HeaderValue> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(ORIGIN.len())?;
        name.eq_ignore_ascii_case(ORIGIN).then_some(value)
    })?;
    HeaderValue::from_bytes(value.trim_ascii()).ok()
}

const ORIGIN: &[u8] = b"origin:";

/// The time a client has to send the head of a request: slow ones hold a connection, not a worker.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// The time a connection is kept between two requests.
const SILENT_FOR: Duration = Duration::from_secs(5);

/// A head and a small body in one read.
const READ_BYTES: usize = 8 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The bytes that are read before a handler asks for them, so that the client's end of the connection is noticed.
const MOST_AHEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of one decode of the codec, as text.
    fn next(codec: &mut Codec, bytes: &mut BytesMut) -> Option<String> {
        codec.decode(bytes).unwrap().map(|message| match message {
            Message::Item(request) => format!("head {}", request.path()),
            Message::Chunk(Some(chunk)) => format!("chunk {}", String::from_utf8_lossy(&chunk)),
            Message::Chunk(None) => "end".to_owned(),
        })
    }

    /// The reader relies on this order: a head, the pieces of its body, the body's end, and only then the next head.
    #[actix_web::test]
    async fn the_codec_gives_each_head_before_its_body_and_each_end_before_the_next_head() {
        let mut codec = Codec::new(ServiceConfig::default());
        let mut bytes = BytesMut::from(
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
             POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
             GET /c HTTP/1.1\r\nHost: x\r\n\r\nGE",
        );

        let mut given = Vec::new();
        while let Some(message) = next(&mut codec, &mut bytes) {
            given.push(message);
        }

        assert_eq!(
            given,
            [
                "head /a",
                "chunk hello",
                "end",
                "head /b",
                "chunk abc",
                "end",
                "head /c"
            ]
        );
        assert_eq!(&bytes[..], b"GE", "what is no whole head stays");
    }

    #[test]
    fn an_origin_is_found_in_a_head_that_is_broken() {
        let head = b"GET / HTTP/9\r\nHost: x\r\nORIGIN:  https://a.example \r\nX";

        assert_eq!(origin_in(head).unwrap(), "https://a.example");
        assert_eq!(origin_in(b"GET / HTTP/1.1\r\nX-Origin: y\r\n"), None);
    }
}
