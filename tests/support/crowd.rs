//! Stream clients cheap enough to have a thousand of: a bare socket and a parser of lines.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answers::answer;
use crate::support::{Claims, TestApp, sign};

/// One event, as far as a crowd cares.
#[derive(Default)]
pub(crate) struct Glimpse {
    pub(crate) name: String,
    pub(crate) id: Option<i64>,
    pub(crate) data: String,
}

/// A stream read from a bare socket.
pub(crate) struct RawStream {
    /// The last `retry`: when a browser would come back.
    pub(crate) retry: Option<u64>,
    socket: TcpStream,
    input: Vec<u8>,
    body: Chunked,
    text: Vec<u8>,
    event: Glimpse,
}

impl RawStream {
    /// Sends the request and reads the head of the answer, which must be 200.
    pub(crate) async fn open(address: &str, token: &str, cursor: Option<i64>) -> io::Result<Self> {
        let mut stream = Self::knock(address, token, cursor).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.socket.read_u8().await?);
        }
        if !head.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&head)));
        }
        Ok(stream)
    }

    /// Sends the request and reads nothing at all.
    pub(crate) async fn knock(address: &str, token: &str, cursor: Option<i64>) -> io::Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        let cursor = cursor.map_or(String::new(), |cursor| {
            format!("Last-Event-ID: {cursor}\r\n")
        });
        let request = format!(
            "GET /api/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Accept: text/event-stream\r\n{cursor}\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        Ok(Self {
            retry: None,
            socket,
            input: vec![0; 32 * 1024],
            body: Chunked::default(),
            text: Vec::new(),
            event: Glimpse::default(),
        })
    }

    /// Waits for more bytes and hands on each whole event; `false` at the end of the stream.
    pub(crate) async fn read(&mut self, mut each: impl FnMut(&Glimpse)) -> io::Result<bool> {
        let read = self.socket.read(&mut self.input).await?;
        let open = read > 0 && self.body.decode(&self.input[..read], &mut self.text);
        let whole = self
            .text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let lines = std::str::from_utf8(&self.text[..whole]).map_err(io::Error::other)?;
        for line in lines.lines() {
            if line.is_empty() {
                each(&self.event);
                self.event = Glimpse::default();
            } else if let Some(data) = line.strip_prefix("data: ") {
                // Alarms are many and only their ids count.
                if !data.starts_with("{\"id\":") {
                    data.clone_into(&mut self.event.data);
                }
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.event.id = Some(id.parse().map_err(io::Error::other)?);
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut self.event.name);
            } else if let Some(retry) = line.strip_prefix("retry: ") {
                self.retry = Some(retry.parse().map_err(io::Error::other)?);
            }
        }
        self.text.drain(..whole);
        Ok(open)
    }

    /// Reads on until that event has come.
    pub(crate) async fn wait_for(&mut self, name: &str) -> io::Result<Glimpse> {
        let mut found = None;
        while found.is_none() {
            let open = self
                .read(|event| {
                    if found.is_none() && event.name == name {
                        found = Some(Glimpse {
                            name: event.name.clone(),
                            id: event.id,
                            data: event.data.clone(),
                        });
                    }
                })
                .await?;
            if !open && found.is_none() {
                return Err(io::Error::other(format!("the stream ended before {name}")));
            }
        }
        found.ok_or_else(|| io::Error::other("nothing"))
    }
}

/// The transfer coding of HTTP/1.1, undone as the bytes come.
#[derive(Default)]
struct Chunked {
    size_line: Vec<u8>,
    remaining: usize,
    line_end: usize,
}

impl Chunked {
    /// Appends what the chunks hold to `text`; `false` after the last one.
    fn decode(&mut self, mut input: &[u8], text: &mut Vec<u8>) -> bool {
        while !input.is_empty() {
            if self.remaining > 0 {
                let (now, later) = input.split_at(self.remaining.min(input.len()));
                text.extend_from_slice(now);
                self.remaining -= now.len();
                input = later;
            } else if self.line_end > 0 {
                self.line_end -= 1;
                input = &input[1..];
            } else {
                let (byte, later) = (input[0], &input[1..]);
                input = later;
                self.size_line.push(byte);
                if byte == b'\n' {
                    let line = std::mem::take(&mut self.size_line);
                    let size = std::str::from_utf8(&line).expect("a chunk size").trim();
                    self.remaining = usize::from_str_radix(size, 16).expect("a chunk size");
                    self.line_end = 2;
                    if self.remaining == 0 {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// Makes `count` users known and gives a token for each.
pub(crate) async fn crowd(app: &TestApp, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|i| format!("member{i}")).collect();
    for some in ids.chunks(1000) {
        let users: Vec<Value> = some.iter().map(|id| json!({"id": id})).collect();
        answer(app.post(&app.service(), "/api/users").json(&users), 200).await;
    }
    ids.iter().map(|id| sign(&Claims::of(id, "user"))).collect()
}

/// Opens a stream for each token and waits until each has had its `connect`.
pub(crate) async fn connect(app: &TestApp, tokens: &[String]) -> Vec<RawStream> {
    // Connecting a few at a time keeps the queue of waiting connections short.
    const AT_ONCE: usize = 50;
    let address: Arc<str> = app.address().into();
    let mut streams = Vec::new();
    for some in tokens.chunks(AT_ONCE) {
        let opening = some.iter().map(|token| {
            let address = Arc::clone(&address);
            async move {
                let mut stream = RawStream::open(&address, token, None)
                    .await
                    .expect("a stream");
                stream.wait_for("connect").await.expect("connect");
                stream
            }
        });
        streams.extend(futures::future::join_all(opening).await);
    }
    streams
}
