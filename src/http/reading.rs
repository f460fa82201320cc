//! Routes that are read: GET and HEAD.

use actix_web::Route;
use actix_web::guard::{Any, Get, Head};
use actix_web::web::route;

/// A route for GET, and for HEAD, which every GET that changes nothing implies (RFC 9110, section 9.1). The server leaves
/// the body of the answer out.
pub(crate) fn read() -> Route {
    route().guard(Any(Get()).or(Head()))
}
