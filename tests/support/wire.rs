//! HTTP/1.1 byte by byte, for what no client library lets a test send or see.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::DEADLINE;

/// Beyond every time-out of the server, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

/// One connection of HTTP/1.1, byte by byte.
pub(crate) struct Wire(pub(crate) TcpStream);

/// An answer with the length of its body in its head.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) async fn open(address: &str) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("room");
    }

    /// The next head, in lower case.
    pub(crate) async fn head(&mut self) -> String {
        let reading = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("more of the head"));
            }
            String::from_utf8(head).expect("text").to_ascii_lowercase()
        };
        tokio::time::timeout(DEADLINE, reading)
            .await
            .expect("a head in time")
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let (_, rest) = head.split_once("content-length: ").unwrap_or(("", "0\r"));
        let length = rest.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("the body");
        Answer {
            head,
            body: String::from_utf8(body).expect("text"),
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(mut self) -> String {
        let mut text = Vec::new();
        let reading = self.0.read_to_end(&mut text);
        tokio::time::timeout(LONG, reading)
            .await
            .expect("an end in time")
            .expect("an orderly end");
        String::from_utf8_lossy(&text).into_owned()
    }

    pub(crate) async fn is_at_its_end(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(DEADLINE, self.0.read(&mut byte)).await;
        matches!(read.expect("in time"), Ok(0) | Err(_))
    }
}
