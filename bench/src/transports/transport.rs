//! The five transports of the stream, and the request that opens each.

use clap::ValueEnum;

use crate::http;

/// One transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Transport {
    /// Asks again and again.
    Polling,
    /// Asks, and is answered at the first alarm.
    LongPolling,
    /// One answer that does not end, an object a line.
    Streaming,
    /// RFC 6455.
    WebSocket,
    /// `text/event-stream`.
    Sse,
}

impl Transport {
    pub(crate) const ALL: [Self; 5] = [
        Self::Polling,
        Self::LongPolling,
        Self::Streaming,
        Self::WebSocket,
        Self::Sse,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::LongPolling => "long polling",
            Self::Streaming => "HTTP streaming",
            Self::WebSocket => "WebSocket",
            Self::Sse => "SSE",
        }
    }

    /// Returns true if the transport needs a request for every answer.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::Polling | Self::LongPolling)
    }

    /// The request for what a room says, with no more headers than it needs. Without a cursor it starts now, and a poll is answered at once.
    pub(crate) fn request(self, authorization: &str, room: &str, cursor: Option<u64>) -> String {
        let mut path = format!("/api/stream?room={room}");
        if let Some(cursor) = cursor {
            path.push_str(&format!("&cursor={cursor}"));
            if self == Self::LongPolling {
                path.push_str(WAIT);
            }
        }
        let own = match self {
            Self::Polling | Self::LongPolling => "Accept: application/json\r\n",
            Self::Streaming => "Accept: application/x-ndjson\r\n",
            Self::WebSocket => http::WEB_SOCKET,
            Self::Sse => "Accept: text/event-stream\r\n",
        };
        http::get(&path, &format!("{authorization}{own}"))
    }
}

/// Longer than any measurement's pause between two alarms, shorter than the hub's own limit of 60.
const WAIT: &str = "&wait=30";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_without_a_cursor_does_not_wait_and_one_with_a_cursor_does() {
        let first = Transport::LongPolling.request("A: b\r\n", "r1", None);
        let next = Transport::LongPolling.request("A: b\r\n", "r1", Some(7));

        assert!(
            first.starts_with("GET /api/stream?room=r1 HTTP/1.1\r\n"),
            "{first}"
        );
        assert!(
            next.starts_with("GET /api/stream?room=r1&cursor=7&wait=30 HTTP/1.1\r\n"),
            "{next}"
        );
        assert!(next.contains("A: b\r\nAccept: application/json\r\n"));
    }
}
