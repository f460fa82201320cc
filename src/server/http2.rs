//! HTTP/2 (RFC 9113) on one connection. The framework's own dispatcher learns of a reset stream only when it next sends,
//! never ends one whose window stays shut, and takes any number of streams.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use actix_http::body::{BodySize, MessageBody};
use actix_http::error::PayloadError;
use actix_http::header::{self, HttpDate, TryIntoHeaderValue};
use actix_http::{
    BoxedPayloadStream, HttpMessage, Payload, Request, Response, ResponseHead, StatusCode,
};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::Error;
use actix_web::dev::ServiceResponse;
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, future::poll_fn};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::server::Visitor;
use crate::server::connections::{Connection, Unreadable};
use crate::server::window::{LOOK_EVERY, Share, Watched, Windows};

/// Serves one connection to its end. What is under way on it ends with it, as nothing of it is spawned.
pub(super) async fn serve<T, S, B>(
    stream: T,
    app: Rc<S>,
    visitor: Visitor,
    stopping: GracefulShutdownSignal,
) where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let windows = Windows::new();
    let handshake = settings().handshake(Watched::new(stream, windows.clone()));
    let mut link = match timeout(HANDSHAKE_WITHIN, handshake).await {
        Ok(Ok(link)) => link,
        Ok(Err(cause)) => return log::debug!("an HTTP/2 handshake failed: {cause}"),
        Err(_elapsed) => return log::debug!("an HTTP/2 handshake took too long"),
    };
    // From here on this loop knows best whether the connection is of use.
    visitor.connection.keep();
    let mut exchanges = FuturesUnordered::new();
    let mut idle = pin!(tokio::time::sleep(IDLE_FOR));
    let mut stop = pin!(stopping.notified());
    let mut leaving = false;
    loop {
        tokio::select! {
            accepted = link.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let share = windows.share(respond.stream_id().as_u32());
                    exchanges.push(exchange(&*app, request, respond, &visitor, share));
                    if visitor.connection.is_refused() {
                        link.graceful_shutdown();
                    }
                }
                Some(Err(cause)) => return log::debug!("an HTTP/2 connection ended: {cause}"),
                None => return,
            },
            Some(()) = exchanges.next() => idle.as_mut().reset(Instant::now() + IDLE_FOR),
            () = &mut idle, if exchanges.is_empty() => {
                if leaving {
                    return;
                }
                leaving = true;
                link.graceful_shutdown();
                idle.as_mut().reset(Instant::now() + LEAVE_WITHIN);
            }
            () = &mut stop, if !leaving => {
                leaving = true;
                link.graceful_shutdown();
                idle.as_mut().reset(Instant::now() + LEAVE_WITHIN);
            }
        }
    }
}

fn settings() -> Builder {
    let mut settings = Builder::new();
    settings
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(MOST_DECODED_BYTES)
        .max_send_buffer_size(UNSENT_BYTES)
        .initial_connection_window_size(UNREAD_BYTES);
    settings
}

/// One request and its answer, until the answer is sent or the client has reset the stream.
async fn exchange<S, B>(
    app: &S,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    visitor: &Visitor,
    share: Share,
) where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let is_head = request.method() == http::Method::HEAD;
    let request = translate(request, visitor);
    let answered = tokio::select! {
        answered = app.call(request) => answered,
        _reset = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let sent = match answered {
        Ok(answer) => send(Response::<B>::from(answer), respond, is_head, &share).await,
        Err(error) => send(Response::from(error), respond, is_head, &share).await,
    };
    if let Err(cause) = sent {
        log::debug!("an answer was not sent to its end: {cause}");
    }
}

/// The request as the framework knows it.
fn translate(request: http::Request<RecvStream>, visitor: &Visitor) -> Request {
    let (parts, body) = request.into_parts();
    let size: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES)
        .sum();
    let is_too_large = size > MOST_HEAD_BYTES;
    let payload = if body.is_end_stream() {
        Payload::None
    } else {
        let body: BoxedPayloadStream = Box::pin(received(body));
        Payload::Stream { payload: body }
    };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.method = parts.method;
    head.uri = parts.uri;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = visitor.address;
    let mut extensions = request.extensions_mut();
    extensions.insert(Rc::<Connection>::clone(&visitor.connection));
    if is_too_large {
        extensions.insert(Unreadable(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    drop(extensions);
    request
}

fn received(body: RecvStream) -> impl futures::Stream<Item = Result<Bytes, PayloadError>> {
    futures::stream::unfold(body, |mut body| async {
        let chunk = match body.data().await? {
            Ok(chunk) => body
                .flow_control()
                .release_capacity(chunk.len())
                .map(|()| chunk),
            Err(cause) => Err(cause),
        };
        Some((chunk.map_err(PayloadError::from), body))
    })
}

/// Why an answer was not sent to its end.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error("{0}")]
    Protocol(#[from] h2::Error),
    #[error("its body failed: {0}")]
    Body(Box<dyn std::error::Error>),
    #[error("the client took nothing for {UNREAD_FOR:?}")]
    Stalled,
    #[error("it held the window that other streams of its connection waited for")]
    Evicted,
    #[error("the client reset the stream")]
    Reset,
}

async fn send<B: MessageBody>(
    answer: Response<B>,
    mut respond: SendResponse<Bytes>,
    is_head: bool,
    share: &Share,
) -> Result<(), Unsent> {
    let (answer, body) = answer.into_parts();
    let size = body.size();
    let is_whole = is_head || size.is_eof();
    let mut stream = respond.send_response(translate_back(answer.head(), size), is_whole)?;
    if is_whole {
        return Ok(());
    }
    let mut body = pin!(body);
    loop {
        let chunk = tokio::select! {
            chunk = poll_fn(|context| body.as_mut().poll_next(context)) => chunk,
            _reset = poll_fn(|context| stream.poll_reset(context)) => return Err(Unsent::Reset),
            () = share.evicted.notified() => return Err(cut(&mut stream, Unsent::Evicted)),
        };
        match chunk {
            Some(Ok(mut chunk)) => {
                while !chunk.is_empty() {
                    let piece = chunk.split_to(chunk.len().min(PIECE_BYTES));
                    send_piece(&mut stream, piece, share).await?;
                }
            }
            Some(Err(cause)) => {
                // A body that breaks off must not look like one that is whole.
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(Unsent::Body(cause.into()));
            }
            None => return Ok(stream.send_data(Bytes::new(), true)?),
        }
    }
}

/// Waits for the client's window. If it stays shut, only this stream ends: the others have windows of their own. If it is the
/// window of the connection, the stream that holds most of it ends.
async fn send_piece(
    stream: &mut SendStream<Bytes>,
    piece: Bytes,
    share: &Share,
) -> Result<(), Unsent> {
    let ended = tokio::select! {
        sent = send_whole(stream, piece, share) => return sent,
        () = tokio::time::sleep(UNREAD_FOR) => Unsent::Stalled,
        () = share.evicted.notified() => Unsent::Evicted,
        never = complain(share) => match never {},
    };
    Err(cut(stream, ended))
}

async fn complain(share: &Share) -> Infallible {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        share.complain();
    }
}

fn cut(stream: &mut SendStream<Bytes>, why: Unsent) -> Unsent {
    stream.send_reset(Reason::CANCEL);
    why
}

async fn send_whole(
    stream: &mut SendStream<Bytes>,
    mut piece: Bytes,
    share: &Share,
) -> Result<(), Unsent> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        let capacity = poll_fn(|context| stream.poll_capacity(context)).await;
        let capacity = capacity.ok_or(Unsent::Reset)??;
        let part = piece.split_to(piece.len().min(capacity));
        if !part.is_empty() {
            share.sent(part.len());
            stream.send_data(part, false)?;
        }
    }
    Ok(())
}

/// The head of an answer, without what HTTP/2 has no place for (RFC 9113, section 8.2.2).
fn translate_back(head: &ResponseHead, size: BodySize) -> http::Response<()> {
    let mut answer = http::Response::new(());
    *answer.status_mut() = head.status;
    let headers = answer.headers_mut();
    for (name, value) in head.headers() {
        if !OF_HTTP1.contains(&name.as_str()) {
            headers.append(name.clone(), value.clone());
        }
    }
    if let BodySize::Sized(bytes) = size {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    let now: Result<_, _> = HttpDate::from(SystemTime::now()).try_into_value();
    if let Ok(now) = now {
        headers.entry(header::DATE).or_insert(now);
    }
    answer
}

/// Fields that belong to one connection of HTTP/1.1, or that the protocol itself expresses.
const OF_HTTP1: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// As long as a head of HTTP/1.1 may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// The time a connection without a request under way is kept.
const IDLE_FOR: Duration = Duration::from_secs(20);

/// The time a client has to read GOAWAY.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// More than a browser opens; a proxy that carries more clients opens another connection.
const MOST_STREAMS: u32 = 256;

/// Enough for every header a browser and a proxy send.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// The overhead counted for each field (RFC 9113, section 6.5.2).
const FIELD_BYTES: usize = 32;

/// The protocol's own limit, which the library enforces by an answer without a body. Up to here the application answers.
const MOST_DECODED_BYTES: u32 = 1024 * 1024;

/// The bytes one stream may have waiting behind a slow socket.
const UNSENT_BYTES: usize = 64 * 1024;

/// The bytes that all requests of a connection together may send before they are read, so that one body which is not read
/// leaves room for others.
const UNREAD_BYTES: u32 = 1024 * 1024;

/// The size of a piece that is sent under one deadline.
const PIECE_BYTES: usize = 16 * 1024;

/// As on a socket of HTTP/1.1: what was not taken for this long ends the stream.
const UNREAD_FOR: Duration = Duration::from_secs(30);
