//! The sign-in with a provider: the authorization code flow of OpenID Connect 1.0 with PKCE (RFC 7636), `state` and `nonce`. The
//! addresses of the provider are those of its document, which is fetched together with its keys, beside the requests.

use bytes::Bytes;
use http_body_util::Full;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::auth::issuers::{Document, Issuer, SignInSettings};
use crate::outgoing::{self, Outgoing, OutgoingError};

/// A sign-in that has begun.
pub(crate) struct Begun {
    /// The page of the provider that the visitor is sent to.
    pub(crate) address: Url,
    /// The part that the visitor's browser keeps until it comes back.
    pub(crate) kept: Kept,
}

/// The part of a sign-in that the visitor's browser keeps while the provider asks for their password.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Comes back with the visitor, so that nobody else can end the sign-in.
    pub(crate) state: String,
    /// Is in the token, so that it is of this sign-in.
    pub(crate) nonce: String,
    /// Proves to the provider that the sign-in was begun here.
    verifier: String,
}

/// The answer of a provider to a visitor who signed in.
pub(crate) struct Code {
    /// The code that is exchanged for tokens.
    pub(crate) code: String,
    /// The issuer that the answer names (RFC 9207).
    pub(crate) issuer: Option<String>,
}

/// The reason why a provider signs nobody in.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NotSignedIn {
    /// Its document was not fetched yet.
    #[error("the document of the provider was not fetched yet")]
    Unknown,
    /// It answers in a way that is not taken. Quoted, because the words may be the provider's.
    #[error("{0:?}")]
    Failed(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct IdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

type Tokens = StandardTokenResponse<IdToken, BasicTokenType>;

type OpenId = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// Begins a sign-in, which comes back to `callback`.
pub(crate) fn begin(issuer: &Issuer, callback: &str) -> Result<Begun, NotSignedIn> {
    let document = issuer.document().ok_or(NotSignedIn::Unknown)?;
    let settings = sign_in(issuer)?;
    let address = document.authorization().map_err(NotSignedIn::Failed)?;
    let client = client(settings, callback)?.set_auth_uri(AuthUrl::from_url(address));
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let nonce = CsrfToken::new_random().into_secret();
    let scopes = settings.scopes.iter().cloned().map(Scope::new);
    let (address, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(scopes)
        .add_extra_param("nonce", nonce.clone())
        .set_pkce_challenge(challenge)
        .url();
    Ok(Begun {
        address,
        kept: Kept {
            state: state.into_secret(),
            nonce,
            verifier: verifier.into_secret(),
        },
    })
}

/// Exchanges the code of a visitor who came back for the ID token, which is not checked here.
pub(crate) async fn exchange(
    issuer: &Issuer,
    callback: &str,
    (answer, kept): (Code, &Kept),
    outgoing: &Outgoing,
) -> Result<String, NotSignedIn> {
    let document = issuer.document().ok_or(NotSignedIn::Unknown)?;
    check_issuer(&document, issuer, answer.issuer.as_deref())?;
    let address = document.token().map_err(NotSignedIn::Failed)?;
    let mut client = client(sign_in(issuer)?, callback)?.set_token_uri(TokenUrl::from_url(address));
    if document.wants_secret_in_body() {
        client = client.set_auth_type(AuthType::RequestBody);
    }
    let send = |request: HttpRequest| send(outgoing, request);
    let answer = client
        .exchange_code(AuthorizationCode::new(answer.code))
        .set_pkce_verifier(PkceCodeVerifier::new(kept.verifier.clone()))
        .request_async(&send)
        .await;
    let tokens = answer.map_err(failed)?;
    let token = tokens.extra_fields().id_token.clone();
    token.ok_or_else(|| NotSignedIn::Failed("the provider gave no ID token".to_owned()))
}

/// The address that ends the visitor's session at the provider and leads back, if it has one (OpenID Connect RP-Initiated
/// Logout 1.0).
pub(crate) fn end_session(issuer: &Issuer, id_token: Option<&str>, back: &str) -> Option<Url> {
    let mut address = issuer.document()?.end_session().ok()?;
    let client_id = &sign_in(issuer).ok()?.client_id;
    address
        .query_pairs_mut()
        .extend_pairs(id_token.map(|token| ("id_token_hint", token)))
        .append_pair("client_id", client_id)
        .append_pair("post_logout_redirect_uri", back);
    Some(address)
}

/// Checks that an answer comes from the provider that the visitor was sent to (RFC 9207, section 2.4).
fn check_issuer(
    document: &Document,
    issuer: &Issuer,
    told: Option<&str>,
) -> Result<(), NotSignedIn> {
    let is_right = match told {
        Some(told) => told == issuer.settings().issuer,
        None => !document.names_issuer(),
    };
    is_right.then_some(()).ok_or_else(|| {
        NotSignedIn::Failed("the answer does not name the issuer of this sign-in".to_owned())
    })
}

fn sign_in(issuer: &Issuer) -> Result<&SignInSettings, NotSignedIn> {
    let settings = issuer.settings().sign_in.as_ref();
    settings.ok_or_else(|| NotSignedIn::Failed("there is no sign-in".to_owned()))
}

fn client(settings: &SignInSettings, callback: &str) -> Result<OpenId, NotSignedIn> {
    let callback = RedirectUrl::new(callback.to_owned()).map_err(failed)?;
    let client = OpenId::new(ClientId::new(settings.client_id.clone()));
    let client = match &settings.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.reveal().to_owned())),
        None => client,
    };
    Ok(client.set_redirect_uri(callback))
}

async fn send(outgoing: &Outgoing, request: HttpRequest) -> Result<HttpResponse, OutgoingError> {
    let answer = outgoing.send(request.map(|body| Full::new(Bytes::from(body))));
    Ok(answer.await?.map(|body| body.to_vec()))
}

fn failed(cause: impl std::error::Error) -> NotSignedIn {
    NotSignedIn::Failed(outgoing::with_sources(&cause))
}
