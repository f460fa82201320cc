//! `/healthz`, `/readyz` and `/metrics`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::{AppState, Forbidden, Refusal};
use crate::alarm::Role;
use crate::http::identity::{QueryToken, identify};
use crate::http::peer;
use crate::http::problem::ApiError;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthy() -> &'static str {
    "ok"
}

/// `GET /readyz`: the hub takes work, and its database answers.
pub(crate) async fn ready(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.check().await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok"))
}

/// `GET /metrics`: for an admin, or for a scraper on the same machine.
pub(crate) async fn metrics(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let is_local = peer::is_local(&request);
    match identify(&request, QueryToken::Refused).await? {
        Some(caller) if caller.role() == Role::Admin => {}
        Some(_) => return Err(Refusal::Forbidden(Forbidden::NeedsAdmin).into()),
        None if is_local => {}
        None => return Err(ApiError::Unauthorized),
    }
    let text = state
        .metrics
        .text()
        .map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
