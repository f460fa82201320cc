//! The answers of the protocol: plain text, with the challenges of RFC 6750 in dialect 1.0.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};

use crate::actions::{AppState, Refusal};
use crate::auth::mercure::Version;
use crate::http::mercure::paths;
use crate::http::origin;
use crate::http::problem::ApiError;

/// The reason for which a request of the protocol is refused.
#[derive(Debug)]
pub(super) enum MercureError {
    /// There is no token where one is needed.
    NoToken,
    /// The token is not valid.
    InvalidToken,
    /// The token does not grant it.
    InsufficientScope,
    /// The way the token was sent is wrong.
    InvalidRequest,
    /// The request is wrong.
    BadRequest(&'static str),
    /// A topic that is kept for the hub.
    ReservedTopic,
    /// There is no such subscription, or no such route.
    NotFound,
    /// The body is too large, or names too many topics.
    TooLarge,
    /// The hub failed, refused the request or could not read its body.
    Failed(ApiError),
}

impl From<Refusal> for MercureError {
    fn from(refusal: Refusal) -> Self {
        Self::from(ApiError::from(refusal))
    }
}

impl From<ApiError> for MercureError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::BodyTooLarge(_most) => Self::TooLarge,
            other => Self::Failed(other),
        }
    }
}

impl MercureError {
    /// The answer in a dialect.
    pub(super) fn answer(
        &self,
        request: &HttpRequest,
        state: &AppState,
        version: Version,
    ) -> HttpResponse {
        let status = self.status(version);
        let mut answer = builder(status);
        if version == Version::One
            && let Some(challenge) = self.challenge(request, state)
        {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Self::Failed(error) = self {
            for field in error.fields() {
                answer.insert_header(field);
            }
            if let Some(cause) = error.cause() {
                log::error!("a Mercure request failed: {cause}");
            }
        }
        let text = match self {
            Self::BadRequest(text) => *text,
            _ => status.canonical_reason().unwrap_or_default(),
        };
        answer.content_type(PLAIN).body(format!("{text}\n"))
    }

    fn status(&self, version: Version) -> StatusCode {
        match (self, version) {
            (Self::NoToken | Self::InvalidToken, _)
            | (Self::InsufficientScope | Self::InvalidRequest, Version::Zero) => {
                StatusCode::UNAUTHORIZED
            }
            (Self::InsufficientScope, Version::One) | (Self::ReservedTopic, Version::Zero) => {
                StatusCode::FORBIDDEN
            }
            (Self::InvalidRequest | Self::ReservedTopic, Version::One)
            | (Self::BadRequest(_), _) => StatusCode::BAD_REQUEST,
            (Self::NotFound, _) => StatusCode::NOT_FOUND,
            (Self::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Self::Failed(error), _) => error.status_code(),
        }
    }

    /// The challenge of RFC 6750, section 3, with the address of the metadata (RFC 9728).
    fn challenge(&self, request: &HttpRequest, state: &AppState) -> Option<HeaderValue> {
        let error = match self {
            Self::NoToken => "",
            Self::InvalidToken => "error=\"invalid_token\", ",
            Self::InsufficientScope => "error=\"insufficient_scope\", ",
            Self::InvalidRequest => "error=\"invalid_request\", ",
            _ => return None,
        };
        let own = origin::own(request, state)?;
        let path = paths::METADATA;
        let challenge = format!("Bearer {error}resource_metadata=\"{own}{path}\"");
        HeaderValue::from_str(&challenge).ok()
    }
}

/// An answer with the security headers of the protocol's hubs.
pub(super) fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    for pair in SECURITY {
        answer.insert_header(*pair);
    }
    answer
}

/// Plain text.
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

const SECURITY: &[(&str, &str)] = &[
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    ("content-security-policy", "default-src 'self'"),
];
