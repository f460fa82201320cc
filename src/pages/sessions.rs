//! `/`: signing in, signing up and signing out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::actions::sessions::{self, Credentials, Registration, Session};
use crate::actions::{AppState, Refusal, providers};
use crate::http::body::Params;
use crate::http::cookies::Short;
use crate::http::origin::refuse_other_sites;
use crate::http::{cookies, origin, peer};
use crate::pages::error::PageError;
use crate::pages::form::{Form, local_path};
use crate::pages::page::{Page, html, html_again};
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
    passwords: bool,
    /// The providers: name and address.
    providers: Vec<(String, String)>,
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
            html_again(&error, &again)
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
            html_again(&error, &again)
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
    let mut response = match ended_at_provider(&state, &request) {
        // A redirect after a form may not lead to another site: the pages' policy forbids it.
        Some(address) => html(StatusCode::OK, &SignedOut::of(&request, address))?,
        None => see_other("/"),
    };
    for cookie in [
        cookies::cleared(&request, &state),
        Short::Provider.cleared(&request, &state),
    ] {
        let cleared = response.add_cookie(&cookie);
        cleared.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    }
    Ok(response)
}

/// The page after a sign-out, which leads to the provider.
#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut {
    page: Page,
    address: String,
}

impl SignedOut {
    fn of(request: &HttpRequest, address: String) -> Self {
        let visit = Visit::of(request);
        let title = visit.words.bar.sign_out;
        Self {
            page: Page::public(visit, title),
            address,
        }
    }
}

/// The address that ends the session at the provider that the visitor signed in with.
fn ended_at_provider(state: &AppState, request: &HttpRequest) -> Option<String> {
    let cookie = Short::Provider.value(request, state)?;
    let (name, id_token) = match cookie.split_once(':') {
        Some((name, id_token)) => (name, Some(id_token)),
        None => (cookie.as_str(), None),
    };
    let back = format!("{}/", origin::own(request, state)?.as_str());
    providers::end_session(state, name, id_token, &back)
}

impl SignIn {
    async fn blank(state: &AppState, visit: Visit, next: String) -> Result<Self, Refusal> {
        let page = Page::public(visit.clone(), visit.words.sign_in.title);
        let encoded = utf8_percent_encode(&next, NON_ALPHANUMERIC).to_string();
        let link = |name: String| {
            let label = visit.words.sign_in.with_provider.with(&name);
            (label, format!("/login/{name}?next={encoded}"))
        };
        let providers = providers::names(state).into_iter().map(link).collect();
        Ok(Self {
            page,
            error: None,
            providers,
            passwords: state.policy.passwords,
            next,
            user_id: String::new(),
            display_name: String::new(),
            signing_up: false,
            signup_open: state.policy.signup_open && state.policy.passwords,
            is_new: state.is_empty().await?,
        })
    }
}

/// The sign-in page with the reason why a provider signed nobody in.
pub(super) async fn sign_in_again(
    state: &AppState,
    visit: Visit,
    next: String,
    refusal: &Refusal,
) -> Result<HttpResponse, PageError> {
    let again = SignIn {
        error: Some(visit.words.refusal(refusal)),
        ..SignIn::blank(state, visit, next).await?
    };
    html_again(refusal, &again)
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
    // The provider of a session before this one has no part in it.
    let cookies = [
        cookies::of_session(request, state, session),
        Short::Provider.cleared(request, state),
    ];
    for cookie in &cookies {
        if let Err(cause) = response.add_cookie(cookie) {
            log::error!("a session has no cookie: {cause}");
        }
    }
    response
}

/// The page to show after signing in: a path of this site other than the sign-in page.
pub(super) fn destination(next: &str) -> String {
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
