//! `/compare`: the five transports of `/api/stream` side by side in the visitor's own browser.
//!
//! The test alarms of a run go to the visitor's own `user:` topic, through the code of `POST /api/alarms`. In a room
//! every member would see them; here only the visitor does. They expire soon, and the page deletes them from the inbox
//! at the end of a run. The page has no bell of its own: it would ring for each of them, and on HTTP/1.1 its stream
//! would take one of the browser's six connections, which are measured here.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::{Deserialize, Serialize};

use crate::actions::publish::{self, Publication};
use crate::actions::{AppState, Refusal, streams};
use crate::alarm::{AlarmId, AlarmType, COMPARE_TEST, Recipients, Target};
use crate::http::body::JsonBody;
use crate::http::identity::Member;
use crate::http::problem::ApiError;
use crate::pages::error::PageError;
use crate::pages::page::{Page, html};
use crate::pages::visitor::Visitor;
use crate::pages::words::Language;

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    page: Page,
}

/// `POST /compare/alarms`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    /// The id of the run, by which its alarms are deleted at its end.
    run: Target,
    /// The number of the alarm in the run.
    sequence: u32,
    /// The time of the browser's clock, which is only compared with itself.
    sent_at: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestData {
    title: String,
    sequence: u32,
    sent_at: f64,
}

#[derive(Serialize)]
struct Published {
    id: AlarmId,
}

/// `POST /compare/cut`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cut {
    client_id: String,
}

/// `GET /compare`.
pub(crate) async fn show(
    state: Data<AppState>,
    visitor: Visitor,
) -> Result<HttpResponse, PageError> {
    let page = Page::of(&state, &visitor, visitor.words().compare.title, "compare").await?;
    html(StatusCode::OK, &ComparePage { page })
}

/// `POST /compare/alarms`: publishes one test alarm to the visitor and answers after the commit.
pub(crate) async fn publish(
    state: Data<AppState>,
    member: Member,
    asked: HttpRequest,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let words = Language::of(&asked).words();
    let test: Test = body.parse()?;
    take_a_turn(&state, &member)?;
    let data = TestData {
        title: words.compare.alarm.with(test.sequence),
        sequence: test.sequence,
        sent_at: test.sent_at,
    };
    let to = Recipients::User(member.user_id().clone());
    let publication = Publication {
        target_id: Some(test.run),
        data: Some(publish::data_of(&data)?),
        expires_in_seconds: Some(LIFE_SECONDS),
        ..Publication::of(to, AlarmType::trusted(COMPARE_TEST.to_owned()))
    };
    let stored = publish::publish_own(&state, publication).await?;
    let alarm = stored
        .alarms
        .first()
        .ok_or_else(|| Refusal::Internal("a test alarm was not stored".to_owned()))?;
    Ok(HttpResponse::Created().json(Published { id: alarm.id }))
}

/// `POST /compare/cut`: closes one of the visitor's own streams, as the Disconnect button of an admin does.
pub(crate) async fn cut(
    state: Data<AppState>,
    member: Member,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let Cut { client_id } = body.parse()?;
    take_a_turn(&state, &member)?;
    streams::disconnect_own(&state, member.user_id(), &client_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn take_a_turn(state: &AppState, member: &Member) -> Result<(), Refusal> {
    state
        .test_pace
        .take(member.user_id(), Instant::now())
        .map_err(Refusal::TooManyAttempts)
}

/// Longer than the longest run with its final check, and short enough that a page closed during a run leaves nothing
/// behind for long.
const LIFE_SECONDS: u64 = 300;
