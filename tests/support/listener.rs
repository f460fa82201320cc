//! One client of `/api/stream`, over any of the five transports and either version of HTTP: the same code for all.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;

use futures::{Stream, StreamExt};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{DEADLINE, SseClient, TestApp};

/// A transport over one version of HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transport {
    pub(crate) kind: Kind,
    over: Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    EventStream,
    WebSocket,
    Lines,
    LongPolling,
    Polling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Http1,
    /// In clear text; all clients of a test share one connection.
    Http2,
}

/// The five transports over HTTP/1.1, and again over HTTP/2 those that it can carry.
pub(crate) const ALL: [Transport; 9] = [
    Transport::http1(Kind::EventStream),
    Transport::http1(Kind::WebSocket),
    Transport::http1(Kind::Lines),
    Transport::http1(Kind::LongPolling),
    Transport::http1(Kind::Polling),
    Transport::http2(Kind::EventStream),
    Transport::http2(Kind::Lines),
    Transport::http2(Kind::LongPolling),
    Transport::http2(Kind::Polling),
];

/// The transports that hold one answer open.
pub(crate) fn streaming() -> impl Iterator<Item = Transport> {
    ALL.into_iter().filter(|transport| transport.streams())
}

/// The transports with an open request between two events: all but polling.
pub(crate) fn waiting() -> impl Iterator<Item = Transport> {
    ALL.into_iter()
        .filter(|transport| transport.kind != Kind::Polling)
}

impl Transport {
    const fn http1(kind: Kind) -> Self {
        Self {
            kind,
            over: Over::Http1,
        }
    }

    const fn http2(kind: Kind) -> Self {
        Self {
            kind,
            over: Over::Http2,
        }
    }

    pub(crate) fn streams(self) -> bool {
        !matches!(self.kind, Kind::LongPolling | Kind::Polling)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}-{:?}", self.kind, self.over)
    }
}

/// Why there is no stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The hub answered so.
    Status(u16),
    /// There is no hub, or there no longer is.
    Gone,
}

/// One client.
pub(crate) struct Listener<'a> {
    app: &'a TestApp,
    transport: Transport,
    token: String,
    query: String,
    /// Everything up to here was taken.
    pub(crate) cursor: Option<i64>,
    link: Link,
}

enum Link {
    EventStream(Box<SseClient>),
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Lines(
        Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
        Vec<u8>,
    ),
    Poll(Polled),
}

/// The events of the last poll that were not taken yet, and the cursor that is valid once they are.
#[derive(Default)]
struct Polled {
    events: VecDeque<Value>,
    cursor: Option<i64>,
}

impl<'a> Listener<'a> {
    /// Opens a stream, or makes ready to poll; a stream's `connect` is read.
    pub(crate) async fn open(
        app: &'a TestApp,
        token: &str,
        transport: Transport,
        query: &str,
        cursor: Option<i64>,
    ) -> Self {
        let opened = Self::try_open(app, token, transport, query, cursor).await;
        opened.unwrap_or_else(|refused| panic!("{transport:?}: {refused:?}"))
    }

    /// See [`Self::open`].
    pub(crate) async fn try_open(
        app: &'a TestApp,
        token: &str,
        transport: Transport,
        query: &str,
        cursor: Option<i64>,
    ) -> Result<Self, Refused> {
        let mut listener = Self {
            app,
            transport,
            token: token.to_owned(),
            query: query.to_owned(),
            cursor,
            link: Link::Poll(Polled::default()),
        };
        if transport.streams() {
            listener.link = listener.link().await?;
            let connect = listener.event().await;
            if connect.is_null() {
                return Err(Refused::Gone);
            }
            assert_eq!(connect["event"], "connect", "{transport:?}");
            assert_eq!(connect["id"], connect["data"]["cursor"], "{transport:?}");
        } else if cursor.is_none() {
            // The current end of the log, as a stream's `connect` names it.
            listener.poll(false).await?;
        }
        Ok(listener)
    }

    async fn link(&self) -> Result<Link, Refused> {
        let address = self.address();
        match self.transport.kind {
            Kind::EventStream => {
                let answer = answered(self.get(&address, "text/event-stream")).await?;
                Ok(Link::EventStream(Box::new(SseClient::of(answer).await)))
            }
            Kind::WebSocket => {
                let request = web_socket_request(self.app, &self.token, &address);
                match connect_async(request).await {
                    Ok((socket, _answer)) => Ok(Link::WebSocket(Box::new(socket))),
                    Err(WsError::Http(answer)) => Err(Refused::Status(answer.status().as_u16())),
                    Err(_other) => Err(Refused::Gone),
                }
            }
            Kind::Lines => {
                let answer = answered(self.get(&address, "application/x-ndjson")).await?;
                assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
                Ok(Link::Lines(Box::pin(answer.bytes_stream()), Vec::new()))
            }
            Kind::LongPolling | Kind::Polling => Ok(Link::Poll(Polled::default())),
        }
    }

    fn get(&self, address: &str, accept: &str) -> RequestBuilder {
        let client = match self.transport.over {
            Over::Http1 => &self.app.client,
            Over::Http2 => &self.app.http2,
        };
        client
            .get(self.app.url(address))
            .bearer_auth(&self.token)
            .header("Accept", accept)
    }

    fn address(&self) -> String {
        let cursor = self.cursor.map(|cursor| format!("&cursor={cursor}"));
        format!("/api/stream?{}{}", self.query, cursor.unwrap_or_default())
    }

    /// The next event of any kind as `{event,id,data}`; null at the end.
    pub(crate) async fn event(&mut self) -> Value {
        let next = tokio::time::timeout(DEADLINE, self.wait_for_event()).await;
        let event =
            next.unwrap_or_else(|_elapsed| panic!("{:?}: an event in time", self.transport));
        if let Some(id) = event["id"].as_i64() {
            self.cursor = Some(id);
        }
        if let Link::Poll(Polled { events, cursor }) = &self.link
            && events.is_empty()
        {
            self.cursor = self.cursor.max(*cursor);
        }
        event
    }

    async fn wait_for_event(&mut self) -> Value {
        loop {
            match &mut self.link {
                Link::EventStream(stream) => {
                    let Some(event) = stream.event_or_end(DEADLINE).await else {
                        return Value::Null;
                    };
                    let id = event.id.as_ref();
                    let id = id.map(|id| id.parse::<i64>().expect("a number"));
                    return json!({"event": event.name(), "id": id, "data": event.json()});
                }
                Link::WebSocket(socket) => match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return serde_json::from_str(&text).expect("JSON");
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Value::Null,
                    Some(Ok(_)) => {}
                },
                Link::Lines(body, bytes) => {
                    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = bytes.drain(..=end).collect();
                        return serde_json::from_slice(&line).expect("JSON");
                    }
                    match body.next().await {
                        Some(Ok(more)) => bytes.extend_from_slice(&more),
                        Some(Err(_)) | None => return Value::Null,
                    }
                }
                Link::Poll(polled) => match polled.events.pop_front() {
                    Some(event) => return event,
                    None => {
                        let waits = self.transport.kind == Kind::LongPolling;
                        match self.poll(waits).await {
                            Ok(()) => {}
                            // On a connection that is not closed yet, a hub that stops says 503.
                            Err(Refused::Gone | Refused::Status(401 | 503)) => return Value::Null,
                            Err(other) => panic!("{:?}: {other:?}", self.transport),
                        }
                    }
                },
            }
        }
    }

    /// Asks once.
    async fn poll(&mut self, waits: bool) -> Result<(), Refused> {
        let wait = if waits { "&wait=20" } else { "" };
        let request = self.get(&format!("{}{wait}", self.address()), "application/json");
        let body: Value = answered(request)
            .await?
            .json()
            .await
            .map_err(|_broken_off| Refused::Gone)?;
        let events: VecDeque<Value> = body["events"].as_array().expect("events").clone().into();
        let cursor = body["cursor"].as_i64();
        if events.is_empty() {
            self.cursor = self.cursor.max(cursor);
        }
        self.link = Link::Poll(Polled { events, cursor });
        Ok(())
    }

    /// The id of the next alarm or message, other events are passed over; `None` at the end.
    pub(crate) async fn next_id(&mut self) -> Option<i64> {
        loop {
            let event = self.event().await;
            if event.is_null() {
                return None;
            }
            if matches!(event["event"].as_str(), Some("alarm" | "message")) {
                assert_eq!(event["id"], event["data"]["id"]);
                return event["id"].as_i64();
            }
        }
    }

    /// The ids of the next `count` alarms and messages.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let id = self.next_id().await;
            ids.push(id.unwrap_or_else(|| panic!("{:?}: the end after {ids:?}", self.transport)));
        }
        ids
    }

    /// As [`Self::ids`], for a client that comes back with its cursor whenever it is cut off.
    pub(crate) async fn ids_resuming(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            match self.next_id().await {
                Some(id) => ids.push(id),
                None => {
                    let cursor = self.cursor;
                    *self = Self::open(self.app, &self.token, self.transport, &self.query, cursor)
                        .await;
                }
            }
        }
        ids
    }

    /// The next event of that name; others are passed over.
    pub(crate) async fn named(&mut self, name: &str) -> Value {
        loop {
            let event = self.event().await;
            assert!(
                !event.is_null(),
                "{:?}: {name} before the end",
                self.transport
            );
            if event["event"] == name {
                return event["data"].clone();
            }
        }
    }
}

async fn answered(request: RequestBuilder) -> Result<reqwest::Response, Refused> {
    let answer = tokio::time::timeout(DEADLINE, request.send()).await;
    let answer = answer.expect("an answer in time");
    let answer = answer.map_err(|_no_answer| Refused::Gone)?;
    match answer.status().as_u16() {
        200 => Ok(answer),
        status => Err(Refused::Status(status)),
    }
}

/// A handshake with a token in its header.
pub(crate) fn web_socket_request(app: &TestApp, token: &str, path: &str) -> Request {
    let url = format!("ws://{}{path}", app.address());
    let mut request = url.into_client_request().expect("a request");
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("ASCII");
    request.headers_mut().insert("Authorization", bearer);
    request
}
