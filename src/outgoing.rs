//! Requests to other servers, such as one that shows the keys of an issuer: over https, without redirects, and with bounds on time
//! and size. An address is one of the operator's settings, or is named by a document that such an address gave.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use url::{Host, Url};

/// The client. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outgoing(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// The reason why a request has no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutgoingError {
    /// Not an address that is asked.
    #[error("{0}")]
    Address(&'static str),
    /// No answer in time.
    #[error("no answer within {} seconds", WITHIN.as_secs())]
    Late,
    /// An answer that is too large, or was cut.
    #[error("the answer has more than {MOST_BYTES} bytes, or was cut")]
    Body,
    /// Another status than 200.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// No connection.
    #[error("{0}")]
    Failed(String),
}

impl Outgoing {
    /// A client that trusts the authorities that are compiled in, and those of a PEM file.
    pub(crate) fn new(authorities: Option<&Path>) -> Result<Self, String> {
        let config = tls(roots(authorities)?).map_err(|cause| cause.to_string())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        // A connection is asked once a minute at most, so none is kept.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self(client))
    }

    /// The body of the answer to a GET, if its status is 200.
    pub(crate) async fn get(&self, url: &Url) -> Result<Bytes, OutgoingError> {
        let request = Request::get(url.as_str())
            .header("Accept", "application/json")
            .body(Full::default())
            .map_err(|cause| OutgoingError::Failed(cause.to_string()))?;
        let answer = self.send(request).await?;
        match answer.status().as_u16() {
            200 => Ok(without_mark(answer.into_body())),
            other => Err(OutgoingError::Status(other)),
        }
    }

    /// The answer to a request, whatever its status. A redirect is an answer, and is not followed.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, OutgoingError> {
        let url = Url::parse(&request.uri().to_string());
        let url = url.map_err(|_cause| OutgoingError::Address("this is not a URL"))?;
        check(&url).map_err(OutgoingError::Address)?;
        let agent = concat!("campanile/", env!("CARGO_PKG_VERSION"));
        if let Ok(agent) = agent.parse() {
            request.headers_mut().insert("User-Agent", agent);
        }
        tokio::time::timeout(WITHIN, self.answer(request))
            .await
            .map_err(|_elapsed| OutgoingError::Late)?
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, OutgoingError> {
        let answer = self.0.request(request).await;
        let answer = answer.map_err(|cause| OutgoingError::Failed(with_sources(&cause)))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await;
        let body = body.map_err(|_cause| OutgoingError::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

/// Some servers begin each text with a byte order mark. A reader of JSON may ignore it (RFC 8259, section 8.1).
fn without_mark(body: Bytes) -> Bytes {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    match body.starts_with(MARK) {
        true => body.slice(MARK.len()..),
        false => body,
    }
}

/// Checks that an address may be asked: over TLS, or on this machine.
pub(crate) fn check(url: &Url) -> Result<(), &'static str> {
    if !(url.username().is_empty() && url.password().is_none()) {
        return Err("an address holds no user name and no password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("an address begins with https://; http:// is for this machine alone"),
        _ => Err("an address begins with https://"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// The authorities that are compiled in, and those of a PEM file.
pub(crate) fn roots(authorities: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = authorities {
        add(&mut roots, path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    }
    Ok(roots)
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|cause| cause.to_string())? {
        let certificate = certificate.map_err(|cause| cause.to_string())?;
        roots.add(certificate).map_err(|cause| cause.to_string())?;
    }
    if roots.len() == before {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(())
}

/// A TLS client that trusts these authorities.
pub(crate) fn tls(roots: impl Into<Arc<RootCertStore>>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// An error with the errors behind it: the outer one of this library says only that a connection failed.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// A provider answers in well under a second.
const WITHIN: Duration = Duration::from_secs(10);

/// A key set of a provider has 2 to 20 KiB.
const MOST_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_asked() {
        let allowed = |url: &str| check(&Url::parse(url).unwrap()).is_ok();

        for url in [
            "https://login.example/jwks",
            "http://127.0.0.1:9/jwks",
            "http://[::1]/jwks",
            "http://localhost:9000/jwks",
        ] {
            assert!(allowed(url), "{url}");
        }
        for url in [
            "http://login.example/jwks",
            "http://localhost.login.example/jwks",
            "http://10.0.0.1/jwks",
            "http://127.0.0.1.login.example/jwks",
            "https://bob:secret@login.example/jwks",
            "file:///etc/passwd",
            "ftp://127.0.0.1/jwks",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }
}
