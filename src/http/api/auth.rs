//! `/api/auth`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::identity::UserView;
use crate::actions::sessions::{self, Credentials, Registration, Session};
use crate::actions::{AppState, Refusal};
use crate::http::body::JsonBody;
use crate::http::codes::ProblemDocument;
use crate::http::identity::Holder;
use crate::http::origin::refuse_other_sites;
use crate::http::problem::ApiError;
use crate::http::{cookies, peer};

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/api/auth/signup", tag = "sessions",
    request_body = Registration,
    responses((status = 201, description = "The account and its first session", body = Session), (status = 409, description = "The user exists", body = ProblemDocument, content_type = "application/problem+json")))]
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

/// Signs in with a password.
#[utoipa::path(post, path = "/api/auth/login", tag = "sessions",
    request_body = Credentials,
    responses((status = 200, description = "A session", body = Session)))]
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

/// Ends the session of the request.
#[utoipa::path(post, path = "/api/auth/logout", tag = "sessions",
    responses((status = 204, description = "Done")))]
pub(crate) async fn log_out(
    state: Data<AppState>,
    request: HttpRequest,
    caller: Holder,
) -> Result<HttpResponse, ApiError> {
    sessions::sign_out(&state, &caller).await?;
    Ok(HttpResponse::NoContent()
        .cookie(cookies::cleared(&request, &state))
        .finish())
}

/// The account and the session of the caller.
#[utoipa::path(get, path = "/api/auth/me", tag = "sessions",
    responses((status = 200, description = "Done", body = UserView)))]
pub(crate) async fn me(caller: Holder) -> HttpResponse {
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
