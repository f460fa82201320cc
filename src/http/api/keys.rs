//! `/api/admin/keys`, `/api/admin/audit` and `POST /api/tokens`.

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::actions::api_keys::{self, KeyView, Wanted, WhichKey};
use crate::actions::{AppState, Forbidden, Refusal, audit, user_tokens};
use crate::http::body::{JsonBody, Params};
use crate::http::codes::ProblemDocument;
use crate::http::identity::{Admin, KeyHolder};
use crate::http::problem::ApiError;

#[derive(utoipa::ToSchema, Serialize)]
struct Keys {
    keys: Vec<KeyView>,
}

/// The API keys.
#[utoipa::path(get, path = "/api/admin/keys", tag = "back ends",
    responses((status = 200, description = "All keys", body = Keys)))]
pub(crate) async fn list(state: Data<AppState>, _admin: Admin) -> Result<HttpResponse, ApiError> {
    let keys = api_keys::list(&state).await?;
    Ok(HttpResponse::Ok().json(Keys { keys }))
}

/// Makes an API key.
#[utoipa::path(post, path = "/api/admin/keys", tag = "back ends",
    request_body = Wanted,
    responses((status = 201, description = "Made; the key is shown this once", body = api_keys::NewKey), (status = 409, description = "A key of that name exists", body = ProblemDocument, content_type = "application/problem+json")))]
pub(crate) async fn create(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let wanted: Wanted = body.parse()?;
    let by = admin.actor(&request, &state);
    let made = api_keys::create(&state, wanted, by).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(made))
}

/// Revokes an API key.
#[utoipa::path(delete, path = "/api/admin/keys/{id}", tag = "back ends",
    params(("id" = String, Path)),
    responses((status = 204, description = "Revoked")))]
pub(crate) async fn revoke(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let which = WhichKey::Id(id.into_inner());
    api_keys::revoke(&state, which, admin.actor(&request, &state)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Enables an API key that a restore left off.
#[utoipa::path(post, path = "/api/admin/keys/{id}/enable", tag = "back ends",
    params(("id" = String, Path)),
    responses((status = 200, description = "Enabled", body = KeyView)))]
pub(crate) async fn enable(
    state: Data<AppState>,
    admin: Admin,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let which = WhichKey::Id(id.into_inner());
    let key = api_keys::enable(&state, which, admin.actor(&request, &state)).await?;
    Ok(HttpResponse::Ok().json(key))
}

/// A page of the audit log.
#[utoipa::path(get, path = "/api/admin/audit", tag = "back ends",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100), ("before" = Option<i64>, Query)),
    responses((status = 200, description = "A page", body = audit::AuditPage)))]
pub(crate) async fn audit(
    state: Data<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let before = params.parsed::<i64>("before")?;
    let page = audit::page(&state, before, params.limit(50)?).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Gives a token for a user to a back end with an API key.
#[utoipa::path(post, path = "/api/tokens", tag = "back ends",
    request_body = user_tokens::Wanted,
    responses((status = 201, description = "A token", body = user_tokens::Issued)))]
pub(crate) async fn issue(
    state: Data<AppState>,
    caller: KeyHolder,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let key = caller
        .key()
        .ok_or(Refusal::Forbidden(Forbidden::NeedsKey))?;
    let by = caller.actor(&request, &state);
    let issued = user_tokens::issue(&state, key, by, body.parse()?).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(issued))
}
