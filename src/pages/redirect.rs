//! Sending the browser to another page.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

/// Sends the browser on, with a GET (RFC 9110, 303).
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, path))
        .finish()
}
