//! Every refusal of the wire, and the one place that maps it to `application/problem+json` (RFC 9457).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::alarm::InvalidValue;
use crate::auth::PasswordError;
use crate::hub::SubscribeError;
use crate::journal::AppendError;
use crate::store::{Refusal, StoreError};

/// Why a request is not answered as it wished.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApiError {
    /// 400.
    #[error("the body is not JSON: {0}")]
    MalformedJson(String),
    /// 401: no token.
    #[error("this needs a token")]
    Unauthorized,
    /// 401: a token that is not good.
    #[error("the token is invalid or expired")]
    InvalidToken,
    /// 401: a good token of nobody.
    #[error("the token's user has no account")]
    UnknownSubject,
    /// 401: wrong user id or password, without telling which.
    #[error("the user id or the password is wrong")]
    BadCredentials,
    /// 403.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 403: the account is shut out.
    #[error("this account is disabled")]
    AccountDisabled,
    /// 204: a browser that hears this stops coming back.
    #[error("this account is disabled")]
    StopStreaming,
    /// 403.
    #[error("people cannot create accounts here")]
    SignupClosed,
    /// 403: a cookie with an unsafe method from another site.
    #[error("a request with the session cookie must come from this site")]
    CrossOrigin,
    /// 404.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// 405.
    #[error("with a cookie, only {0} does this")]
    MethodNotAllowed(&'static str),
    /// 406.
    #[error("this route answers text/event-stream, application/x-ndjson or application/json")]
    NotAcceptable,
    /// 409.
    #[error("there is already a {0} of that id")]
    Exists(&'static str),
    /// 408.
    #[error("the body did not come within {} seconds", .0.as_secs())]
    BodyTimeout(Duration),
    /// 413.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// 422.
    #[error("{detail}")]
    Unprocessable {
        /// The stable code.
        code: &'static str,
        /// What is wrong, naming the field.
        detail: String,
    },
    /// 429.
    #[error("too many attempts; try again later")]
    TooManyAttempts(Duration),
    /// 429.
    #[error("this user has as many streams as one may have")]
    TooManyStreams,
    /// 500: its cause is logged, not told.
    #[error("{0}")]
    Internal(String),
    /// 503: its cause is logged, not told.
    #[error("{0}")]
    Unavailable(String),
    /// 503.
    #[error("{0}")]
    Overloaded(String),
    /// 503.
    #[error("the hub holds as many connections as it can; try again")]
    TooManyConnections,
    /// 503.
    #[error("the hub is stopping")]
    ShuttingDown,
    /// 507.
    #[error("there is no room left to store it")]
    StorageFull,
}

/// An error body, but for the id of its request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    /// What the log is told and the body is not.
    #[serde(skip)]
    cause: Option<String>,
}

impl ApiError {
    /// A field that cannot be taken, and why.
    pub(crate) fn invalid(field: &str, why: impl std::fmt::Display) -> Self {
        Self::Unprocessable {
            code: "invalid_field",
            detail: format!("{field}: {why}"),
        }
    }

    fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause.clone()),
            StoreError::Full => Self::StorageFull,
            StoreError::Conflict | StoreError::Broken(_) => Self::Internal(error.to_string()),
        }
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::UnknownSubject => (StatusCode::UNAUTHORIZED, "unknown_user"),
            Self::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::AccountDisabled => (StatusCode::FORBIDDEN, "account_disabled"),
            Self::StopStreaming => (StatusCode::NO_CONTENT, "account_disabled"),
            Self::SignupClosed => (StatusCode::FORBIDDEN, "signup_closed"),
            Self::CrossOrigin => (StatusCode::FORBIDDEN, "cross_origin"),
            Self::NotFound("room") => (StatusCode::NOT_FOUND, "room_not_found"),
            Self::NotFound("alarm") => (StatusCode::NOT_FOUND, "alarm_not_found"),
            Self::NotFound("user") => (StatusCode::NOT_FOUND, "user_not_found"),
            Self::NotFound("connection") => (StatusCode::NOT_FOUND, "connection_not_found"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::Exists("room") => (StatusCode::CONFLICT, "room_exists"),
            Self::Exists(_) => (StatusCode::CONFLICT, "user_exists"),
            Self::BodyTimeout(_) => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::Unprocessable { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code),
            Self::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::TooManyStreams => (StatusCode::TOO_MANY_REQUESTS, "too_many_streams"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Overloaded(_) | Self::TooManyConnections => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
            }
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Self::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts(wait) => Some(wait.as_secs().saturating_add(1)),
            Self::TooManyStreams | Self::TooManyConnections => Some(10),
            Self::Unavailable(_) | Self::Overloaded(_) | Self::ShuttingDown => Some(1),
            _ => None,
        }
    }

    /// What is told; a fault of ours is named to the log only.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Internal(_) => "something went wrong here; the log says what".to_owned(),
            Self::Unavailable(_) => "the database does not answer; try again".to_owned(),
            other => other.to_string(),
        }
    }

    /// What only the log is told.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) => Some(cause.clone()),
            _ => None,
        }
    }
}

impl Problem {
    /// The body of an error that came from the framework.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
            StatusCode::REQUEST_TIMEOUT => "request_timeout",
            status if status.is_server_error() => "internal_error",
            _ => "bad_request",
        };
        let title = status.canonical_reason().unwrap_or("Error");
        Self::new(status, code, title.to_owned())
    }

    fn new(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self {
            kind: format!("urn:campanile:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            cause: None,
        }
    }

    /// What the log is to say, if anything.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    /// The body is written where the id of the request is known: see `request`.
    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut response = HttpResponse::new(status);
        if status == StatusCode::NO_CONTENT {
            return response;
        }
        if let Some(seconds) = self.retry_after() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            let value = HeaderValue::from_static(allowed);
            response.headers_mut().insert(header::ALLOW, value);
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Problem {
            cause: self.cause(),
            ..Problem::new(status, code, self.detail())
        });
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::of_store(&error)
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Refused(refusal) => Self::from(refusal),
            AppendError::Overloaded | AppendError::Unsettled => Self::Overloaded(error.to_string()),
            AppendError::ShuttingDown => Self::ShuttingDown,
            AppendError::Store(cause) => Self::of_store(&cause),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::Failed(cause) => return Self::of_store(cause),
            Refusal::UnknownUser(_) => "unknown_user",
            Refusal::UnknownRoom(_) => "unknown_room",
            Refusal::IdempotencyMismatch => "idempotency_mismatch",
        };
        Self::Unprocessable {
            code,
            detail: refusal.to_string(),
        }
    }
}

impl From<SubscribeError> for ApiError {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::TooManyStreams => Self::TooManyStreams,
            SubscribeError::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl From<actix::MailboxError> for ApiError {
    fn from(_error: actix::MailboxError) -> Self {
        Self::ShuttingDown
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Invalid(why) => Self::invalid("password", why),
            PasswordError::Busy => Self::Overloaded(error.to_string()),
        }
    }
}

impl From<InvalidValue> for ApiError {
    fn from(error: InvalidValue) -> Self {
        Self::Unprocessable {
            code: "invalid_field",
            detail: error.to_string(),
        }
    }
}
