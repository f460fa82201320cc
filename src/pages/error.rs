//! What a page shows when it cannot show itself.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::error::ApiError;
use crate::pages::page::{Page, html, see_other};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is signed in: first that, then on to `next`.
    SignIn {
        /// Where he wanted to go.
        next: String,
    },
    /// The same as on the wire, in words for a person.
    Refused(ApiError),
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    detail: String,
    way_out: &'static str,
    way_out_words: &'static str,
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn { .. } => formatter.write_str("nobody is signed in"),
            Self::Refused(error) => error.fmt(formatter),
        }
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::SEE_OTHER,
            Self::Refused(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::SignIn { next } => {
                let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
                see_other(&format!("/?next={next}"))
            }
            Self::Refused(error) => refusal(error),
        }
    }
}

/// A path that leads nowhere: a page for browsers, a problem for programs.
pub(crate) async fn not_found(request: HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return Err(PageError::Refused(ApiError::NotFound("page")).into());
    }
    crate::http::not_found()
        .await
        .map_err(actix_web::Error::from)
}

/// A refusal as a sentence for a person. A fault of ours is named to the log only, which the wire's mapping does.
pub(crate) fn sentence(error: &ApiError) -> String {
    let detail = match error {
        ApiError::BadCredentials => "The user name or the password is wrong.".to_owned(),
        ApiError::Exists("user") => "That user name is taken.".to_owned(),
        ApiError::Exists("room") => "There is already a room at that address.".to_owned(),
        other => other.detail(),
    };
    let mut letters = detail.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = letters.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{stop}")
}

fn refusal(error: &ApiError) -> HttpResponse {
    let status = error.status_code();
    if let Some(cause) = error.cause() {
        log::error!("a page failed: {cause}");
    }
    let title = match status {
        StatusCode::NOT_FOUND => "This page does not exist",
        StatusCode::FORBIDDEN => "This is not for you",
        status if status.is_server_error() => "Something went wrong",
        _ => "That did not work",
    };
    let (way_out, way_out_words) = match error {
        ApiError::AccountDisabled => ("/", "To the first page"),
        _ => ("/rooms", "To the rooms"),
    };
    let template = ErrorPage {
        page: Page::public(title),
        status: status.as_u16(),
        detail: sentence(error),
        way_out,
        way_out_words,
    };
    let Ok(mut response) = html(status, &template) else {
        return HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR);
    };
    if let Some(seconds) = error
        .error_response()
        .headers_mut()
        .remove(RETRY_AFTER)
        .next()
    {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}
