//! `/admin/users/{id}`: one user, their connections and their inbox.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::actions::leaving::FormerUsers;
use crate::actions::{AppState, accounts};
use crate::alarm::Count;
use crate::http::body::Params;
use crate::pages::admin::ConnectionList;
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html};
use crate::pages::redirect::see_other;
use crate::pages::view::{AlarmRow, Person, date_and_time};
use crate::pages::visitor::AdminVisitor;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    page: Page,
    /// The address of the page of this user.
    path: String,
    who: Person,
    role: &'static str,
    disabled: bool,
    is_me: bool,
    has_password: bool,
    created_at: String,
    created_time: String,
    connections: ConnectionList,
    rows: Vec<AlarmRow>,
    unseen: Count,
    unread: Count,
    done: Option<&'static str>,
}

/// `GET /admin/users?id=`: the target of the look-up form.
pub(crate) async fn find(
    state: Data<AppState>,
    _admin: AdminVisitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let id = params.first("id").unwrap_or_default().trim();
    let found = accounts::look_up(&state, id, 1).await?;
    Ok(see_other(&path_of(found.account.id.as_str())))
}

/// `GET /admin/users/{id}`.
pub(crate) async fn show(
    state: Data<AppState>,
    admin: AdminVisitor,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let found = accounts::look_up(&state, &id, INBOX_ROWS).await?;
    let (account, words) = (found.account, admin.words());
    let name = account.display_name.as_str();
    let done = match params.first("done") {
        Some("test") => Some(words.person.test_sent),
        Some("disconnect") => Some(words.person.disconnected),
        Some("disable") => Some(words.person.disabled_now),
        Some("enable") => Some(words.person.enabled_now),
        _ => None,
    };
    let former = FormerUsers::among(&state, &found.inbox.items).await?;
    let rows = found.inbox.items.iter();
    let shown = PersonPage {
        page: Page::of(&state, &admin, name, "admin").await?,
        path: path_of(account.id.as_str()),
        who: Person::new(account.id.as_str(), name),
        role: words.role(account.role),
        disabled: account.disabled,
        is_me: account.id == *admin.user_id(),
        has_password: account.has_password,
        created_at: account.created_at.to_string(),
        created_time: date_and_time(account.created_at),
        connections: ConnectionList::of(found.connections, words.person.not_connected, words),
        rows: rows
            .map(|alarm| AlarmRow::new(alarm, &former, words))
            .collect(),
        unseen: found.inbox.counts.badge.unseen,
        unread: found.inbox.counts.badge.unread,
        done,
    };
    html(StatusCode::OK, &shown)
}

/// `POST /admin/users/{id}/test`.
pub(crate) async fn send_test(
    state: Data<AppState>,
    admin: AdminVisitor,
    id: Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let title = admin.words().person.test_title.with(admin.display_name());
    accounts::send_test(&state, admin.user_id(), &id, &title).await?;
    Ok(done(&id, "test"))
}

/// `POST /admin/users/{id}/disconnect`.
pub(crate) async fn disconnect_all(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let by = admin.actor(&request, &state);
    accounts::disconnect(&state, by, &id).await?;
    Ok(done(&id, "disconnect"))
}

/// `POST /admin/users/{id}/disable`.
pub(crate) async fn disable(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let by = admin.actor(&request, &state);
    accounts::set_disabled(&state, by, &id, true).await?;
    Ok(done(&id, "disable"))
}

/// `POST /admin/users/{id}/enable`.
pub(crate) async fn enable(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let by = admin.actor(&request, &state);
    accounts::set_disabled(&state, by, &id, false).await?;
    Ok(done(&id, "enable"))
}

fn done(id: &str, what: &str) -> HttpResponse {
    see_other(&format!("{}?done={what}", path_of(id)))
}

/// An id may hold letters of any script, which a URL must percent-encode.
fn path_of(id: &str) -> String {
    format!("/admin/users/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

const INBOX_ROWS: usize = 20;
