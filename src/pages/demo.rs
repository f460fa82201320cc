//! `/demo/embed`: an example of another site's page, with the bell in its bar and the events of `connect()` below. It
//! uses none of the hub's own styles, and loads the module from its versioned address.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Serialize;

use crate::actions::publish::{self, Publication};
use crate::actions::{AppState, Refusal};
use crate::alarm::{AlarmType, Recipients};
use crate::pages::assets;
use crate::pages::error::PageError;
use crate::pages::page::{Page, html, origin_of};
use crate::pages::redirect::see_other;
use crate::pages::visitor::Visitor;

#[derive(Template)]
#[template(path = "demo.html")]
struct Demo {
    page: Page,
    version: &'static str,
    /// The origin of the hub as the visitor sees it. The page's script corrects it if a proxy does not forward it.
    hub: String,
}

#[derive(Serialize)]
struct DemoData<'a> {
    title: &'a str,
}

/// `GET /demo/embed`.
pub(crate) async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let page = Page::of(&state, &visitor, visitor.words().demo.title, "demo").await?;
    let version = assets::module_version()?;
    let hub = origin_of(&request, &state);
    let demo = Demo { page, version, hub };
    html(StatusCode::OK, &demo)
}

/// `POST /demo/embed`: publishes one alarm to the visitor, as the site's back end would.
pub(crate) async fn publish(
    state: Data<AppState>,
    visitor: Visitor,
) -> Result<HttpResponse, PageError> {
    state
        .test_pace
        .take(visitor.user_id(), Instant::now())
        .map_err(Refusal::TooManyAttempts)?;
    let title = visitor.words().demo.alarm;
    let to = Recipients::User(visitor.user_id().clone());
    let publication = Publication {
        data: Some(publish::data_of(&DemoData { title })?),
        expires_in_seconds: Some(LIFE_SECONDS),
        ..Publication::of(to, AlarmType::trusted(DEMO_TYPE.to_owned()))
    };
    publish::publish_own(&state, publication).await?;
    Ok(see_other("/demo/embed"))
}

const DEMO_TYPE: &str = "ORDER_SHIPPED";

/// Long enough to be looked at, and short enough that it does not stay in an inbox.
const LIFE_SECONDS: u64 = 600;
