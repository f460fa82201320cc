//! Redirects.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

/// Redirects the browser, which then sends a GET (RFC 9110, 303).
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, path))
        .finish()
}
