//! HTTP/1.0 and HTTP/1.1 (RFC 9112) on one connection. The framework's codec reads requests and their bodies; the order of
//! things is decided here. The framework's own dispatcher takes every `Connection: upgrade` for an accepted one and closes,
//! and writes the answers to what it cannot read without the application.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::header::{self, HeaderMap, HeaderValue};
use actix_http::{
    ConnectionType, HttpMessage, Request, Response, ServiceConfig, StatusCode, Version,
};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::Error;
use actix_web::dev::ServiceResponse;
use bytes::{Buf, BytesMut};
use futures::FutureExt;
use futures::future::{maybe_done, poll_fn};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::server::Visitor;
use crate::server::connections::{Busy, Connection, Late, Unreadable};
use crate::server::endless::{Coding, Ended, Exchange};
use crate::server::head::{self, Framing};
use crate::server::incoming::{Body, Incoming, Next};

/// Serves a connection to its end, or to where an answer without one begins; that answer is left to the caller. Every poll
/// that waits holds this future: what is not needed then goes out of scope before.
pub(super) fn serve<T, S, B>(
    stream: T,
    config: ServiceConfig,
    app: Rc<S>,
    visitor: Visitor,
    stopping: GracefulShutdownSignal,
) -> impl Future<Output = Result<Option<Exchange<T>>, Ended>>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let mut talk = Talk::over(stream, config);
    async move {
        // Asked again and again, also after the stop.
        let mut stop = pin!(maybe_done(stopping.notified()));
        loop {
            let answered = talk.answered(&*app, &visitor, stop.as_mut()).await?;
            let Some(Answered {
                answer,
                asked,
                mut body,
                _busy,
            }) = answered
            else {
                return talk.end().await;
            };
            let then = if answer.extensions().contains::<Late>() {
                let late = talk.begin_late(answer, &asked);
                talk.answer_late(late, &asked, &mut body, stop.as_mut())
                    .await?
            } else {
                let is_stopping = stop.as_mut().now_or_never().is_some();
                talk.answer(answer, &asked, is_stopping, &mut body).await?
            };
            let is_stopping = stop.as_mut().now_or_never().is_some();
            match then {
                Then::Next => {}
                Then::End => return talk.end().await,
                Then::Endless(body, coding) => return talk.leave(body, coding).await.map(Some),
            }
            if is_stopping {
                return talk.end().await;
            }
        }
    }
}

/// A request that the application has answered.
struct Answered {
    answer: Response<BoxBody>,
    asked: Asked,
    /// The channel that takes the rest of the request's body.
    body: Option<Body>,
    /// Until the answer is written: a client that reads slowly is not idle.
    _busy: Busy,
}

/// The properties of a request that its answer depends on.
struct Asked {
    version: Version,
    is_head: bool,
    /// True if the client may send another request on this connection (RFC 9112, section 9.3).
    persists: bool,
}

impl Asked {
    fn of(request: &Request, is_readable: bool) -> Self {
        let version = request.version();
        let persists = if version < Version::HTTP_11 {
            has_option(request.headers(), "keep-alive")
        } else {
            true
        };
        Self {
            version,
            is_head: *request.method() == http::Method::HEAD,
            persists: is_readable && persists && !has_option(request.headers(), "close"),
        }
    }
}

/// True if a `Connection` field names that option.
fn has_option(headers: &HeaderMap, option: &str) -> bool {
    headers.get_all(header::CONNECTION).any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(option))
        })
    })
}

/// A request that stands for one which could not be read, so that the application answers it as it answers all others. Of
/// what was sent only the origin is of use.
fn unreadable(status: StatusCode, origin: Option<HeaderValue>) -> Request {
    let mut request = Request::new();
    request.extensions_mut().insert(Unreadable(status));
    if let Some(origin) = origin {
        request.head_mut().headers.insert(header::ORIGIN, origin);
    }
    request
}

fn introduced(mut request: Request, visitor: &Visitor) -> Request {
    request.head_mut().peer_addr = visitor.address;
    let connection = Rc::<Connection>::clone(&visitor.connection);
    request.extensions_mut().insert(connection);
    request
}

fn response<B>(answered: Result<ServiceResponse<B>, Error>) -> Response<BoxBody>
where
    B: MessageBody + 'static,
{
    match answered {
        Ok(answer) => Response::<B>::from(answer).map_into_boxed_body(),
        Err(error) => Response::from(error),
    }
}

/// A connection between two requests, or within one.
struct Talk<T> {
    incoming: Incoming<ReadHalf<T>>,
    writing: WriteHalf<T>,
    /// Bytes to be written next.
    out: BytesMut,
}

/// The part of an answer that is written when its body is ready.
struct LateBody {
    late: Late,
    status: StatusCode,
    body: BoxBody,
}

/// The continuation of a connection after an answer.
enum Then {
    Next,
    End,
    /// With nothing but this body.
    Endless(BoxBody, Coding),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Talk<T> {
    fn over(stream: T, config: ServiceConfig) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        Self {
            incoming: Incoming::new(reading, config),
            writing,
            out: BytesMut::new(),
        }
    }

    /// The next request with its answer; nothing if the connection ends.
    async fn answered<S, B>(
        &mut self,
        app: &S,
        visitor: &Visitor,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Answered>, Ended>
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody + 'static,
    {
        let next = tokio::select! {
            biased;
            next = self.incoming.next() => next?,
            () = stop => return Ok(None),
        };
        let (request, is_readable) = match next {
            Next::Request(request) => (request, true),
            Next::Unreadable(status, origin) => (unreadable(status, origin), false),
            Next::End => return Ok(None),
        };
        let asked = Asked::of(&request, is_readable);
        let (request, mut body) = self.incoming.with_body(request);
        let request = introduced(request, visitor);
        let busy = visitor.connection.begin();
        if request.head().expect() {
            self.out.extend_from_slice(CONTINUE);
            self.flush().await?;
        }
        // The application boxes this future: a connection whose answer is late holds no room for it.
        let answered = tokio::select! {
            biased;
            answered = app.call(request) => answered,
            ended = self.incoming.attend(&mut body) => return Err(ended),
        };
        Ok(Some(Answered {
            answer: response(answered),
            asked,
            body,
            _busy: busy,
        }))
    }

    /// Writes an answer. Of one without an end the head stays in `out`.
    async fn answer(
        &mut self,
        answer: Response<BoxBody>,
        asked: &Asked,
        is_stopping: bool,
        request_body: &mut Option<Body>,
    ) -> Result<Then, Ended> {
        let (answer, body) = answer.into_parts();
        let answer = answer.head();
        let size = body.size();
        let switches = answer.status == StatusCode::SWITCHING_PROTOCOLS;
        if switches {
            self.incoming.switch();
        }
        let is_endless = size == BodySize::Stream && !switches && !asked.is_head;
        let closes = is_stopping
            || is_endless
            || !asked.persists
            || answer.connection_type() == ConnectionType::Close
            // The rest of a body would be taken for the next request.
            || !(switches || self.incoming.pass_over_body());
        let coding = match asked.version {
            Version::HTTP_10 => Coding::None,
            _ => Coding::Chunked,
        };
        let framing = Framing {
            version: asked.version,
            size,
            coding,
            closes,
        };
        head::write(&mut self.out, answer, &framing);
        if asked.is_head || size == BodySize::None {
            self.flush().await?;
        } else if is_endless {
            return Ok(Then::Endless(body, coding));
        } else {
            let sending = send(&mut self.writing, &mut self.out, body);
            tokio::select! {
                biased;
                sent = sending => sent?,
                ended = self.incoming.attend(request_body) => return Err(ended),
            }
        }
        Ok(match closes || switches {
            true => Then::End,
            false => Then::Next,
        })
    }

    /// Prepares the head of an answer whose body is not ready, and gives back what is not needed until it is.
    fn begin_late(&mut self, mut answer: Response<BoxBody>, asked: &Asked) -> LateBody {
        let late = answer.extensions_mut().remove::<Late>().unwrap_or_default();
        let (answer, body) = answer.into_parts();
        head::begin(&mut self.out, answer.head(), asked.version);
        // Many connections may be here for long: each keeps no more than it needs.
        self.out = BytesMut::from(self.out.as_ref());
        self.incoming.release();
        LateBody {
            late,
            status: answer.status(),
            body,
        }
    }

    /// Waits for the body of an answer that is not ready, and writes both.
    async fn answer_late(
        &mut self,
        LateBody { late, status, body }: LateBody,
        asked: &Asked,
        request_body: &mut Option<Body>,
        stop: impl Future<Output = ()>,
    ) -> Result<Then, Ended> {
        let mut body = pin!(body);
        let whole = tokio::select! {
            biased;
            whole = poll_fn(|context| body.as_mut().poll_next(context)) => whole,
            ended = self.incoming.attend(request_body) => return Err(ended),
        };
        let whole = whole.transpose().map_err(Ended::Body)?.unwrap_or_default();
        let is_stopping = stop.now_or_never().is_some();
        let closes = is_stopping || !asked.persists || !self.incoming.pass_over_body();
        if let Some((name, end)) = late.countdown {
            head::count_down(&mut self.out, &name, end);
        }
        let framing = Framing {
            version: asked.version,
            size: BodySize::Sized(u64::try_from(whole.len()).unwrap_or(u64::MAX)),
            coding: Coding::None,
            closes,
        };
        head::end(&mut self.out, status, &framing);
        let mut bytes = self.out.split().chain(whole);
        let sending = async {
            self.writing.write_all_buf(&mut bytes).await?;
            self.writing.flush().await
        };
        tokio::select! {
            biased;
            sent = sending => sent?,
            ended = self.incoming.attend(request_body) => return Err(ended),
        }
        Ok(match closes {
            true => Then::End,
            false => Then::Next,
        })
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        self.writing.write_all_buf(&mut self.out).await?;
        Ok(self.writing.flush().await?)
    }

    /// Ends the connection. A client that is still sending is given a moment to read what it was answered: a socket that is
    /// closed with bytes unread is reset, and the reset overtakes the answer (RFC 9112, section 9.6).
    async fn end(mut self) -> Result<Option<Exchange<T>>, Ended> {
        self.writing.shutdown().await?;
        let rest = timeout(LINGER_FOR, self.incoming.pass_over_all());
        // A client that sends for longer is cut off.
        let _in_time = rest.await;
        Ok(None)
    }

    async fn leave(self, body: BoxBody, coding: Coding) -> Result<Exchange<T>, Ended> {
        let stream = self.incoming.into_inner().unsplit(self.writing);
        Exchange::begin(stream, self.out, body, coding).await
    }
}

/// Writes the head that lies in `out`, and a body to its end.
async fn send<W: AsyncWrite + Unpin>(
    writing: &mut W,
    out: &mut BytesMut,
    body: BoxBody,
) -> Result<(), Ended> {
    let mut body = pin!(body);
    let mut is_whole = false;
    while !is_whole {
        is_whole = poll_fn(|context| gather(out, body.as_mut(), context)).await?;
        writing.write_all_buf(out).await?;
        writing.flush().await?;
    }
    Ok(())
}

/// Collects what is ready; returns true if that is the end.
fn gather(
    out: &mut BytesMut,
    mut body: Pin<&mut BoxBody>,
    context: &mut Context<'_>,
) -> Poll<Result<bool, Ended>> {
    while out.len() < MOST_BYTES_A_WRITE {
        match body.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => out.extend_from_slice(&bytes),
            Poll::Ready(Some(Err(cause))) => return Poll::Ready(Err(Ended::Body(cause))),
            Poll::Ready(None) => return Poll::Ready(Ok(true)),
            Poll::Pending if out.is_empty() => return Poll::Pending,
            Poll::Pending => break,
        }
    }
    Poll::Ready(Ok(false))
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Long enough for an answer to reach a distant client, short enough that a client gains nothing by it.
const LINGER_FOR: Duration = Duration::from_secs(1);

const MOST_BYTES_A_WRITE: usize = 64 * 1024;
