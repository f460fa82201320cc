//! Answers without an end over HTTP/1.0 and HTTP/1.1. Once they have begun, the connection holds the socket and the body
//! only, not the buffers of a request.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_http::body::{BoxBody, MessageBody};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Stream(#[from] io::Error),
    #[error("a head was read within a body")]
    Held,
    #[error("its body failed: {0}")]
    Body(Box<dyn std::error::Error>),
    #[error("the client is gone")]
    Gone,
}

/// The transfer coding of a body whose size is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// None: the end of the connection is the end of the body. HTTP/1.0 knows no other way (RFC 9112, section 6.1).
    None,
    /// Chunked (RFC 9112, section 7.1).
    Chunked,
}

/// The rest of an exchange once its answer has begun.
pub(super) struct Exchange<T> {
    stream: T,
    body: BoxBody,
    coding: Coding,
    /// Bytes that the socket did not take yet.
    unsent: Bytes,
    is_whole: bool,
}

thread_local! {
    /// The buffer in which the chunks of one write are joined; empty between two uses.
    static CHUNKS: RefCell<BytesMut> = RefCell::default();
}

impl<T: AsyncRead + AsyncWrite + Unpin> Exchange<T> {
    /// The head of the answer leaves together with what is ready of its body.
    pub(super) async fn begin(
        stream: T,
        mut head: BytesMut,
        body: BoxBody,
        coding: Coding,
    ) -> Result<Self, Ended> {
        let mut exchange = Self {
            stream,
            body,
            coding,
            unsent: Bytes::new(),
            is_whole: false,
        };
        // Whether it is pending is asked again before this task waits.
        let gathered = poll_fn(|context| Poll::Ready(exchange.gather(&mut head, context))).await;
        if let Err(ended) = gathered {
            exchange.stream.write_all_buf(&mut head).await?;
            exchange.stream.flush().await?;
            return Err(ended);
        }
        exchange.unsent = head.freeze();
        Ok(exchange)
    }

    /// Everything that is ready leaves in one write. True if the body is pending: then it wakes this task.
    fn write_ready(
        &mut self,
        chunks: &mut BytesMut,
        context: &mut Context<'_>,
    ) -> Result<bool, Ended> {
        let waits = self.gather(chunks, context)?;
        if !chunks.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, chunks) {
                Poll::Ready(written) => chunks.advance(written?),
                Poll::Pending => {}
            }
            self.unsent = Bytes::copy_from_slice(chunks);
        }
        Ok(waits)
    }

    /// Joins everything that is ready. True if the body is pending: then it wakes this task.
    fn gather(&mut self, chunks: &mut BytesMut, context: &mut Context<'_>) -> Result<bool, Ended> {
        while chunks.len() < MOST_BYTES_A_WRITE && !self.is_whole {
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => self.coding.encode(chunks, &bytes),
                Poll::Ready(Some(Err(cause))) => return Err(Ended::Body(cause)),
                Poll::Ready(None) => {
                    self.is_whole = true;
                    chunks.extend_from_slice(self.coding.end());
                }
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Fails if the client has closed its side. Bytes that it sends while it is answered are ignored.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Result<(), Ended> {
        let mut ignored = [MaybeUninit::uninit(); 512];
        loop {
            let mut buffer = ReadBuf::uninit(&mut ignored);
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
            // Also gives back the memory of what was written.
            this.unsent = Bytes::new();
            if this.is_whole {
                let stream = Pin::new(&mut this.stream);
                return stream.poll_shutdown(context).map_err(Ended::from);
            }
            let waits = CHUNKS.with_borrow_mut(|chunks| {
                let waits = this.write_ready(chunks, context);
                chunks.clear();
                waits
            })?;
            if waits && this.unsent.is_empty() {
                // An encrypted stream may hold something back.
                ready!(Pin::new(&mut this.stream).poll_flush(context))?;
                return Poll::Pending;
            }
        }
    }
}

impl Coding {
    fn encode(self, out: &mut BytesMut, bytes: &[u8]) {
        // An empty chunk would be the end.
        if self == Self::None || bytes.is_empty() {
            out.extend_from_slice(bytes);
            return;
        }
        write_hexadecimal(out, bytes.len());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }

    fn end(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Chunked => b"0\r\n\r\n",
        }
    }
}

/// Written for each delivery: formatting in general takes several times as long.
fn write_hexadecimal(out: &mut BytesMut, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4);
    let digit = |place| char::from_digit((number >> (4 * place)) as u32 & 0xf, 16);
    out.extend((0..digits).rev().filter_map(digit).map(|digit| digit as u8));
}

/// Enough for a crowd of alarms, and little for each thread to keep.
const MOST_BYTES_A_WRITE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::rc::Rc;
    use std::task::Waker;

    use actix_http::body::BodyStream;
    use futures::StreamExt;
    use futures::channel::mpsc;
    use futures::stream::poll_fn;

    use super::*;

    /// A socket that keeps each write apart, and takes all of it, or less where it was told so. Its client says nothing.
    #[derive(Default)]
    struct Writes {
        done: Vec<Bytes>,
        /// The most bytes that each of the next writes takes; `None`: the socket is not ready for it.
        takes: VecDeque<Option<usize>>,
        flushes: usize,
        is_shut: bool,
    }

    impl AsyncRead for Writes {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let Some(most) = self.takes.pop_front().unwrap_or(Some(usize::MAX)) else {
                return Poll::Pending;
            };
            let taken = &bytes[..most.min(bytes.len())];
            self.done.push(Bytes::copy_from_slice(taken));
            Poll::Ready(Ok(taken.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.is_shut = true;
            Poll::Ready(Ok(()))
        }
    }

    /// A body as its sender makes it. Counts how often it is asked.
    fn body() -> (
        mpsc::UnboundedSender<&'static str>,
        BoxBody,
        Rc<Cell<usize>>,
    ) {
        let (sender, mut receiver) = mpsc::unbounded();
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        let chunks = poll_fn(move |context| {
            count.set(count.get() + 1);
            receiver.poll_next_unpin(context)
        });
        let chunks = chunks.map(|text| Ok::<_, Infallible>(Bytes::from(text)));
        (sender, BodyStream::new(chunks).boxed(), asked)
    }

    async fn begun(body: BoxBody, coding: Coding) -> Exchange<Writes> {
        let head = BytesMut::from("head ");
        let begun = Exchange::begin(Writes::default(), head, body, coding).await;
        begun.unwrap()
    }

    fn poll(exchange: &mut Exchange<Writes>) -> Poll<Result<(), Ended>> {
        Pin::new(exchange).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_body_is_asked_twice_for_each_write() {
        let (sender, body, asked) = body();
        let mut exchange = begun(body, Coding::None).await;
        assert!(poll(&mut exchange).is_pending());
        let before = (asked.get(), exchange.stream.flushes);

        sender.unbounded_send("one").unwrap();
        assert!(poll(&mut exchange).is_pending());

        assert_eq!(exchange.stream.done, ["head ", "one"]);
        assert_eq!(asked.get() - before.0, 2, "the chunk, and that it waits");
        assert_eq!(exchange.stream.flushes - before.1, 1);
    }

    #[tokio::test]
    async fn what_a_socket_did_not_take_is_written_when_it_can() {
        let (sender, body, _asked) = body();
        let mut exchange = begun(body, Coding::None).await;
        assert!(poll(&mut exchange).is_pending());

        sender.unbounded_send("abcdef").unwrap();
        exchange.stream.takes = VecDeque::from([Some(3), None, Some(2), None]);
        assert!(poll(&mut exchange).is_pending());
        assert_eq!(exchange.stream.done, ["head ", "abc"]);
        assert!(
            exchange.stream.takes.len() < 3,
            "the socket was asked to wake"
        );
        assert!(poll(&mut exchange).is_pending());
        assert!(poll(&mut exchange).is_pending());
        assert_eq!(exchange.stream.done, ["head ", "abc", "de", "f"]);
    }

    #[tokio::test]
    async fn a_body_that_ends_without_a_byte_ends_the_connection() {
        for coding in [Coding::None, Coding::Chunked] {
            let (sender, body, _asked) = body();
            let mut exchange = begun(body, coding).await;
            assert!(poll(&mut exchange).is_pending());

            drop(sender);

            assert!(matches!(poll(&mut exchange), Poll::Ready(Ok(()))));
            assert!(exchange.stream.is_shut);
        }
    }

    #[test]
    fn a_chunk_begins_with_its_size() {
        for size in [1, 9, 10, 15, 16, 255, 256, 4_096, 65_535, 1_048_576] {
            let mut chunk = BytesMut::new();
            Coding::Chunked.encode(&mut chunk, &vec![b'x'; size]);
            assert!(chunk.starts_with(format!("{size:x}\r\nx").as_bytes()));
            assert!(chunk.ends_with(b"x\r\n"));
        }
    }

    #[tokio::test]
    async fn the_head_and_what_is_ready_of_the_body_leave_in_one_write() {
        let (sender, body, _asked) = body();
        sender.unbounded_send("one").unwrap();
        sender.unbounded_send("two").unwrap();
        let mut exchange = begun(body, Coding::None).await;

        assert!(poll(&mut exchange).is_pending());

        assert_eq!(exchange.stream.done, ["head onetwo"]);
    }
}
