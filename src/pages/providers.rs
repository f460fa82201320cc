//! `/login/{name}`: signing in with a provider.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::actions::providers::{self, Code, Kept};
use crate::actions::{AppState, Refusal};
use crate::http::body::Params;
use crate::http::cookies::{self, Short};
use crate::http::origin;
use crate::pages::error::PageError;
use crate::pages::redirect::see_other;
use crate::pages::sessions::{destination, sign_in_again};
use crate::pages::visitor::Visit;

/// The part of a sign-in that the browser keeps until the visitor comes back.
#[derive(Serialize, Deserialize)]
struct Waiting {
    name: String,
    next: String,
    kept: Kept,
}

/// `GET /login/{name}`.
pub(crate) async fn begin(
    state: Data<AppState>,
    request: HttpRequest,
    visit: Visit,
    name: Path<String>,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let next = destination(params.first("next").unwrap_or_default());
    let callback = callback(&request, &state, &name)?;
    let begun = match providers::begin(&state, &name, &callback) {
        Ok(begun) => begun,
        Err(refusal) => return sign_in_again(&state, visit, next, &refusal).await,
    };
    let waiting = Waiting {
        name: name.into_inner(),
        next,
        kept: begun.kept,
    };
    let text = serde_json::to_string(&waiting);
    let text = text.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    let mut response = see_other(begun.address.as_str());
    let value = URL_SAFE_NO_PAD.encode(text);
    add(
        &mut response,
        &Short::Login.holding(&request, &state, value),
    )?;
    Ok(response)
}

/// `GET /login/{name}/callback`.
pub(crate) async fn finish(
    state: Data<AppState>,
    request: HttpRequest,
    visit: Visit,
    name: Path<String>,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let waiting: Option<Waiting> = Short::Login.value(&request, &state).and_then(|value| {
        let text = URL_SAFE_NO_PAD.decode(value).ok()?;
        serde_json::from_slice(&text).ok()
    });
    let next = waiting.as_ref().map(|waiting| destination(&waiting.next));
    let next = next.unwrap_or_else(|| destination(""));
    let answer = waiting.and_then(|waiting| answer(waiting, &name, &params));
    let done = match answer {
        Some(answer) => {
            let callback = callback(&request, &state, &name)?;
            providers::finish(&state, &name, &callback, answer).await
        }
        None => Err(Refusal::ProviderFailed),
    };
    let mut response = match done {
        Err(refusal) => sign_in_again(&state, visit, next, &refusal).await?,
        Ok((session, id_token)) => {
            let mut response = see_other(&next);
            let session = cookies::of_session(&request, &state, &session);
            add(&mut response, &session)?;
            let value = for_sign_out(&name, &id_token);
            let provider = Short::Provider.holding(&request, &state, value);
            add(&mut response, &provider)?;
            response
        }
    };
    add(&mut response, &Short::Login.cleared(&request, &state))?;
    Ok(response)
}

/// The provider and its ID token, which ends the session there. One that no browser keeps is left out: most providers then ask
/// the visitor.
fn for_sign_out(name: &str, id_token: &str) -> String {
    if id_token.len() > MOST_KEPT {
        return name.to_owned();
    }
    format!("{name}:{id_token}")
}

/// The answer of a provider to a visitor who comes back with the `state` that their browser keeps, from the provider they went to.
fn answer(waiting: Waiting, name: &str, params: &Params) -> Option<(Code, Kept)> {
    let is_theirs = waiting.name == name && params.first("state") == Some(&waiting.kept.state);
    if !is_theirs {
        log::info!("a visitor comes back from a provider without the `state` of their sign-in");
        return None;
    }
    if let Some(error) = params.first("error") {
        log::info!("the provider {name} answers a sign-in with the error {error:?}");
        return None;
    }
    let code = Code {
        code: params.first("code")?.to_owned(),
        issuer: params.first("iss").map(str::to_owned),
    };
    Some((code, waiting.kept))
}

/// The address that the provider sends visitors back to: it has to know it.
fn callback(request: &HttpRequest, state: &AppState, name: &str) -> Result<String, Refusal> {
    let own = origin::own(request, state);
    let own =
        own.ok_or_else(|| Refusal::Internal("the hub does not know its address".to_owned()))?;
    Ok(format!("{}/login/{name}/callback", own.as_str()))
}

fn add(
    response: &mut HttpResponse,
    cookie: &actix_web::cookie::Cookie<'static>,
) -> Result<(), Refusal> {
    let added = response.add_cookie(cookie);
    added.map_err(|cause| Refusal::Internal(cause.to_string()))
}

/// A browser keeps 4096 bytes of a cookie, its name and that of the provider included.
const MOST_KEPT: usize = 4_000;
