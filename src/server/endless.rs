//! Answers without an end over HTTP/1.1. The framework's dispatcher writes their head; then it goes, with the buffers and
//! timers an answer without an end needs no more, and the connection holds the socket and the body only.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{ConnectionType, Request, Response, Version};
use actix_service::Service;
use actix_web::Error;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use bytes::{Buf, Bytes, BytesMut};
use futures::TryFutureExt;
use futures::future::{MapOk, poll_fn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where a connection's dispatcher leaves the body it is not to write itself.
#[derive(Default)]
pub(super) struct Slot {
    body: RefCell<Option<BoxBody>>,
    is_head_written: Cell<bool>,
}

impl Slot {
    pub(super) fn leave(&self, body: BoxBody) {
        self.body.replace(Some(body));
    }
}

/// The body a dispatcher is given.
pub(super) enum Body {
    /// The whole of it.
    Here(BoxBody),
    /// Nothing: the real one is in the slot.
    Left(Rc<Slot>),
}

impl MessageBody for Body {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        match self {
            Self::Here(body) => body.size(),
            Self::Left(_) => BodySize::Stream,
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.get_mut() {
            Self::Here(body) => Pin::new(body).poll_next(context),
            // The dispatcher has the head in its buffer, which it writes next.
            Self::Left(slot) => {
                slot.is_head_written.set(false);
                Poll::Pending
            }
        }
    }
}

/// The application, whose answers without an end leave their bodies in their connections' slots.
pub(super) struct Leaving<S>(pub(super) Rc<S>);

impl<S, B> Service<Request> for Leaving<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = MapOk<S::Future, fn(ServiceResponse<B>) -> Response<Body>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        self.0.call(request).map_ok(leave)
    }
}

fn leave<B: MessageBody + 'static>(answer: ServiceResponse<B>) -> Response<Body> {
    let (request, answer) = answer.into_parts();
    let head = answer.head();
    let in_chunks = request.version() == Version::HTTP_11 && head.chunked() && !head.upgrade();
    let slot = request
        .conn_data::<Rc<Slot>>()
        .filter(|_slot| in_chunks && *request.method() == Method::GET)
        .cloned();
    let answer = answer.map_body(|head, body| match (body.size(), slot) {
        (BodySize::Stream, Some(slot)) => {
            head.set_connection_type(ConnectionType::Close);
            slot.leave(body.boxed());
            Body::Left(slot)
        }
        _ => Body::Here(body.boxed()),
    });
    answer.into()
}

/// A stream its dispatcher uses and leaves behind.
pub(super) struct Lent<T> {
    stream: Rc<RefCell<T>>,
    slot: Rc<Slot>,
}

impl<T> Lent<T> {
    fn with<R>(&self, work: impl FnOnce(Pin<&mut T>) -> R) -> R
    where
        T: Unpin,
    {
        work(Pin::new(&mut *self.stream.borrow_mut()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lent<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Lent<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|stream| stream.poll_write(context, bytes));
        // The dispatcher writes until nothing is left or no more is taken.
        self.slot.is_head_written.set(written.is_ready());
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}

/// Serves a connection to its end, or to where an answer without one begins: `dispatch` makes its dispatcher.
pub(super) async fn serve<T, D>(
    stream: T,
    slot: Rc<Slot>,
    dispatch: impl FnOnce(Lent<T>) -> D,
) -> Result<Option<Exchange<T>>, Ended>
where
    T: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = Result<(), DispatchError>>,
{
    let stream = Rc::new(RefCell::new(stream));
    let lent = Lent {
        stream: Rc::clone(&stream),
        slot: Rc::clone(&slot),
    };
    // Boxed, so that it leaves no room behind when it goes.
    let mut dispatcher = Box::pin(dispatch(lent));
    let body = poll_fn(|context| match dispatcher.as_mut().poll(context) {
        Poll::Ready(ended) => Poll::Ready(ended.map(|()| None)),
        Poll::Pending if slot.is_head_written.get() => match slot.body.take() {
            None => Poll::Pending,
            body => Poll::Ready(Ok(body)),
        },
        Poll::Pending => Poll::Pending,
    });
    let Some(body) = body.await? else {
        return Ok(None);
    };
    drop(dispatcher);
    let stream = Rc::into_inner(stream).ok_or(Ended::Held)?;
    Ok(Some(Exchange::new(stream.into_inner(), body)))
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Dispatcher(#[from] DispatchError),
    #[error("{0}")]
    Stream(#[from] io::Error),
    #[error("its dispatcher did not let go of it")]
    Held,
    #[error("its body failed: {0}")]
    Body(Box<dyn std::error::Error>),
    #[error("the client is gone")]
    Gone,
}

/// What is left of an exchange when the head of its answer is written.
pub(super) struct Exchange<T> {
    stream: T,
    body: BoxBody,
    /// What the socket would not take yet.
    unsent: Bytes,
    is_whole: bool,
}

thread_local! {
    /// Where the chunks for one write are put together; empty between two uses.
    static CHUNKS: RefCell<BytesMut> = RefCell::default();
}

impl<T: AsyncRead + AsyncWrite + Unpin> Exchange<T> {
    pub(super) fn new(stream: T, body: BoxBody) -> Self {
        Self {
            stream,
            body,
            unsent: Bytes::new(),
            is_whole: false,
        }
    }

    /// Everything that is ready leaves in one write. Says whether there was anything.
    fn write_ready(
        &mut self,
        chunks: &mut BytesMut,
        context: &mut Context<'_>,
    ) -> Result<bool, Ended> {
        self.gather(chunks, context)?;
        if chunks.is_empty() {
            return Ok(false);
        }
        match Pin::new(&mut self.stream).poll_write(context, chunks) {
            Poll::Ready(written) => chunks.advance(written?),
            Poll::Pending => {}
        }
        self.unsent = Bytes::copy_from_slice(chunks);
        Ok(true)
    }

    fn gather(&mut self, chunks: &mut BytesMut, context: &mut Context<'_>) -> Result<(), Ended> {
        while chunks.len() < MOST_BYTES_A_WRITE && !self.is_whole {
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => chunk(chunks, &bytes),
                Poll::Ready(Some(Err(cause))) => return Err(Ended::Body(cause)),
                Poll::Ready(None) => {
                    self.is_whole = true;
                    chunks.extend_from_slice(b"0\r\n\r\n");
                }
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Whether the client has closed its side. What it sends while it is answered is not read by anybody.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        let mut ignored = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut ignored);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Pending => return Ok(()),
                Poll::Ready(read) => read?,
            }
            if buffer.filled().is_empty() {
                return Err(Ended::Gone);
            }
        }
    }
}

/// Writes the body to its end.
impl<T: AsyncRead + AsyncWrite + Unpin> Future for Exchange<T> {
    type Output = Result<(), Ended>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.poll_gone(context)?;
        loop {
            while !this.unsent.is_empty() {
                let stream = Pin::new(&mut this.stream);
                let written = ready!(stream.poll_write(context, &this.unsent))?;
                this.unsent.advance(written);
            }
            if this.is_whole {
                let stream = Pin::new(&mut this.stream);
                return stream.poll_shutdown(context).map_err(Ended::from);
            }
            let written = CHUNKS.with_borrow_mut(|chunks| {
                let written = this.write_ready(chunks, context);
                chunks.clear();
                written
            })?;
            if !written {
                // An encrypted stream may hold something back.
                ready!(Pin::new(&mut this.stream).poll_flush(context))?;
                return Poll::Pending;
            }
        }
    }
}

/// Chunked transfer coding (RFC 9112, section 7.1). An empty chunk would be the end.
fn chunk(chunks: &mut BytesMut, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    // Writing to memory cannot fail.
    let _written = write!(chunks, "{:x}\r\n", bytes.len());
    chunks.extend_from_slice(bytes);
    chunks.extend_from_slice(b"\r\n");
}

/// Enough for a crowd of alarms, and little for each thread to keep.
const MOST_BYTES_A_WRITE: usize = 64 * 1024;
