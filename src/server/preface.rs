//! Which protocol a client speaks in clear text: HTTP/2 with prior knowledge begins with a preface (RFC 9113, section 3.4).

use std::io;
use std::time::Duration;

use actix_web::rt::net::TcpStream;

/// A protocol this hub speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Looks at the first bytes without taking them. Whoever calls sets the deadline: a client may never say anything.
pub(super) async fn protocol(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await?;
        match of(first.get(..seen).unwrap_or_default()) {
            Some(protocol) => return Ok(protocol),
            None if seen == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            // What was looked at stays readable, so nothing tells when more has come.
            None => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
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

/// Only a client whose first packet holds one or two bytes, which begin like the preface, is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

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
}
