//! A hub that a command speaks to over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use awc::http::StatusCode;
use awc::http::header;
use awc::{Client, ClientRequest, ClientResponse, Connector};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::Value;

use crate::app::error::StartError;
use crate::config::HubSetting;
use crate::outgoing;

/// A hub, and the token of the caller.
pub(super) struct Remote {
    client: Client,
    origin: String,
    token: Option<String>,
}

/// The reason why a hub did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No answer.
    #[error("{origin} does not answer: {cause}")]
    Unreachable {
        /// The hub.
        origin: String,
        /// The reason.
        cause: String,
    },
    /// An answer that says no.
    #[error("{0}")]
    Refused(Problem),
}

/// The refusal of a hub, or of a proxy before it (RFC 9457).
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    body: Option<ProblemBody>,
}

#[derive(Debug, Deserialize)]
struct ProblemBody {
    code: String,
    detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self.status {
            StatusCode::UNAUTHORIZED => " (the token is that of CAMPANILE_TOKEN)",
            _ => "",
        };
        match &self.body {
            Some(ProblemBody { code, detail }) => {
                write!(formatter, "the hub refuses: {code}: {detail}{hint}")
            }
            None => write!(formatter, "the answer is {}{hint}", self.status),
        }
    }
}

impl Failure {
    /// True if the same request may succeed a little later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => {
                problem.status.is_server_error() || problem.status == StatusCode::TOO_MANY_REQUESTS
            }
        }
    }
}

impl Remote {
    /// Speaks to the hub of the settings. Connects with the first request.
    pub(super) fn new(setting: &HubSetting) -> Result<Self, StartError> {
        let caller = &setting.caller;
        let roots = outgoing::roots(caller.ca_file.as_deref()).map_err(StartError::Authorities)?;
        let connector = Connector::new()
            .timeout(CONNECTS_WITHIN)
            .rustls_0_23(Arc::new(tls(roots)?));
        let client = Client::builder()
            .connector(connector)
            .disable_timeout()
            .disable_redirects()
            .finish();
        Ok(Self {
            client,
            origin: setting.hub.to_string(),
            token: caller.token(),
        })
    }

    /// Sends JSON and gives the answer. With a key the hub does the same request once.
    pub(super) async fn post(&self, path: &str, body: &Value, key: &str) -> Result<Value, Failure> {
        let request = self.client.post(format!("{}{path}", self.origin));
        let request = request.insert_header(("Idempotency-Key", key));
        let sent = self.authorised(request).send_json(body);
        let mut answer = self.answered(sent).await?;
        let body = tokio::time::timeout(ANSWERS_WITHIN, answer.body().limit(MOST_ANSWER_BYTES));
        let body = body.await.map_err(|_elapsed| self.unreachable(NO_ANSWER))?;
        let body = body.map_err(|cause| self.unreachable(cause))?;
        serde_json::from_slice(&body).map_err(|cause| self.unreachable(cause))
    }

    /// Opens a stream of lines of JSON.
    pub(super) async fn stream(
        &self,
        path: &str,
        cursor: Option<i64>,
    ) -> Result<ClientResponse<impl Payload + use<>>, Failure> {
        let request = self.client.get(format!("{}{path}", self.origin));
        let mut request = request.insert_header((header::ACCEPT, "application/x-ndjson"));
        if let Some(cursor) = cursor {
            request = request.insert_header(("Last-Event-ID", cursor.to_string()));
        }
        let sent = self.authorised(request).send();
        self.answered(sent).await
    }

    fn authorised(&self, request: ClientRequest) -> ClientRequest {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Waits for the head of an answer; one that is no success is a failure.
    async fn answered<P: Payload>(
        &self,
        sent: impl Future<Output = Result<ClientResponse<P>, awc::error::SendRequestError>>,
    ) -> Result<ClientResponse<P>, Failure> {
        let answered = tokio::time::timeout(ANSWERS_WITHIN, sent).await;
        let answered = answered.map_err(|_elapsed| self.unreachable(NO_ANSWER))?;
        let mut answer = answered.map_err(|cause| self.unreachable(cause))?;
        // A stream without content tells its client not to come back.
        let status = answer.status();
        if status.is_success() && status != StatusCode::NO_CONTENT {
            return Ok(answer);
        }
        let body = tokio::time::timeout(ANSWERS_WITHIN, answer.body().limit(MOST_ANSWER_BYTES));
        let body = body.await.ok().and_then(Result::ok).unwrap_or_default();
        Err(Failure::Refused(Problem {
            status: answer.status(),
            body: serde_json::from_slice(&body).ok(),
        }))
    }

    fn unreachable(&self, cause: impl fmt::Display) -> Failure {
        Failure::Unreachable {
            origin: self.origin.clone(),
            cause: cause.to_string(),
        }
    }
}

/// The body of an answer.
pub(super) trait Payload:
    futures::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>> + Unpin
{
}

impl<P> Payload for P where
    P: futures::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>> + Unpin
{
}

/// Trusts the authorities of the web, and those of the settings.
fn tls(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let mut config = outgoing::tls(roots)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// A hub answers `503` itself before that.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

const NO_ANSWER: &str = "no answer in time";

/// An answer names up to 1,000 alarms.
const MOST_ANSWER_BYTES: usize = 1 << 20;
