//! Requests of the doctor: each over a connection of its own, with every header line as it came.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::net::Origin;
use crate::outgoing;

/// The address that is examined, and the token of the caller.
pub(super) struct Site {
    pub(super) origin: Origin,
    pub(super) token: Option<String>,
    host: String,
    port: u16,
    authority: String,
    roots: Arc<RootCertStore>,
}

/// The head of an answer, and its body as it comes.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
}

/// A short answer.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
}

trait Io: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

type Connection = Pin<Box<dyn Io>>;

impl Site {
    pub(super) fn new(
        origin: Origin,
        token: Option<String>,
        roots: RootCertStore,
    ) -> Result<Self, String> {
        let url = Url::parse(origin.as_str()).map_err(|cause| cause.to_string())?;
        let host = url.host_str().ok_or("the address has no host")?.to_owned();
        let port = url
            .port_or_known_default()
            .ok_or("the address has no port")?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        Ok(Self {
            origin,
            token,
            host,
            port,
            authority,
            roots: Arc::new(roots),
        })
    }

    /// A request, with the token.
    pub(super) fn request(&self, method: Method, path: &str) -> Builder {
        let request = self.bare(method, path);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// A request without the token.
    pub(super) fn bare(&self, method: Method, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(
                USER_AGENT,
                concat!("campanile-doctor/", env!("CARGO_PKG_VERSION")),
            )
    }

    /// The head of the answer; the body comes later.
    pub(super) async fn open(&self, request: Builder, body: Bytes) -> Result<Answer, String> {
        let opened = tokio::time::timeout(ANSWERS_WITHIN, self.sent(request, body)).await;
        let answer = opened.map_err(|_elapsed| NO_ANSWER.to_owned())??;
        let (head, body) = answer.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// The whole answer; its body is JSON, or null stands for it.
    pub(super) async fn ask(&self, request: Builder) -> Result<Told, String> {
        self.ask_with(request, Bytes::new(), ANSWERS_WITHIN).await
    }

    /// The same with a body, and a time of its own.
    pub(super) async fn ask_with(
        &self,
        request: Builder,
        body: Bytes,
        within: Duration,
    ) -> Result<Told, String> {
        let asked = async {
            let answer = self.sent(request, body).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|cause| format!("the answer was cut: {cause}"))?;
            Ok(Told {
                status: head.status,
                headers: head.headers,
                json: serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
            })
        };
        let asked = tokio::time::timeout(within, asked).await;
        asked.map_err(|_elapsed| NO_ANSWER.to_owned())?
    }

    /// The answer to the request of a WebSocket, and the first byte that comes over it.
    pub(super) async fn upgrade(&self, request: Builder) -> Result<Upgraded, String> {
        let upgraded = async {
            let answer = self.sent(request, Bytes::new()).await?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Upgraded::Refused(answer.status()));
            }
            let socket = hyper::upgrade::on(answer).await;
            let mut socket = TokioIo::new(socket.map_err(|cause| cause.to_string())?);
            let mut first = [0; 1];
            let read = tokio::io::AsyncReadExt::read(&mut socket, &mut first).await;
            match read {
                Ok(1..) => Ok(Upgraded::Speaks),
                Ok(0) | Err(_) => Ok(Upgraded::Silent),
            }
        };
        let upgraded = tokio::time::timeout(ANSWERS_WITHIN, upgraded).await;
        upgraded.unwrap_or(Ok(Upgraded::Silent))
    }

    /// The protocol that is agreed on where HTTP/2 is offered; `None` over plain HTTP.
    pub(super) async fn protocol(&self) -> Result<Option<String>, String> {
        if !self.origin.is_https() {
            return Ok(None);
        }
        let connecting = tokio::time::timeout(ANSWERS_WITHIN, self.tls(&["h2", "http/1.1"]));
        let stream = connecting
            .await
            .map_err(|_elapsed| NO_ANSWER.to_owned())??;
        let protocol = stream.get_ref().1.alpn_protocol().unwrap_or(b"http/1.1");
        Ok(Some(String::from_utf8_lossy(protocol).into_owned()))
    }

    /// The port accepts, but no TLS connection comes about.
    pub(super) async fn refuses_tls(&self) -> bool {
        let accepted = tokio::time::timeout(ANSWERS_WITHIN, self.tcp()).await;
        self.origin.is_https() && matches!(accepted, Ok(Ok(_))) && self.protocol().await.is_err()
    }

    async fn sent(&self, request: Builder, body: Bytes) -> Result<Response<Incoming>, String> {
        let request = request
            .body(Full::new(body))
            .map_err(|cause| cause.to_string())?;
        let io = TokioIo::new(self.connect().await?);
        let shaken = http1::handshake(io).await;
        let (mut sender, connection) = shaken.map_err(|cause| cause.to_string())?;
        // It ends with the answer.
        actix_web::rt::spawn(connection.with_upgrades());
        let answer = sender.send_request(request).await;
        answer.map_err(|cause| outgoing::with_sources(&cause))
    }

    async fn connect(&self) -> Result<Connection, String> {
        if self.origin.is_https() {
            return Ok(Box::pin(self.tls(&["http/1.1"]).await?));
        }
        Ok(Box::pin(self.tcp().await?))
    }

    async fn tcp(&self) -> Result<TcpStream, String> {
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await;
        stream.map_err(|cause| cause.to_string())
    }

    async fn tls(
        &self,
        protocols: &[&str],
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
        let config = outgoing::tls(Arc::clone(&self.roots));
        let mut config = config.map_err(|cause| cause.to_string())?;
        config.alpn_protocols = protocols
            .iter()
            .map(|one| one.as_bytes().to_vec())
            .collect();
        let host = self.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|cause| cause.to_string())?;
        let stream = self.tcp().await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
        stream.await.map_err(|cause| cause.to_string())
    }
}

/// The end of a request for a WebSocket.
pub(super) enum Upgraded {
    /// A message came over it.
    Speaks,
    /// It is open, and nothing came.
    Silent,
    /// Another status than 101.
    Refused(StatusCode),
}

impl Answer {
    /// The bytes that come next, until a moment; `None` at the end.
    pub(super) async fn next(&mut self, until: Instant) -> Next {
        let left = until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, self.body.frame()).await {
            Err(_elapsed) => Next::Late,
            Ok(Some(Ok(frame))) => Next::Bytes(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(_)) | None) => Next::End,
        }
    }
}

/// The next part of an answer.
pub(super) enum Next {
    /// These bytes.
    Bytes(Bytes),
    /// The end of the answer, or of the connection.
    End,
    /// Nothing in time.
    Late,
}

impl Told {
    /// The code of a refusal by the hub itself.
    pub(super) fn code(&self) -> Option<&str> {
        self.json.get("code").and_then(Value::as_str)
    }
}

/// A hub answers in milliseconds; a proxy that waits for one longer is at fault.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(8);

const NO_ANSWER: &str = "no answer in time";

const MOST_BYTES: usize = 1 << 20;
