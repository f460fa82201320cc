//! `/api/users`: a site's back end makes its own users known.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::actions::identity::UserView;
use crate::actions::leaving::{self, Leaving};
use crate::actions::{AppState, accounts};
use crate::alarm::{DisplayName, Role, UserId};
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::identity::UserKeeper;
use crate::http::problem::ApiError;

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[serde(default)]
    display_name: Option<DisplayName>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
}

#[derive(utoipa::ToSchema, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    id: UserId,
    #[serde(default)]
    display_name: Option<DisplayName>,
}

#[derive(utoipa::ToSchema, Serialize)]
struct Counted {
    created: usize,
    updated: usize,
}

/// Makes an account, or changes it.
#[utoipa::path(put, path = "/api/users/{id}", tag = "users",
    request_body = Change,
    params(("id" = UserId, Path)),
    responses((status = 200, description = "Changed", body = UserView), (status = 201, description = "Made", body = UserView)))]
pub(crate) async fn put(
    state: Data<AppState>,
    keeper: UserKeeper,
    request: HttpRequest,
    id: Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let id = UserId::parse(id.into_inner()).map_err(|rule| ApiError::invalid("id", rule))?;
    let wanted: Change = body.parse()?;
    let by = keeper.actor(&request, &state);
    let change = accounts::Change {
        display_name: wanted.display_name,
        role: wanted.role,
        disabled: wanted.disabled,
    };
    let (user, is_new) = accounts::put(&state, &keeper, by, (id, change)).await?;
    let mut answer = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(user))
}

/// Makes or changes several accounts.
#[utoipa::path(post, path = "/api/users", tag = "users",
    request_body = Vec<Known>,
    responses((status = 200, description = "Done", body = Counted)))]
pub(crate) async fn post_many(
    state: Data<AppState>,
    keeper: UserKeeper,
    request: HttpRequest,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let (users, _bytes) = body.parse_list::<Known>()?;
    let users = users.into_iter().map(|user| (user.id, user.display_name));
    let by = keeper.actor(&request, &state);
    let outcome = accounts::put_many(&state, &keeper, by, users.collect()).await?;
    Ok(HttpResponse::Ok().json(Counted {
        created: outcome.created,
        updated: outcome.updated,
    }))
}

/// Ends all sessions of an account.
#[utoipa::path(post, path = "/api/users/{id}/sign-out", tag = "users",
    params(("id" = String, Path)),
    responses((status = 204, description = "Signed out everywhere")))]
pub(crate) async fn sign_out(
    state: Data<AppState>,
    keeper: UserKeeper,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    leave(&state, &keeper, &request, (&id, Leaving::SignOut)).await
}

/// Deletes an account.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users",
    params(("id" = String, Path)),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete(
    state: Data<AppState>,
    keeper: UserKeeper,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    leave(&state, &keeper, &request, (&id, Leaving::Delete)).await
}

async fn leave(
    state: &AppState,
    keeper: &UserKeeper,
    request: &HttpRequest,
    whom: (&str, Leaving),
) -> Result<HttpResponse, ApiError> {
    let by = keeper.actor(request, state);
    leaving::leave(state, keeper, by, whom).await?;
    Ok(HttpResponse::NoContent().finish())
}
