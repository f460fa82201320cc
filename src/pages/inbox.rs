//! `/alarms`: the inbox.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;

use crate::actions::inbox::{self, Mark, Status};
use crate::actions::leaving::FormerUsers;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{AlarmId, Count};
use crate::http::body::Params;
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html};
use crate::pages::redirect::see_other;
use crate::pages::telling::Telling;
use crate::pages::view::AlarmRow;
use crate::pages::visitor::Visitor;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    page: Page,
    rows: Vec<AlarmRow>,
    newest: AlarmId,
    unread: Count,
    unread_only: bool,
    older: Option<AlarmId>,
    here: String,
}

/// `GET /alarms`.
pub(crate) async fn list(
    state: Data<AppState>,
    visitor: Visitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let unread_only = params.first("status") == Some("unread");
    let before = params.parsed::<i64>("before").unwrap_or_default();
    let page = Page::of(&state, &visitor, visitor.words().inbox.title, "inbox").await?;
    let status = Status {
        unread_only,
        alarm_types: Vec::new(),
    };
    let before_id = before.map(AlarmId);
    let found = inbox::page(&state, visitor.inbox(), before_id, PAGE, status).await?;
    let former = FormerUsers::among(&state, &found.items).await?;
    let told = Telling::of(&state, &visitor, (&found.items, &former)).await?;
    let row = |alarm| told.row(alarm);
    let rows = found.items.iter().map(row).collect();
    let shown = InboxPage {
        unread: page
            .viewer
            .as_ref()
            .map(|viewer| viewer.unread)
            .unwrap_or_default(),
        page,
        newest: found.items.first().map_or(AlarmId(0), |newest| newest.id),
        rows,
        unread_only,
        older: found.next,
        here: address(unread_only, before),
    };
    html(StatusCode::OK, &shown)
}

/// `POST /alarms/seen`.
pub(crate) async fn mark_seen(
    state: Data<AppState>,
    visitor: Visitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    mark_up_to(&state, &visitor, &form, Mark::Seen).await
}

/// `POST /alarms/read`.
pub(crate) async fn mark_read(
    state: Data<AppState>,
    visitor: Visitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    mark_up_to(&state, &visitor, &form, Mark::Read).await
}

/// `POST /alarms/{id}/read`.
pub(crate) async fn read_one(
    state: Data<AppState>,
    visitor: Visitor,
    id: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    mark_one(&state, &visitor, &id, &form, Mark::Read).await
}

/// `POST /alarms/{id}/unread`.
pub(crate) async fn unread_one(
    state: Data<AppState>,
    visitor: Visitor,
    id: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    mark_one(&state, &visitor, &id, &form, Mark::Unread).await
}

/// `POST /alarms/{id}/delete`.
pub(crate) async fn delete_one(
    state: Data<AppState>,
    visitor: Visitor,
    id: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    mark_one(&state, &visitor, &id, &form, Mark::Deleted).await
}

async fn mark_up_to(
    state: &AppState,
    visitor: &Visitor,
    form: &Form,
    mark: Mark,
) -> Result<HttpResponse, PageError> {
    let up_to = AlarmId(form.required("upTo")?);
    inbox::mark_up_to(state, visitor.inbox(), up_to, mark).await?;
    Ok(see_other(&form.way_back("back", "/alarms")))
}

async fn mark_one(
    state: &AppState,
    visitor: &Visitor,
    id: &str,
    form: &Form,
    mark: Mark,
) -> Result<HttpResponse, PageError> {
    let id = id
        .parse()
        .map(AlarmId)
        .map_err(|_cause| Refusal::NotFound(Thing::Alarm))?;
    match inbox::mark(state, visitor.inbox(), id, mark).await {
        // A double click, or another tab, has already changed it: the list shows the current state.
        Ok(_) | Err(Refusal::NotFound(_)) => Ok(see_other(&form.way_back("back", "/alarms"))),
        Err(error) => Err(error.into()),
    }
}

fn address(unread_only: bool, before: Option<i64>) -> String {
    match (unread_only, before) {
        (false, None) => "/alarms".to_owned(),
        (true, None) => "/alarms?status=unread".to_owned(),
        (false, Some(before)) => format!("/alarms?before={before}"),
        (true, Some(before)) => format!("/alarms?before={before}&status=unread"),
    }
}

const PAGE: usize = 20;
