//! Errors of the wire, and the one place that maps them to `application/problem+json` (RFC 9457).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::actions::{Overload, Refusal, Rule};
use crate::alarm::RoomId;
use crate::feed::FeedError;
use crate::http::status::{retry_after, status_and_code};

/// The reason for which a request is refused: an action was refused, or HTTP itself was used wrongly.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApiError {
    /// An action was refused.
    #[error(transparent)]
    Refused(Refusal),
    /// 400.
    #[error("the body is not JSON: {0}")]
    MalformedJson(String),
    /// 401: no token.
    #[error("this needs a token")]
    Unauthorized,
    /// 401: a token in the query, where the settings accept none.
    #[error(
        "this hub takes no token in the address (CAMPANILE_QUERY_TOKEN=off): send it as `Authorization: Bearer`"
    )]
    QueryTokenRefused,
    /// 412: the page was made for another user.
    #[error("this page is for the user {0}, and somebody else is signed in now")]
    OtherUser(String),
    /// 204: a browser that gets this answer stops coming back.
    #[error("this account is disabled")]
    StopStreaming,
    /// 403: a cookie with an unsafe method from another site.
    #[error("a request with the session cookie must come from this site")]
    CrossOrigin,
    /// 404: a path without a route.
    #[error("there is no such route")]
    NoRoute,
    /// 405.
    #[error("with a cookie, only {0} does this")]
    MethodNotAllowed(&'static str),
    /// 406.
    #[error("this route answers text/event-stream, application/x-ndjson or application/json")]
    NotAcceptable,
    /// 408.
    #[error("the body did not come within {} seconds", .0.as_secs())]
    BodyTimeout(Duration),
    /// 413.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// 415: a body in a coding, such as gzip.
    #[error(
        "the body is in the coding {0}: this hub takes bodies as they are, without a Content-Encoding"
    )]
    ContentCoding(String),
    /// 422: a JSON body of the wrong shape.
    #[error("{detail}")]
    InvalidBody {
        /// The stable code.
        code: &'static str,
        /// The path of the field and its fault.
        detail: String,
    },
    /// 422: a query parameter that the route does not know.
    #[error("unknown parameter `{name}`: this route knows {}", list_of(.known))]
    UnknownParameter {
        /// The parameter.
        name: String,
        /// Those that the route knows.
        known: &'static [&'static str],
    },
    /// 422: a parameter that has one value, given several times.
    #[error("parameter `{0}` is given more than once, and has one value")]
    RepeatedParameter(String),
    /// 400: a WebSocket handshake that cannot be answered (RFC 6455, section 4.2.1).
    #[error("the WebSocket handshake is incomplete: {0}")]
    Handshake(String),
    /// 400, 408 or 431: a request that could not be read.
    #[error("{}", unreadable(*.0))]
    Unreadable(StatusCode),
    /// 403: a CORS preflight from an origin that is not in the settings.
    #[error("origin {origin} is not in {setting}")]
    UnknownOrigin {
        /// The origin of the page.
        origin: String,
        /// The setting that names the origins of the route.
        setting: &'static str,
    },
    /// 426: a version of WebSocket that the hub does not speak (RFC 6455, section 4.2.2).
    #[error("this hub speaks version 13 of the WebSocket protocol")]
    WebSocketVersion,
    /// 503.
    #[error("the hub holds as many connections as it can; try again")]
    TooManyConnections,
}

/// An error body without the id of its request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    /// The rooms that do not exist, so that a client can leave them out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<RoomId>,
    /// The place of the fault in data or in a schema, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// For the log only.
    #[serde(skip)]
    cause: Option<String>,
}

impl ApiError {
    /// A field that breaks a rule.
    pub(crate) fn invalid(
        field: impl Into<std::borrow::Cow<'static, str>>,
        rule: impl Into<Rule>,
    ) -> Self {
        Self::Refused(Refusal::invalid(field, rule))
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(refusal) => status_and_code(refusal),
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::QueryTokenRefused => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::OtherUser(_) => (StatusCode::PRECONDITION_FAILED, "other_user"),
            Self::StopStreaming => (StatusCode::NO_CONTENT, "account_disabled"),
            Self::CrossOrigin => (StatusCode::FORBIDDEN, "cross_origin"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::BodyTimeout(_) => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::ContentCoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding"),
            Self::InvalidBody { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code),
            Self::Unreadable(status) => (*status, code_of(*status)),
            Self::UnknownOrigin { .. } => (StatusCode::FORBIDDEN, "cross_origin"),
            Self::UnknownParameter { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unknown_parameter")
            }
            Self::RepeatedParameter(_) => (StatusCode::UNPROCESSABLE_ENTITY, "repeated_parameter"),
            Self::Handshake(_) => (StatusCode::BAD_REQUEST, "invalid_handshake"),
            Self::WebSocketVersion => (StatusCode::UPGRADE_REQUIRED, "websocket_version"),
            Self::TooManyConnections => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => retry_after(refusal),
            Self::TooManyConnections => Some(10),
            _ => None,
        }
    }

    /// The header fields that tell a client what to do about it, whatever the form of the body.
    pub(crate) fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        if let Some(seconds) = self.retry_after() {
            fields.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::MethodNotAllowed(allowed) => {
                fields.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Self::ContentCoding(_) => {
                let identity = HeaderValue::from_static("identity");
                fields.insert(header::ACCEPT_ENCODING, identity);
            }
            Self::WebSocketVersion => {
                fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                let version = HeaderValue::from_static("13");
                fields.insert(header::SEC_WEBSOCKET_VERSION, version);
            }
            _ => {}
        }
        fields
    }

    /// The text for the client. The cause of a fault of the hub is for the log only.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Refused(Refusal::Internal(_)) => {
                "something went wrong here; the log says what".to_owned()
            }
            Self::Refused(Refusal::Unavailable(_)) => {
                "the database does not answer; try again".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// The text for the log only.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Refused(Refusal::Internal(cause) | Refusal::Unavailable(cause)) => {
                Some(cause.clone())
            }
            _ => None,
        }
    }

    /// The place of a fault in data or in a schema.
    fn pointer(&self) -> Option<&str> {
        let Self::Refused(refusal) = self else {
            return None;
        };
        match refusal.innermost() {
            Refusal::InvalidData { fault, .. } => Some(&fault.pointer),
            Refusal::InvalidSchema(fault) => Some(&fault.pointer),
            _ => None,
        }
    }

    /// The rooms that do not exist, if that is the fault.
    fn unknown_rooms(&self) -> &[RoomId] {
        match self {
            Self::Refused(Refusal::UnknownRooms(rooms)) => rooms,
            _ => &[],
        }
    }
}

fn list_of(known: &[&str]) -> String {
    if known.is_empty() {
        return "none".to_owned();
    }
    known.join(", ")
}

/// The code of an error that has none of its own.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::REQUEST_TIMEOUT => "request_timeout",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "header_too_large",
        status if status.is_server_error() => "internal_error",
        _ => "bad_request",
    }
}

fn unreadable(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_TIMEOUT => "the header of the request did not come within 10 seconds",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the header of the request is too large: over HTTP/1.1 it may have 128 KiB and 96 fields, over HTTP/2 64 KiB"
        }
        _ => {
            "this is not a request that HTTP/1.1 allows: its first line, a field or the Host is wrong"
        }
    }
}

impl Problem {
    /// The body of an error that came from the framework.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self::new(status, code_of(status), title.to_owned())
    }

    fn new(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self {
            kind: format!("urn:campanile:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            code,
            rooms: Vec::new(),
            pointer: None,
            cause: None,
        }
    }

    /// The text for the log, if there is one.
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
        *response.headers_mut() = self.fields();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Problem {
            cause: self.cause(),
            rooms: self.unknown_rooms().to_vec(),
            pointer: self.pointer().map(str::to_owned),
            ..Problem::new(status, code, self.detail())
        });
        response
    }
}

impl<T: Into<Refusal>> From<T> for ApiError {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Refused(cause) => Self::from(cause),
            FeedError::Store(cause) => Self::from(cause),
            FeedError::Stopping(cause) => Self::from(cause),
            FeedError::Gone => Self::ShuttingDown,
            FeedError::Overloaded => Self::Overloaded(Overload::Replaying),
        }
    }
}
