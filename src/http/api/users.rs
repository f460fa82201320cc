//! `/api/users`: a site's back end makes its own users known.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use crate::alarm::{DisplayName, Role, UserId};
use crate::http::body::{JsonBody, LARGE_BODY};
use crate::http::error::ApiError;
use crate::http::identity::{Publisher, UserView};
use crate::http::state::AppState;
use crate::hub::{Bye, Close, Which};
use crate::store::NewAccount;

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
    let id = UserId::parse(id.into_inner()).map_err(|cause| ApiError::invalid("id", cause))?;
    let change: Change = body.parse()?;
    let known = state.store.account(&id).await?;
    let was_admin = known
        .as_ref()
        .is_some_and(|account| account.role == Role::Admin);
    let concerns_admin = was_admin || change.role == Some(Role::Admin);
    if publisher.role() != Role::Admin
        && (change.disabled.is_some() || (concerns_admin && change.role.is_some()))
    {
        return Err(ApiError::Forbidden(
            "only an admin gives or takes the role admin, or disables an account",
        ));
    }
    let account = NewAccount {
        display_name: change.display_name,
        role: change.role,
        disabled: change.disabled,
        ..NewAccount::named(id.clone())
    };
    let outcome = state.store.upsert_accounts(vec![account]).await?;
    let account = state
        .store
        .account(&id)
        .await?
        .ok_or(ApiError::NotFound("user"))?;
    let role_changed = known.is_some_and(|known| known.role != account.role);
    if account.disabled || role_changed {
        state.rights.taken();
        // What they may see was decided when they were opened.
        let bye = if account.disabled {
            Bye::Disabled
        } else {
            Bye::Kicked
        };
        state
            .broadcaster
            .send(Close {
                which: Which::User(id),
                bye,
            })
            .await?;
    }
    let mut answer = if outcome.created > 0 {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(UserView::of(&account)))
}

/// `POST /api/users`.
pub(crate) async fn post_many(
    state: Data<AppState>,
    _publisher: Publisher,
    body: JsonBody<LARGE_BODY>,
) -> Result<HttpResponse, ApiError> {
    let users: Vec<Known> = body.parse()?;
    if users.len() > MOST_USERS {
        return Err(ApiError::invalid("users", "at most 1000 at once"));
    }
    let accounts = users.into_iter().map(|user| NewAccount {
        display_name: user.display_name,
        ..NewAccount::named(user.id)
    });
    let outcome = state.store.upsert_accounts(accounts.collect()).await?;
    Ok(HttpResponse::Ok().json(Counted {
        created: outcome.created,
        updated: outcome.updated,
    }))
}

/// One request is one transaction of the only writer.
const MOST_USERS: usize = 1_000;
