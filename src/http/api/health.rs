//! `/healthz` and `/readyz`: may it live, may it have work.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::error::ApiError;
use crate::http::state::AppState;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthy() -> &'static str {
    "ok"
}

/// `GET /readyz`: it takes work, and its database answers.
pub(crate) async fn ready(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    if !state.readiness.is_on() {
        return Err(ApiError::ShuttingDown);
    }
    state.store.check().await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok"))
}
