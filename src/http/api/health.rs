//! `/healthz`, `/readyz` and `/metrics`.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::{AppState, Forbidden, Refusal, api_keys};
use crate::alarm::Scope;
use crate::http::identity::{QueryToken, identify};
use crate::http::lists::members;
use crate::http::peer;
use crate::http::problem::ApiError;
use crate::metrics::Exposition;

/// Answers while the process runs.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain")))]
pub(crate) async fn healthy() -> &'static str {
    "ok"
}

/// Answers 200 if the hub takes work and its database answers.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, description = "The hub takes work", body = String, content_type = "text/plain")))]
pub(crate) async fn ready(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.check().await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok"))
}

/// The metrics in the text format that the scraper prefers.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Prometheus text, or OpenMetrics where Accept prefers it", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    check_scraper(&request).await?;
    let format = preferred(&request);
    // The kernel is asked for open files, which may be many.
    let text = actix_web::web::block(move || state.metrics.text(format));
    let text = text.await.map_err(|cause| cause.to_string());
    let text = text.and_then(|text| text.map_err(|cause| cause.to_string()));
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .body(text.map_err(Refusal::Internal)?))
}

/// Lets an admin read the metrics, an API key of the scope, or a scraper on the same machine.
async fn check_scraper(request: &HttpRequest) -> Result<(), ApiError> {
    match identify(request, QueryToken::Refused).await? {
        Some(caller) if caller.is_admin() => Ok(()),
        Some(caller) => match caller.key() {
            Some(key) => Ok(api_keys::require(key, Scope::Metrics)?),
            None => Err(Refusal::Forbidden(Forbidden::NeedsAdmin).into()),
        },
        None if peer::is_local(request) => Ok(()),
        None => Err(ApiError::Unauthorized),
    }
}

/// OpenMetrics for a scraper that names it and likes it best; else the format that every scraper reads.
fn preferred(request: &HttpRequest) -> Exposition {
    let weight = |media_type: &str| {
        let named = members(request.headers(), header::ACCEPT)
            .filter(|member| member.value.eq_ignore_ascii_case(media_type));
        named.map(|member| member.weight).max().unwrap_or_default()
    };
    let open = weight("application/openmetrics-text");
    if open > 0 && open >= weight("text/plain") {
        Exposition::OpenMetrics
    } else {
        Exposition::Prometheus
    }
}
