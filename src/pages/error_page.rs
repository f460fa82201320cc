//! The error page.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use crate::actions::{AppState, Refusal};
use crate::http::problem::ApiError;
use crate::pages::error::{PageError, PageFault, Told};
use crate::pages::page::{Page, html};
use crate::pages::visitor::{Visit, Visitor};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    detail: String,
    way_out: &'static str,
    way_out_words: &'static str,
}

/// The answer for a path without a route: a page for browsers, a problem document for programs.
pub(crate) async fn not_found(request: HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return Err(PageError::NoPage.into());
    }
    crate::http::not_found()
        .await
        .map_err(actix_web::Error::from)
}

/// Turns a refusal into a page, in the language of the request.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let told = response.response_mut().extensions_mut().remove::<Told>();
    let Some(Told(fault)) = told else {
        return Ok(response);
    };
    if let PageFault::Refused(error) = &fault
        && let Some(cause) = error.cause()
    {
        log::error!("a page failed: {cause}");
    }
    // Boxed, so that requests without a fault keep no room for it.
    let page = Box::pin(error_page(&fault, response.request().clone())).await;
    Ok(response.into_response(page))
}

async fn error_page(fault: &PageFault, request: HttpRequest) -> HttpResponse {
    let (status, words) = (fault.status(), Visit::of(&request).words);
    let title = match status {
        StatusCode::NOT_FOUND => words.fault.not_found,
        StatusCode::FORBIDDEN => words.fault.forbidden,
        status if status.is_server_error() => words.fault.broken,
        _ => words.fault.refused,
    };
    let (way_out, way_out_words) = match fault {
        PageFault::Refused(ApiError::Refused(Refusal::AccountDisabled)) => {
            ("/", words.fault.to_start)
        }
        _ => ("/rooms", words.fault.to_rooms),
    };
    let template = ErrorPage {
        page: frame(status, &request, title).await,
        status: status.as_u16(),
        detail: match fault {
            PageFault::NoPage => words.refusals.no_such_page.to_owned(),
            PageFault::Refused(error) => words.sentence(error),
        },
        way_out,
        way_out_words,
    };
    let Ok(mut response) = html(status, &template) else {
        return HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR);
    };
    if let PageFault::Refused(error) = fault {
        let mut told = error.error_response();
        if let Some(seconds) = told.headers_mut().remove(RETRY_AFTER).next() {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
    }
    response
}

/// The page around the error, with the bar if the visitor is signed in. After a server error the database is not asked.
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
