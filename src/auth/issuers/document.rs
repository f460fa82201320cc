//! The document of a provider (OpenID Connect Discovery 1.0, section 3). It is fetched together with the keys.

use serde::Deserialize;
use url::Url;

use crate::outgoing::{self, Outgoing};

/// The document of a provider.
#[derive(Debug, Deserialize)]
pub(in crate::auth) struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Document {
    /// Fetches the document of an issuer, which has to be the issuer's own (section 4.3).
    pub(super) async fn fetch(
        url: &Url,
        issuer: &str,
        outgoing: &Outgoing,
    ) -> Result<Self, String> {
        let failed = |cause: &dyn std::fmt::Display| format!("{url}: {cause}");
        let body = outgoing.get(url).await.map_err(|cause| failed(&cause))?;
        let document: Self = serde_json::from_slice(&body)
            .map_err(|_cause| failed(&"it is not the document of a provider"))?;
        if document.issuer != issuer {
            return Err(failed(&"it is the document of another issuer"));
        }
        document.key_set().map_err(|cause| failed(&cause))?;
        Ok(document)
    }

    /// The address of the key set.
    pub(super) fn key_set(&self) -> Result<Url, String> {
        address("jwks_uri", Some(&self.jwks_uri))
    }

    /// The page where visitors sign in.
    pub(in crate::auth) fn authorization(&self) -> Result<Url, String> {
        address(
            "authorization_endpoint",
            self.authorization_endpoint.as_deref(),
        )
    }

    /// The address that exchanges codes for tokens.
    pub(in crate::auth) fn token(&self) -> Result<Url, String> {
        address("token_endpoint", self.token_endpoint.as_deref())
    }

    /// The page that ends a session (OpenID Connect RP-Initiated Logout 1.0, section 2.1); not every provider has one.
    pub(in crate::auth) fn end_session(&self) -> Result<Url, String> {
        address("end_session_endpoint", self.end_session_endpoint.as_deref())
    }

    /// True if the secret of a client is taken in the body of a request alone. Without a list it is taken in a header.
    pub(in crate::auth) fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_some_and(|methods| {
            let has = |name: &str| methods.iter().any(|method| method == name);
            has("client_secret_post") && !has("client_secret_basic")
        })
    }

    /// True if each answer to a visitor names the issuer (RFC 9207, section 3).
    pub(in crate::auth) fn names_issuer(&self) -> bool {
        self.authorization_response_iss_parameter_supported
    }
}

/// An address of the document, if it may be asked.
fn address(name: &str, text: Option<&str>) -> Result<Url, String> {
    let text = text.ok_or_else(|| format!("the provider's document has no {name}"))?;
    let url = Url::parse(text).map_err(|cause| format!("{name}: {cause}"))?;
    outgoing::check(&url).map_err(|cause| format!("{name}: {cause}"))?;
    Ok(url)
}
