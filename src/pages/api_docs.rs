//! `/api/docs`: a page on which the API is read and tried. It is the same for everyone and needs no token; the viewer is embedded.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use askama::Template;

use crate::pages::error::PageError;
use crate::pages::page::html;

#[derive(Template)]
#[template(path = "api_docs.html")]
struct ApiDocs;

/// `GET /api/docs`.
pub(crate) async fn show() -> Result<HttpResponse, PageError> {
    let mut response = html(StatusCode::OK, &ApiDocs)?;
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The policy of every page, and images that a stylesheet carries itself: the viewer's has its icons as `data:` addresses.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'";
