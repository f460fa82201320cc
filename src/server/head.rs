//! The head of an answer over HTTP/1.0 or HTTP/1.1 (RFC 9112, sections 4 to 6).

use std::io::Write as _;
use std::time::SystemTime;

use actix_http::body::BodySize;
use actix_http::header::{self, HeaderName, HttpDate};
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
    begin(out, head, framing.version);
    end(out, head.status, framing);
}

/// Appends the lines that do not depend on the body: the first, and the fields of the application.
pub(super) fn begin(out: &mut BytesMut, head: &ResponseHead, version: Version) {
    let version = if version < Version::HTTP_11 {
        "1.0"
    } else {
        "1.1"
    };
    // Writing to memory cannot fail.
    let _written = write!(
        out.writer(),
        "HTTP/{version} {} {}\r\n",
        head.status.as_u16(),
        head.reason()
    );
    for (name, value) in head.headers() {
        let own = [
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::DATE,
            header::TRANSFER_ENCODING,
        ];
        if !own.contains(name) {
            out.put_slice(name.as_str().as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_slice(b"\r\n");
        }
    }
}

/// Appends a field that tells the seconds that are left until a time, in seconds since the Unix epoch.
pub(super) fn count_down(out: &mut BytesMut, name: &HeaderName, end: i64) {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let left = end.saturating_sub_unsigned(now.as_secs());
    // Writing to memory cannot fail.
    let _written = write!(out.writer(), "{name}: {left}\r\n");
}

/// Appends the fields that delimit the body and tell the fate of the connection, and the empty line.
pub(super) fn end(out: &mut BytesMut, status: StatusCode, framing: &Framing) {
    let is_old = framing.version < Version::HTTP_11;
    let mut out = out.writer();
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
    let date = HttpDate::from(SystemTime::now());
    let _written = write!(out, "date: {date}\r\n\r\n");
}
