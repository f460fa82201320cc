//! `/`: signing in, signing up and signing out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::sessions::{self, Credentials, Registration, Session};
use crate::actions::{AppState, Refusal};
use crate::http::body::Params;
use crate::http::origin::refuse_other_sites;
use crate::http::problem::status_of;
use crate::http::{cookies, peer};
use crate::pages::error::PageError;
use crate::pages::form::{Form, local_path};
use crate::pages::page::{Page, html};
use crate::pages::redirect::see_other;
use crate::pages::visitor::{Visit, signed_in};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    error: Option<String>,
    next: String,
    user_id: String,
    display_name: String,
    signing_up: bool,
    signup_open: bool,
    /// True until the first alarm is published: until then the visitor is most likely the operator.
    is_new: bool,
}

/// `GET /`.
pub(crate) async fn welcome(
    state: Data<AppState>,
    request: HttpRequest,
    visit: Visit,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let next = destination(params.first("next").unwrap_or_default());
    if signed_in(&request).await?.is_some() {
        return Ok(see_other(&next));
    }
    html(StatusCode::OK, &SignIn::blank(&state, visit, next).await?)
}

/// `POST /login`.
pub(crate) async fn log_in(
    state: Data<AppState>,
    request: HttpRequest,
    visit: Visit,
    form: Form,
) -> Result<HttpResponse, PageError> {
    refuse_other_sites(&request, &state)?;
    let next = destination(form.text("next"));
    match sign_in(&state, &request, &form).await {
        Ok(session) => Ok(begun(&request, &state, &session, &next)),
        Err(error) => {
            let again = SignIn {
                error: Some(visit.words.refusal(&error)),
                user_id: form.text("userId").to_owned(),
                ..SignIn::blank(&state, visit, next).await?
            };
            html(status_of(&error), &again)
        }
    }
}

/// `POST /signup`.
pub(crate) async fn sign_up(
    state: Data<AppState>,
    request: HttpRequest,
    visit: Visit,
    form: Form,
) -> Result<HttpResponse, PageError> {
    refuse_other_sites(&request, &state)?;
    let next = destination(form.text("next"));
    match register(&state, &request, &form).await {
        Ok(session) => Ok(begun(&request, &state, &session, &next)),
        Err(error) => {
            let again = SignIn {
                error: Some(visit.words.refusal(&error)),
                user_id: form.text("userId").to_owned(),
                display_name: form.text("displayName").to_owned(),
                signing_up: true,
                ..SignIn::blank(&state, visit, next).await?
            };
            html(status_of(&error), &again)
        }
    }
}

/// `POST /logout`. A visitor who is not signed in is sent to the first page as well.
pub(crate) async fn log_out(
    state: Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    if let Some(identity) = signed_in(&request).await? {
        sessions::sign_out(&state, &identity).await?;
    }
    let mut response = see_other("/");
    let cleared = response.add_cookie(&cookies::cleared(&request, &state));
    cleared.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(response)
}

impl SignIn {
    async fn blank(state: &AppState, visit: Visit, next: String) -> Result<Self, Refusal> {
        let page = Page::public(visit.clone(), visit.words.sign_in.title);
        Ok(Self {
            page,
            error: None,
            next,
            user_id: String::new(),
            display_name: String::new(),
            signing_up: false,
            signup_open: state.policy.signup_open,
            is_new: state.is_empty().await?,
        })
    }
}

async fn sign_in(state: &AppState, request: &HttpRequest, form: &Form) -> Result<Session, Refusal> {
    // An invalid id gets the same answer as an unknown one.
    let user_id = form
        .required("userId")
        .map_err(|_cause| Refusal::BadCredentials)?;
    let credentials = Credentials {
        user_id,
        password: form.text("password").to_owned(),
    };
    sessions::sign_in(state, credentials, peer::address(request, state)).await
}

async fn register(
    state: &AppState,
    request: &HttpRequest,
    form: &Form,
) -> Result<Session, Refusal> {
    let registration = Registration {
        user_id: form.required("userId")?,
        password: form.text("password").to_owned(),
        display_name: form.optional("displayName")?,
    };
    sessions::sign_up(state, registration, peer::address(request, state)).await
}

fn begun(request: &HttpRequest, state: &AppState, session: &Session, next: &str) -> HttpResponse {
    let mut response = see_other(next);
    if let Err(cause) = response.add_cookie(&cookies::of_session(request, state, session)) {
        log::error!("a session has no cookie: {cause}");
    }
    response
}

/// The page to show after signing in: a path of this site other than the sign-in page.
fn destination(next: &str) -> String {
    let path = local_path(next).filter(|path| *path != "/" && !path.starts_with("/?"));
    path.unwrap_or("/rooms").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        assert_eq!(destination("/rooms/42?before=7"), "/rooms/42?before=7");
        for elsewhere in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "rooms",
            "/\t/evil.example",
        ] {
            assert_eq!(destination(elsewhere), "/rooms", "{elsewhere:?}");
        }
    }
}
