//! The error of a page handler, which is answered with a redirect or an error page.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::actions::Refusal;
use crate::http::problem::ApiError;
use crate::pages::redirect::see_other;

/// The reason why a page is not shown.
#[derive(Debug)]
pub(crate) enum PageError {
    /// The visitor is not signed in: they are sent to sign in, and then to `next`.
    SignIn {
        /// The page that was requested.
        next: String,
    },
    /// There is no page at this address.
    NoPage,
    /// The same refusal as in the API, shown as a sentence.
    Refused(ApiError),
}

/// A refusal in the extensions of a response, which `error_page` turns into a page.
#[derive(Debug, Clone)]
pub(super) struct Told(pub(super) PageFault);

/// The content of an error page.
#[derive(Debug, Clone)]
pub(super) enum PageFault {
    /// There is no page at this address.
    NoPage,
    /// A refusal.
    Refused(ApiError),
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIn { .. } => formatter.write_str("nobody is signed in"),
            Self::NoPage => formatter.write_str("there is no such page"),
            Self::Refused(error) => error.fmt(formatter),
        }
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl PageFault {
    /// The status of the error page.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoPage => StatusCode::NOT_FOUND,
            Self::Refused(error) => error.status_code(),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::SEE_OTHER,
            Self::NoPage => StatusCode::NOT_FOUND,
            Self::Refused(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let fault = match self {
            Self::SignIn { next } => {
                let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
                return see_other(&format!("/?next={next}"));
            }
            Self::NoPage => PageFault::NoPage,
            Self::Refused(error) => PageFault::Refused(error.clone()),
        };
        let mut response = HttpResponse::new(fault.status());
        response.extensions_mut().insert(Told(fault));
        response
    }
}
