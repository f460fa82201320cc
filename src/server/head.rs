//! The head of an answer over HTTP/1.0 or HTTP/1.1 (RFC 9112, sections 4 to 6).

use std::io::Write as _;
use std::time::SystemTime;

use actix_http::body::BodySize;
use actix_http::header::{self, HttpDate};
use actix_http::{ResponseHead, StatusCode, Version};
use bytes::{BufMut, BytesMut};

use crate::server::endless::Coding;

/// The delimiting of an answer, and the fate of its connection.
pub(super) struct Framing {
    /// The version the client speaks.
    pub(super) version: Version,
    pub(super) size: BodySize,
    /// The transfer coding of a body of unknown size.
    pub(super) coding: Coding,
    /// True if the connection ends with the answer.
    pub(super) closes: bool,
}

/// Appends the head. Fields that belong to the connection are the server's own.
pub(super) fn write(out: &mut BytesMut, head: &ResponseHead, framing: &Framing) {
    let (status, is_old) = (head.status, framing.version < Version::HTTP_11);
    let version = if is_old { "1.0" } else { "1.1" };
    // Writing to memory cannot fail.
    let mut out = out.writer();
    let _written = write!(
        out,
        "HTTP/{version} {} {}\r\n",
        status.as_u16(),
        head.reason()
    );
    let has_no_body = status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let _written = match framing.size {
        _ if has_no_body => Ok(()),
        BodySize::None => out.write_all(b"content-length: 0\r\n"),
        BodySize::Sized(bytes) => write!(out, "content-length: {bytes}\r\n"),
        BodySize::Stream if framing.coding == Coding::Chunked => {
            out.write_all(b"transfer-encoding: chunked\r\n")
        }
        BodySize::Stream => Ok(()),
    };
    let _written = match framing.closes {
        _ if status == StatusCode::SWITCHING_PROTOCOLS => out.write_all(b"connection: upgrade\r\n"),
        true => out.write_all(b"connection: close\r\n"),
        false if is_old => out.write_all(b"connection: keep-alive\r\n"),
        false => Ok(()),
    };
    let out = out.into_inner();
    for (name, value) in head.headers() {
        let own = [
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ];
        if !own.contains(name) {
            out.put_slice(name.as_str().as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_slice(b"\r\n");
        }
    }
    if !head.headers().contains_key(header::DATE) {
        let _written = write!(
            out.writer(),
            "date: {}\r\n",
            HttpDate::from(SystemTime::now())
        );
    }
    out.put_slice(b"\r\n");
}
