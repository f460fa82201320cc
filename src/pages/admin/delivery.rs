//! `/admin/alarms/{id}`: the life of one alarm.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::deliveries::{self, Pushed, Recipient, Window};
use crate::actions::leaving::FormerUsers;
use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{Alarm, AlarmId, Timestamp, UserId};
use crate::http::body::Params;
use crate::pages::error::PageError;
use crate::pages::page::{Page, html};
use crate::pages::view::AlarmRow;
use crate::pages::visitor::AdminVisitor;
use crate::pages::words::Words;

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    page: Page,
    heading: String,
    /// The address of this page.
    path: String,
    /// The alarm with the exact times; `None` if it is in the log no more.
    alarm: Option<Shown>,
    user: String,
    recipients: Vec<Row>,
    /// The `after` of the next page.
    next: Option<String>,
    /// The hubs that did not answer.
    unanswered: String,
}

struct Shown {
    row: AlarmRow,
    stored_at: String,
    expires_at: Option<String>,
}

struct Row {
    user_id: String,
    pushed: Vec<PushRow>,
    why: Option<&'static str>,
    seen_at: Option<String>,
    read_at: Option<String>,
    deleted_at: Option<String>,
}

struct PushRow {
    at: String,
    hub: String,
    client_id: String,
}

/// `GET /admin/alarms/{id}`.
pub(crate) async fn show(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let id: i64 = id
        .parse()
        .map_err(|_cause| Refusal::NotFound(Thing::Alarm))?;
    let user = |name| params.parsed::<UserId>(name).unwrap_or_default();
    let window = Window {
        user: user("user"),
        after: user("after"),
        limit: ROWS,
    };
    let by = admin.actor(&request, &state);
    let asked = window.user.as_ref().map(UserId::to_string);
    let delivery = deliveries::of(&state, AlarmId(id), window, by).await?;
    let words = admin.words();
    let heading = words.delivery.title.with(id);
    let former = FormerUsers::among(&state, delivery.alarm.as_slice()).await?;
    let rows = delivery.recipients.items.into_iter();
    let shown = DeliveryPage {
        page: Page::of(&state, &admin, &heading, "admin").await?,
        heading,
        path: format!("/admin/alarms/{id}"),
        alarm: delivery
            .alarm
            .map(|alarm| Shown::of(&alarm, &former, words)),
        user: asked.unwrap_or_default(),
        recipients: rows.map(|recipient| Row::of(recipient, words)).collect(),
        next: delivery.recipients.next.map(|next| next.to_string()),
        unanswered: delivery.unanswered.join(", "),
    };
    html(StatusCode::OK, &shown)
}

impl Shown {
    fn of(alarm: &Alarm, former: &FormerUsers, words: &Words) -> Self {
        Self {
            row: AlarmRow::new(alarm, former, words),
            stored_at: exact(alarm.created_at),
            expires_at: alarm.expires_at.map(exact),
        }
    }
}

impl Row {
    fn of(recipient: Recipient, words: &Words) -> Self {
        Self {
            user_id: recipient.user_id.to_string(),
            pushed: recipient.pushed.into_iter().map(PushRow::of).collect(),
            why: recipient.why.map(|why| words.delivery.why(why)),
            seen_at: recipient.seen_at.map(exact),
            read_at: recipient.read_at.map(exact),
            deleted_at: recipient.deleted_at.map(exact),
        }
    }
}

impl PushRow {
    fn of(push: Pushed) -> Self {
        Self {
            at: exact(push.at),
            hub: push.hub.to_string(),
            client_id: push.client_id.to_string(),
        }
    }
}

/// A time with its milliseconds, in UTC: a push is seldom a second after the commit.
fn exact(moment: Timestamp) -> String {
    let iso = moment.to_string();
    let day = iso.get(..10).unwrap_or_default();
    let time = iso.get(11..23).unwrap_or_default();
    format!("{day} {time}")
}

/// As many as a person reads through; a certain user is found with the form.
const ROWS: usize = 50;
