//! One HTTP/2 connection, and full control of what is read on it.

use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream};
use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::sse::{Event, Item, Parser};
use super::{DEADLINE, TestApp};

/// A connection. Dropping it ends it, whatever is open on it.
pub(crate) struct Connection {
    send: SendRequest<Bytes>,
    base_url: String,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// An answer, or a stream of events.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: RecvStream,
    // A request whose sending half is dropped counts as reset.
    _half: h2::SendStream<Bytes>,
    parser: Parser,
    /// The beginning of a line.
    rest: Vec<u8>,
}

async fn socket(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.address()).await;
    stream.expect("a connection")
}

impl Connection {
    /// With prior knowledge, in clear text.
    pub(crate) async fn open(app: &TestApp) -> Self {
        Self::over(socket(app).await, &app.base_url).await
    }

    /// Over anything that carries bytes.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        base_url: &str,
    ) -> Self {
        let mut builder = Builder::new();
        // Enough that one stream which is not read leaves room for the others.
        builder.initial_connection_window_size(64 * 1024 * 1024);
        Self::with(builder, stream, base_url).await
    }

    /// With windows in which no stream may send anything.
    pub(crate) async fn shut(app: &TestApp) -> Self {
        let mut builder = Builder::new();
        builder.initial_window_size(0);
        Self::with(builder, socket(app).await, &app.base_url).await
    }

    /// With the window of the standard for the connection: one stream that is not read can use it up.
    pub(crate) async fn narrow(app: &TestApp) -> Self {
        Self::with(Builder::new(), socket(app).await, &app.base_url).await
    }

    async fn with(
        builder: Builder,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        base_url: &str,
    ) -> Self {
        let handshake = tokio::time::timeout(DEADLINE, builder.handshake(stream));
        let (send, connection) = handshake.await.expect("in time").expect("a handshake");
        Self {
            send: send.ready().await.expect("room for a request"),
            base_url: base_url.to_owned(),
            driver: tokio::spawn(connection),
        }
    }

    /// Sends a GET and waits for the head of its answer.
    pub(crate) async fn get(&mut self, token: &str, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &bearer(token))], None)
            .await
    }

    /// Publishes an alarm; gives its id.
    pub(crate) async fn publish(&mut self, token: &str, to: &Value, data: &Value) -> i64 {
        let body = json!({"to": to, "alarmType": "T", "data": data});
        let headers = [("authorization", &*bearer(token))];
        let answer = self.send("POST", "/api/alarms", &headers, Some(body)).await;
        let (status, body) = (answer.status, answer.text().await);
        assert_eq!(status, 201, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        body["alarms"][0]["id"].as_i64().expect("an id")
    }

    /// Makes a user known.
    pub(crate) async fn know(&mut self, token: &str, id: &str) {
        let path = format!("/api/users/{id}");
        let headers = [("authorization", &*bearer(token))];
        let answer = self.send("PUT", &path, &headers, Some(json!({}))).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.status);
    }

    /// Sends any request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(()).expect("a request");
        let ready = self.send.clone().ready();
        self.send = tokio::time::timeout(DEADLINE, ready)
            .await
            .expect("room for a request in time")
            .expect("an open connection");
        let sent = self.send.send_request(request, body.is_none());
        let (answer, mut half) = sent.expect("a request that is sent");
        if let Some(body) = body {
            half.send_data(body.to_string().into(), true)
                .expect("a body that is sent");
        }
        let answer = tokio::time::timeout(DEADLINE, answer)
            .await
            .expect("an answer in time")
            .expect("an answer");
        Answer {
            status: answer.status().as_u16(),
            body: answer.into_body(),
            _half: half,
            parser: Parser::default(),
            rest: Vec::new(),
        }
    }

    /// Waits until the server ends the connection; how it did.
    pub(crate) async fn ended(mut self, limit: Duration) -> Result<(), h2::Error> {
        // A connection whose last handle is gone would end by itself.
        let ended = tokio::time::timeout(limit, &mut self.driver).await;
        ended
            .unwrap_or_else(|_elapsed| panic!("still open after {limit:?}"))
            .expect("the driver's end")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

impl Answer {
    /// Waits, without reading, until the server resets the stream.
    pub(crate) async fn reset(&mut self, limit: Duration) -> Reason {
        let reset = std::future::poll_fn(|context| self._half.poll_reset(context));
        let reset = tokio::time::timeout(limit, reset).await;
        reset.expect("a reset in time").expect("an open connection")
    }

    /// The next event, read as fast as it comes.
    pub(crate) async fn next_event(&mut self, limit: Duration) -> Event {
        let next = async {
            loop {
                match self.parser.next() {
                    Some(Item::Event(event)) => return event,
                    Some(_other) => {}
                    None => {
                        let bytes = self.data().await.expect("no end");
                        self.parser.feed(&bytes);
                    }
                }
            }
        };
        tokio::time::timeout(limit, next)
            .await
            .expect("an event in time")
    }

    /// The next event of that name; others are passed over.
    pub(crate) async fn next_named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next_event(DEADLINE).await;
            if event.name() == name {
                return event;
            }
        }
    }

    /// The next line of a body of lines.
    pub(crate) async fn line(&mut self) -> Value {
        let whole = async {
            loop {
                if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.rest.drain(..=end).collect();
                    return serde_json::from_slice(&line).expect("JSON");
                }
                let more = self.data().await.expect("no end");
                self.rest.extend_from_slice(&more);
            }
        };
        tokio::time::timeout(DEADLINE, whole)
            .await
            .expect("a line in time")
    }

    /// The next bytes. The flow-control window is opened again by their size.
    async fn data(&mut self) -> Option<Bytes> {
        let bytes = self.body.data().await?.expect("no reset");
        self.body
            .flow_control()
            .release_capacity(bytes.len())
            .expect("a wider window");
        Some(bytes)
    }

    /// Everything up to the end.
    pub(crate) async fn text(mut self) -> String {
        let mut text = Vec::new();
        while let Some(bytes) = self.data().await {
            text.extend_from_slice(&bytes);
        }
        String::from_utf8(text).expect("UTF-8")
    }

    /// Takes what the window lets through and never widens it; for what reason the server gives up.
    pub(crate) async fn starve(&mut self, limit: Duration) -> Option<Reason> {
        let end = async {
            loop {
                match self.body.data().await {
                    Some(Ok(_bytes)) => {}
                    Some(Err(cause)) => return cause.reason(),
                    None => return None,
                }
            }
        };
        tokio::time::timeout(limit, end)
            .await
            .unwrap_or_else(|_elapsed| panic!("not given up within {limit:?}"))
    }
}
