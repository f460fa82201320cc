//! The language switch.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::actions::{AppState, Refusal, Rule};
use crate::http::origin::is_secure;
use crate::pages::error::PageError;
use crate::pages::form::{Form, local_path};
use crate::pages::redirect::see_other;
use crate::pages::words::{COOKIE, Language};

/// `POST /language`: stores the choice in a cookie and returns to the page. It changes no account, so no session is
/// needed.
pub(crate) async fn choose(
    state: Data<AppState>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let language = Language::of_tag(form.text("language"))
        .ok_or_else(|| Refusal::invalid("language", Rule::OneOf("en or ko")))?;
    let cookie = Cookie::build(COOKIE, language.tag())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure(&request, &state))
        .max_age(Duration::days(365))
        .finish();
    let mut response = see_other(local_path(form.text("back")).unwrap_or("/"));
    let added = response.add_cookie(&cookie);
    added.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    Ok(response)
}
