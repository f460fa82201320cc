//! `/api/auth`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::sessions::{self, Credentials, Registration, Session};
use crate::actions::{AppState, Refusal};
use crate::http::body::JsonBody;
use crate::http::identity::Caller;
use crate::http::origin::refuse_other_sites;
use crate::http::problem::ApiError;
use crate::http::{cookies, peer};

/// `POST /api/auth/signup`.
pub(crate) async fn sign_up(
    state: Data<AppState>,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    refuse_other_sites(&request, &state)?;
    // Told before the body is read: the answer does not depend on it.
    if !state.policy.signup_open {
        return Err(Refusal::SignupClosed.into());
    }
    let from = peer::address(&request, &state);
    let session = sessions::sign_up(&state, body.parse::<Registration>()?, from).await?;
    Ok(begun(&request, &state, &session, HttpResponse::Created()))
}

/// `POST /api/auth/login`.
pub(crate) async fn log_in(
    state: Data<AppState>,
    request: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    refuse_other_sites(&request, &state)?;
    let from = peer::address(&request, &state);
    let session = sessions::sign_in(&state, body.parse::<Credentials>()?, from).await?;
    Ok(begun(&request, &state, &session, HttpResponse::Ok()))
}

/// `POST /api/auth/logout`.
pub(crate) async fn log_out(
    state: Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    sessions::sign_out(&state, &caller).await?;
    Ok(HttpResponse::NoContent()
        .cookie(cookies::cleared(&request, &state))
        .finish())
}

/// `GET /api/auth/me`.
pub(crate) async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(caller.view())
}

fn begun(
    request: &HttpRequest,
    state: &AppState,
    session: &Session,
    mut answer: actix_web::HttpResponseBuilder,
) -> HttpResponse {
    answer
        .cookie(cookies::of_session(request, state, session))
        .insert_header(("Cache-Control", "no-store"))
        .json(session)
}
