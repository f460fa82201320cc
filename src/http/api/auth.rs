//! `/api/auth`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::alarm::Role;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::identity::{Identity, UserView, refuse_other_sites};
use crate::http::sessions::{self, Credentials, Registration, Session};
use crate::http::state::AppState;

/// `POST /api/auth/signup`.
pub(crate) async fn sign_up(
    state: Data<AppState>,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    refuse_other_sites(&request, &state)?;
    // Said before the body is looked at: the answer does not depend on it.
    if !state.policy.signup_open {
        return Err(ApiError::SignupClosed);
    }
    let from = sessions::peer_address(&request);
    let session = sessions::sign_up(&state, body.parse::<Registration>()?, from).await?;
    Ok(begun(&state, &session, HttpResponse::Created()))
}

/// `POST /api/auth/login`.
pub(crate) async fn log_in(
    state: Data<AppState>,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    refuse_other_sites(&request, &state)?;
    let from = sessions::peer_address(&request);
    let session = sessions::sign_in(&state, body.parse::<Credentials>()?, from).await?;
    Ok(begun(&state, &session, HttpResponse::Ok()))
}

/// `POST /api/auth/logout`.
pub(crate) async fn log_out(
    state: Data<AppState>,
    identity: Identity,
) -> Result<HttpResponse, ApiError> {
    sessions::sign_out(&state, &identity).await?;
    Ok(HttpResponse::NoContent()
        .cookie(sessions::cleared_cookie(&state))
        .finish())
}

/// `GET /api/auth/me`.
pub(crate) async fn me(identity: Identity) -> HttpResponse {
    let (id, role): (_, Role) = (identity.user_id().clone(), identity.role());
    HttpResponse::Ok().json(UserView {
        id,
        display_name: identity.display_name(),
        role,
    })
}

fn begun(
    state: &AppState,
    session: &Session,
    mut answer: actix_web::HttpResponseBuilder,
) -> HttpResponse {
    answer
        .cookie(sessions::session_cookie(state, session))
        .insert_header(("Cache-Control", "no-store"))
        .json(session)
}
