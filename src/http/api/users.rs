//! `/api/users`: a site's back end makes its own users known.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use crate::actions::{AppState, accounts};
use crate::alarm::{DisplayName, Role, UserId};
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::identity::Publisher;
use crate::http::problem::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[serde(default)]
    display_name: Option<DisplayName>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    id: UserId,
    #[serde(default)]
    display_name: Option<DisplayName>,
}

#[derive(Serialize)]
struct Counted {
    created: usize,
    updated: usize,
}

/// `PUT /api/users/{id}`.
pub(crate) async fn put(
    state: Data<AppState>,
    publisher: Publisher,
    id: Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let id = UserId::parse(id.into_inner()).map_err(|rule| ApiError::invalid("id", rule))?;
    let wanted: Change = body.parse()?;
    let change = accounts::Change {
        display_name: wanted.display_name,
        role: wanted.role,
        disabled: wanted.disabled,
    };
    let (user, is_new) = accounts::put(&state, &publisher, id, change).await?;
    let mut answer = if is_new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(user))
}

/// `POST /api/users`.
pub(crate) async fn post_many(
    state: Data<AppState>,
    _publisher: Publisher,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let users: Vec<Known> = body.parse()?;
    let users = users.into_iter().map(|user| (user.id, user.display_name));
    let outcome = accounts::put_many(&state, users.collect()).await?;
    Ok(HttpResponse::Ok().json(Counted {
        created: outcome.created,
        updated: outcome.updated,
    }))
}
