//! As much of HTTP/1.1 as a load generator needs: requests made once and patched, answers measured and thrown away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;

use crate::error::Result;
use crate::stamp;

/// A request with places for a stamp and for a user's number.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    stamp_at: usize,
    users_at: Vec<usize>,
}

/// Digits of a user's number, so that every request to every user has one length.
pub(crate) const USER_DIGITS: usize = 6;

/// Stands for a user's number in a template.
pub(crate) const USER: &str = "######";

/// Stands for a stamp in a template.
pub(crate) const STAMP: &str = "?????????????????????????????????????????";

/// A user's name.
pub(crate) fn user_name(number: usize) -> String {
    format!("u{number:0USER_DIGITS$}")
}

impl Template {
    /// Takes a whole request with the places marked.
    pub(crate) fn new(request: &str) -> Result<Self> {
        let stamp_at = request
            .find(STAMP)
            .ok_or("a publish request has no stamp")?;
        Ok(Self {
            bytes: request.as_bytes().to_vec(),
            stamp_at,
            users_at: request.match_indices(USER).map(|(at, _)| at).collect(),
        })
    }

    /// Fills in the places and gives the request.
    pub(crate) fn fill(&mut self, stamp: &stamp::Stamp, user: usize) -> &[u8] {
        if let Some(place) = self
            .bytes
            .get_mut(self.stamp_at..self.stamp_at + stamp::WIDTH)
        {
            stamp.write(place);
        }
        for at in &self.users_at {
            if let Some(place) = self.bytes.get_mut(*at..*at + USER_DIGITS) {
                stamp::write_digits(place, user as u64);
            }
        }
        &self.bytes
    }
}

/// A whole POST with a body.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A whole GET.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n")
}

/// The headers that ask for a WebSocket. The key's answer is not checked: it guards against caches and proxies, and there are none.
pub(crate) const WEB_SOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: Y2FtcGFuaWxlLWJlbmNoIQ==\r\n";

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head, its empty line included.
    pub(crate) length: usize,
}

/// The head at the start of `bytes`, once it is all there.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    Some(Head {
        status: status(bytes),
        length: end + 4,
    })
}

/// Returns true if the body after a head comes in chunks.
pub(crate) fn is_chunked(head: &[u8]) -> bool {
    field(head, b"transfer-encoding").is_some()
}

fn status(bytes: &[u8]) -> u16 {
    let digits = bytes
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The answer at the start of `bytes`, once it is all there: its status and its whole length.
pub(crate) fn answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let head = head(bytes)?;
    let (fields, body) = bytes.split_at_checked(head.length)?;
    if let Some(length) = content_length(fields) {
        return (body.len() >= length).then_some((head.status, head.length + length));
    }
    if is_chunked(fields) {
        // The last chunk is empty, and a body the bench asks for never has these bytes elsewhere.
        let end = memmem::find(body, b"0\r\n\r\n")?;
        return Some((head.status, head.length + end + 5));
    }
    Some((head.status, head.length))
}

/// Returns true if the answer at the start of `bytes` is the last one on its connection.
pub(crate) fn is_last(bytes: &[u8]) -> bool {
    let Some(head) = head(bytes) else {
        return false;
    };
    let fields = bytes.get(..head.length).unwrap_or_default();
    let connection = field(fields, b"connection").unwrap_or_default();
    bytes.starts_with(b"HTTP/1.0") || connection.trim_ascii().eq_ignore_ascii_case(b"close")
}

fn content_length(head: &[u8]) -> Option<usize> {
    let value = field(head, b"content-length")?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (start, value) = line.split_at_checked(name.len())?;
        start
            .eq_ignore_ascii_case(name)
            .then(|| value.strip_prefix(b":"))
            .flatten()
    })
}

/// One request on a connection of its own, waiting for the answer: for what is not measured.
pub(crate) fn call(address: SocketAddr, request: &str) -> Result<(u16, String)> {
    let mut connection = TcpStream::connect_timeout(&address, CALL_TIMEOUT)?;
    connection.set_read_timeout(Some(CALL_TIMEOUT))?;
    connection.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut part = [0; 16_384];
    loop {
        if let Some((status, length)) = answer(&bytes) {
            let start = head(&bytes).map_or(0, |head| head.length);
            let body = bytes.get(start..length).unwrap_or_default();
            return Ok((status, String::from_utf8_lossy(body).into_owned()));
        }
        let count = connection.read(&mut part)?;
        if count == 0 {
            return Err("the server closed before it answered".into());
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
    }
}

/// As `call`, where any other status than a 2xx is an error.
pub(crate) fn expect_success(address: SocketAddr, request: &str) -> Result<String> {
    let (status, body) = call(address, request)?;
    if !(200..300).contains(&status) {
        let line = request.lines().next().unwrap_or_default();
        return Err(format!("{line}: {status} {body}").into());
    }
    Ok(body)
}

/// Storing a thousand users is the slowest thing asked for.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::{Scanner, Stamp};

    #[test]
    fn an_answer_with_a_length_ends_where_it_says() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1";

        assert_eq!(answer(bytes), Some((201, bytes.len() - 8)));
        assert_eq!(answer(&bytes[..bytes.len() - 9]), None);
    }

    #[test]
    fn an_answer_in_chunks_ends_with_the_empty_one() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

        assert_eq!(answer(bytes), Some((200, bytes.len())));
        assert_eq!(answer(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn a_server_tells_that_it_will_close() {
        assert!(is_last(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
        assert!(is_last(b"HTTP/1.0 200 OK\r\n\r\n"));
        assert!(!is_last(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    }

    #[test]
    fn an_answer_without_a_body_ends_with_its_head() {
        let bytes = b"HTTP/1.1 202 Accepted\r\nServer: x\r\n\r\n";

        assert_eq!(answer(bytes), Some((202, bytes.len())));
    }

    #[test]
    fn a_template_names_the_user_and_the_stamp_everywhere() {
        let body = format!("{{\"to\":\"u{USER}\",\"data\":{{\"q\":\"{STAMP}\"}}}}");
        let mut template = Template::new(&post(&format!("/u{USER}"), "", &body)).unwrap();
        let stamp = Stamp {
            phase: 1,
            lane: 2,
            lane_sequence: 3,
            sequence: 4,
            sent: 5,
        };

        let filled = template.fill(&stamp, 42).to_vec();

        let text = String::from_utf8(filled.clone()).unwrap();
        assert!(text.starts_with("POST /u000042 "), "{text}");
        assert!(text.contains("\"to\":\"u000042\""), "{text}");
        let mut found = Vec::new();
        Scanner::new().scan(&filled, |stamp| found.push(stamp));
        assert_eq!(found, [stamp]);
        assert_eq!(STAMP.len(), stamp::WIDTH);
    }
}
