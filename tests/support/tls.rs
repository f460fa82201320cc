//! Certificates made for a test, and a client that trusts only those.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name of the certificate's file in the folder of a test's server.
pub(crate) const CERT_FILE: &str = "cert.pem";

/// See [`CERT_FILE`].
pub(crate) const KEY_FILE: &str = "key.pem";

/// A certificate for this machine, and its key.
pub(crate) struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    /// A new one, unlike any other.
    pub(crate) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        Self(generate_simple_self_signed(names).expect("a certificate"))
    }

    /// The names and contents of the files to write.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        vec![
            (CERT_FILE, self.0.cert.pem()),
            (KEY_FILE, self.0.signing_key.serialize_pem()),
        ]
    }

    /// Puts it where a server looks when it is told to.
    pub(crate) fn write(&self, folder: &Path) {
        for (name, text) in self.files() {
            std::fs::write(folder.join(name), text).expect("a file of the certificate's");
        }
    }

    /// Connects to a server that must show this very certificate.
    pub(crate) async fn connect(&self, address: &str, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("a root");
        let provider = rustls::crypto::ring::default_provider();
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("the versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .expect("a handshake with the certificate that is expected");
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(protocol.as_bytes())
        );
        stream
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }
}
