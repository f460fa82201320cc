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
    authority: String,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// An answer, or a stream of events.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: RecvStream,
    // A request whose sending half is dropped counts as reset.
    _half: h2::SendStream<Bytes>,
    parser: Parser,
}

impl Connection {
    /// With prior knowledge, in clear text.
    pub(crate) async fn open(app: &TestApp) -> Self {
        let stream = TcpStream::connect(app.address())
            .await
            .expect("a connection");
        Self::over(stream, app.address()).await
    }

    /// Over anything that carries bytes.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        authority: &str,
    ) -> Self {
        let mut builder = Builder::new();
        // One stream that is not read must not use up what all have together: that would be the client's own fault.
        builder.initial_connection_window_size(64 * 1024 * 1024);
        let handshake = tokio::time::timeout(DEADLINE, builder.handshake(stream));
        let (send, connection) = handshake.await.expect("in time").expect("a handshake");
        Self {
            send: send.ready().await.expect("room for a request"),
            authority: authority.to_owned(),
            driver: tokio::spawn(connection),
        }
    }

    /// Sends a GET and waits for the head of its answer.
    pub(crate) async fn get(&mut self, token: &str, path: &str) -> Answer {
        self.send("GET", token, path, None).await
    }

    /// Publishes an alarm; gives its id.
    pub(crate) async fn publish(&mut self, token: &str, to: &Value, data: &Value) -> i64 {
        let body = json!({"to": to, "alarmType": "T", "data": data});
        let answer = self.send("POST", token, "/api/alarms", Some(body)).await;
        let (status, body) = (answer.status, answer.text().await);
        assert_eq!(status, 201, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        body["alarms"][0]["id"].as_i64().expect("an id")
    }

    /// Makes a user known.
    pub(crate) async fn know(&mut self, token: &str, id: &str) {
        let path = format!("/api/users/{id}");
        let answer = self.send("PUT", token, &path, Some(json!({}))).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.status);
    }

    async fn send(&mut self, method: &str, token: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.authority))
            .header("authorization", format!("Bearer {token}"));
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

impl Answer {
    /// The next event, read as fast as it comes.
    pub(crate) async fn next_event(&mut self, limit: Duration) -> Event {
        let next = async {
            loop {
                match self.parser.next() {
                    Some(Item::Event(event)) => return event,
                    Some(_other) => {}
                    None => {
                        let bytes = self.body.data().await.expect("no end").expect("no reset");
                        self.body
                            .flow_control()
                            .release_capacity(bytes.len())
                            .expect("a wider window");
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

    /// Everything up to the end.
    pub(crate) async fn text(mut self) -> String {
        let mut text = Vec::new();
        while let Some(bytes) = self.body.data().await {
            let bytes = bytes.expect("a body");
            self.body
                .flow_control()
                .release_capacity(bytes.len())
                .expect("a wider window");
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
