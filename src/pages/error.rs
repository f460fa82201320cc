//! What a page shows when it cannot show itself.

use std::fmt;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::pages::page::{Page, html, see_other};
use crate::pages::visitor::{Visit, Visitor};

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
            Self::Refused(error) => {
                let mut response = HttpResponse::new(error.status_code());
                response.extensions_mut().insert(Refused(error.clone()));
                response
            }
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

/// Gives a refusal its page, where the language of whoever asked is known.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let refused = response.response_mut().extensions_mut().remove::<Refused>();
    let Some(Refused(error)) = refused else {
        return Ok(response);
    };
    if let Some(cause) = error.cause() {
        log::error!("a page failed: {cause}");
    }
    let page = refusal(&error, response.request().clone()).await;
    Ok(response.into_response(page))
}

async fn refusal(error: &ApiError, request: HttpRequest) -> HttpResponse {
    let (status, words) = (error.status_code(), Visit::of(&request).words);
    let title = match status {
        StatusCode::NOT_FOUND => words.fault.not_found,
        StatusCode::FORBIDDEN => words.fault.forbidden,
        status if status.is_server_error() => words.fault.broken,
        _ => words.fault.refused,
    };
    let (way_out, way_out_words) = match error {
        ApiError::AccountDisabled => ("/", words.fault.to_start),
        _ => ("/rooms", words.fault.to_rooms),
    };
    let template = ErrorPage {
        page: frame(status, &request, title).await,
        status: status.as_u16(),
        detail: words.sentence(error),
        way_out,
        way_out_words,
    };
    let Ok(mut response) = html(status, &template) else {
        return HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut told = error.error_response();
    if let Some(seconds) = told.headers_mut().remove(RETRY_AFTER).next() {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// The page with the bar of whoever is signed in. A hub that is in trouble is asked for nothing more.
async fn frame(status: StatusCode, request: &HttpRequest, title: &str) -> Page {
    let public = Page::public(Visit::of(request), title);
    let Some(state) = request.app_data::<Data<AppState>>() else {
        return public;
    };
    if status.is_server_error() {
        return public;
    }
    match Visitor::extract(request).await {
        Ok(visitor) => Page::of(state, &visitor, title, "").await.unwrap_or(public),
        Err(_not_signed_in) => public,
    }
}

/// A refusal on its way to its page.
struct Refused(ApiError);
