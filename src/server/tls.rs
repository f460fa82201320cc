//! The certificate and key the hub speaks TLS with, which may be renewed while it runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The files, and their contents when they were last valid.
#[derive(Debug)]
pub(crate) struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads a PEM chain and its key.
    pub(crate) fn read(cert: &Path, key: &Path) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(certified_key(cert, key)?)),
        }))
    }

    /// Reads the files again. New connections use the new contents; if these are not valid, the old ones stay in use.
    pub(crate) fn renew(&self) -> Result<(), String> {
        let renewed = Arc::new(certified_key(&self.cert, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// HTTP/2 or HTTP/1.1, as the client likes, with whatever the certificate is at that moment.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, String> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|cause| cause.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certified_key(cert: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| format!("{}: {cause}", cert.display()))?;
    if chain.is_empty() {
        return Err(format!("{}: it holds no certificate", cert.display()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|cause| format!("{}: {cause}", key.display()))?;
    // This finds out as well whether the two belong together.
    CertifiedKey::from_der(chain, private, &provider())
        .map_err(|cause| format!("{} with {}: {cause}", cert.display(), key.display()))
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}
