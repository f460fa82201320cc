//! The protocol of a client in clear text: HTTP/2 with prior knowledge begins with a preface (RFC 9113, section 3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A protocol this hub speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A stream whose first bytes were read to find out the protocol, and are read again by who serves it.
pub(super) struct Begun<T> {
    stream: T,
    first: [u8; PREFACE.len()],
    /// The part of `first` that is not read again yet.
    left: std::ops::Range<u8>,
}

impl<T: AsyncRead + Unpin> Begun<T> {
    /// Reads until the protocol is known. The caller sets the deadline: a client may never say anything.
    pub(super) async fn read(mut stream: T) -> io::Result<(Protocol, Self)> {
        let mut first = [0; PREFACE.len()];
        let mut seen = 0;
        loop {
            let read = match first.get_mut(seen..) {
                Some(rest) => stream.read(rest).await?,
                None => 0,
            };
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            seen += read;
            if let Some(protocol) = of(first.get(..seen).unwrap_or_default()) {
                let left = 0..u8::try_from(seen).unwrap_or_default();
                let begun = Self {
                    stream,
                    first,
                    left,
                };
                return Ok((protocol, begun));
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Begun<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_empty() || buffer.remaining() == 0 {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let (from, to) = (usize::from(self.left.start), usize::from(self.left.end));
        let bytes = self.first.get(from..to).unwrap_or_default();
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(bytes.get(..count).unwrap_or_default());
        self.left.start += u8::try_from(count).unwrap_or_default();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Begun<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The protocol those bytes begin, once they tell. No method of HTTP/1.1 begins like the preface.
fn of(first: &[u8]) -> Option<Protocol> {
    if !PREFACE.starts_with(first) {
        Some(Protocol::Http1)
    } else if first.len() == PREFACE.len() {
        Some(Protocol::Http2)
    } else {
        None
    }
}

/// The rest of the preface is checked by who reads it.
const PREFACE: [u8; 3] = *b"PRI";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol_as_soon_as_they_can() {
        assert_eq!(of(b"PRI"), Some(Protocol::Http2));
        assert_eq!(of(b"GET"), Some(Protocol::Http1));
        assert_eq!(of(b"POS"), Some(Protocol::Http1));
        assert_eq!(of(b"\r"), Some(Protocol::Http1));
        assert_eq!(of(b"P"), None);
        assert_eq!(of(b"PR"), None);
        assert_eq!(of(b""), None);
    }

    #[actix_web::test]
    async fn what_was_read_for_the_protocol_is_read_again() {
        let (mut client, server) = tokio::io::duplex(64);
        let sending = async {
            for byte in b"PUT / HTTP/1.1" {
                tokio::io::AsyncWriteExt::write_all(&mut client, &[*byte])
                    .await
                    .unwrap();
            }
            drop(client);
        };
        let reading = async {
            let (protocol, mut begun) = Begun::read(server).await.unwrap();
            let mut text = String::new();
            begun.read_to_string(&mut text).await.unwrap();
            (protocol, text)
        };

        let ((), (protocol, text)) = futures::join!(sending, reading);

        assert_eq!(
            (protocol, text.as_str()),
            (Protocol::Http1, "PUT / HTTP/1.1")
        );
    }
}
