//! One client of the hub with one connection: requests one after the other, each timed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;

use crate::error::Result;
use crate::http;

pub(crate) struct Caller {
    connection: TcpStream,
}

/// An answer, and the time from the request to its last byte.
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) took: Duration,
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self { connection })
    }

    /// Sends a whole request; any other status than a 2xx is an error.
    pub(crate) fn ask(&mut self, request: &str) -> Result<Answer> {
        let begin = Instant::now();
        self.connection.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let mut part = [0; 65_536];
        let (status, length) = loop {
            if let Some(answer) = http::answer(&bytes) {
                break answer;
            }
            let count = self.connection.read(&mut part)?;
            if count == 0 {
                return Err("the hub closed before it answered".into());
            }
            bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        };
        let took = begin.elapsed();
        let start = http::head(&bytes).map_or(0, |head| head.length);
        let body = bytes.get(start..length).unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        if !(200..300).contains(&status) {
            let line = request.lines().next().unwrap_or_default();
            return Err(format!("{line}: {status} {body}").into());
        }
        Ok(Answer { body, took })
    }

    /// Opens a stream on this connection, and reads until some bytes have come; the time from the request to them.
    pub(crate) fn follow(mut self, request: &str, until: &str) -> Result<Duration> {
        let begin = Instant::now();
        self.connection.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let mut part = [0; 65_536];
        while memmem::find(&bytes, until.as_bytes()).is_none() {
            let count = self.connection.read(&mut part)?;
            if count == 0 {
                let text = String::from_utf8_lossy(&bytes);
                return Err(format!("the stream ended without {until}: {text}").into());
            }
            bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        }
        Ok(begin.elapsed())
    }
}

/// A request that takes longer has no figure.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
