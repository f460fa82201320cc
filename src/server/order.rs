//! The order in which the framework's dispatcher works, as `endless` relies on it: it asks the body for its first bytes,
//! and only then writes the head, all of it or as much as the socket takes, before it returns.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodyStream, MessageBody};
use actix_http::h1::{ExpectHandler, UpgradeHandler};
use actix_http::{HttpService, Request, Response};
use actix_service::{Service, ServiceFactory, fn_service};
use actix_web::Error;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use futures::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::endless::{self, Body, Lent, Slot};

/// A socket that brings one request and takes few bytes at a time.
struct Trickle {
    request: &'static [u8],
    most_bytes_a_write: usize,
    /// Takes nothing at every second attempt, if it is to.
    is_slow: bool,
    is_full: bool,
    written: Rc<RefCell<Vec<u8>>>,
}

impl AsyncRead for Trickle {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let request = std::mem::take(&mut self.get_mut().request);
        if request.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(request);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_full = this.is_slow && !this.is_full;
        if this.is_full {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = bytes.len().min(this.most_bytes_a_write);
        this.written.borrow_mut().extend(bytes.iter().take(count));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// An answer with a head of some size, whose body is in the slot.
fn answer(slot: &Rc<Slot>) -> Response<Body> {
    let parts = ["one", "two"].map(|part| Ok::<_, io::Error>(Bytes::from_static(part.as_bytes())));
    slot.leave(BodyStream::new(stream::iter(parts)).boxed());
    let mut answer = Response::ok().set_body(Body::Left(Rc::clone(slot)));
    answer.headers_mut().insert(
        HeaderName::from_static("x-filler"),
        HeaderValue::from_static(FILLER),
    );
    answer
}

/// All the bytes a client gets of the answer to one request.
async fn exchange(most_bytes_a_write: usize, is_slow: bool) -> String {
    let (slot, written) = (Rc::<Slot>::default(), Rc::default());
    let socket = Trickle {
        request: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        most_bytes_a_write,
        is_slow,
        is_full: false,
        written: Rc::clone(&written),
    };
    let answering = Rc::clone(&slot);
    let factory = HttpService::<Lent<Trickle>, _, Body, ExpectHandler, UpgradeHandler>::build().h1(
        fn_service(move |_request: Request| {
            let answer = answer(&answering);
            async move { Ok::<_, Error>(answer) }
        }),
    );
    let handler = factory.new_service(()).await.unwrap();

    let served = endless::serve(socket, slot, |stream| handler.call((stream, None)));
    let rest = tokio::time::timeout(HANDED_OVER_WITHIN, served).await;
    let rest = rest.expect("the dispatcher hands its connection over");
    rest.unwrap()
        .expect("an answer without an end")
        .await
        .unwrap();

    let written = written.take();
    String::from_utf8(written).unwrap()
}

#[actix_web::test]
async fn a_dispatcher_has_written_exactly_the_head_when_its_connection_is_taken_over() {
    for most_bytes_a_write in [1, 7, 1_000, 100_000] {
        for is_slow in [false, true] {
            let all = exchange(most_bytes_a_write, is_slow).await;

            let (head, body) = all.split_once("\r\n\r\n").expect("a whole head");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.contains(FILLER), "{head}");
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
        }
    }
}

/// Longer than anything the dispatcher waits for.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(20);

const FILLER: &str = "a head that is written in more than one piece, if its writer takes no more than some bytes at a time";
