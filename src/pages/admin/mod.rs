//! `/admin`: the hub's figures, publishing by hand, the recent alarms and the open connections.

mod chart;
pub(super) mod delivery;
pub(super) mod keys;
mod person;
mod publishing;

pub(crate) use person::{disable, disconnect_all, enable, find, send_test, show as show_person};
pub(crate) use publishing::{audience, preview, publish};

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::actions::leaving::FormerUsers;
use crate::actions::streams::{self, ClientId, Connection as Stream, HubView};
use crate::actions::{AppState, Refusal, Thing, accounts, inbox, rooms};
use crate::http::body::Params;
use crate::pages::admin::chart::Tile;
use crate::pages::admin::publishing::{Preview, PublishForm};
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html};
use crate::pages::redirect::see_other;
use crate::pages::view::AlarmRow;
use crate::pages::visitor::AdminVisitor;
use crate::pages::words::Words;

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage {
    page: Page,
    tiles: Vec<Tile>,
    form: PublishForm,
    rooms: Vec<Choice>,
    recent: Vec<AlarmRow>,
    filter: String,
    hubs: Vec<HubView>,
    connections: ConnectionList,
    preview: Option<Preview>,
    published: Option<String>,
    error: Option<String>,
}

/// The list of recent alarms alone, which the page's script fetches repeatedly.
#[derive(Template)]
#[template(path = "recent.html")]
struct RecentPage {
    page: Page,
    recent: Vec<AlarmRow>,
    filter: String,
}

struct Choice {
    id: String,
    name: String,
}

/// The oldest connections, and the number of all.
struct ConnectionList {
    /// The text of an empty list.
    none: &'static str,
    shown: Vec<Connection>,
    count: usize,
    /// True if they are at several hubs, so that each row names its own.
    names_hubs: bool,
}

struct Connection {
    hub: String,
    client_id: ClientId,
    user_id: String,
    role: &'static str,
    topics: String,
    age: String,
    queue_depth: u64,
    remote_address: String,
    user_agent: String,
}

/// `GET /admin`.
pub(crate) async fn show(
    state: Data<AppState>,
    admin: AdminVisitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let ids = params
        .first("published")
        .filter(|ids| ids.len() < 50 && ids.chars().all(|c| c.is_ascii_digit() || c == '-'));
    let words = &admin.words().admin;
    let published = ids.map(|ids| match ids.split_once('-') {
        None => words.published.with(ids),
        Some((first, last)) => words.published_many.with_both(first, last),
    });
    let filter = params.first("q").unwrap_or_default();
    let page = AdminPage {
        published,
        ..admin_page(&state, &admin, filter).await?
    };
    html(StatusCode::OK, &page)
}

/// `GET /admin/recent`.
pub(crate) async fn recent(
    state: Data<AppState>,
    admin: AdminVisitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let filter = params.first("q").unwrap_or_default();
    let page = RecentPage {
        page: Page::of(&state, &admin, admin.words().admin.recent, "admin").await?,
        recent: recent_rows(&state, filter, admin.words()).await?,
        filter: filter.to_owned(),
    };
    html(StatusCode::OK, &page)
}

/// `POST /admin/connections/{clientId}/disconnect`.
pub(crate) async fn disconnect(
    state: Data<AppState>,
    admin: AdminVisitor,
    request: HttpRequest,
    client_id: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let by = admin.actor(&request, &state);
    match streams::disconnect(&state, &client_id, by).await {
        // A stream that has ended in the meantime counts as disconnected.
        Ok(()) | Err(Refusal::NotFound(Thing::Connection)) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(see_other(&form.way_back("back", "/admin")))
}

async fn admin_page(
    state: &AppState,
    admin: &AdminVisitor,
    filter: &str,
) -> Result<AdminPage, PageError> {
    let words = admin.words();
    let page = Page::of(state, admin, words.admin.title, "admin").await?;
    let accounts = accounts::count(state).await?;
    let clients = streams::list(state).await?;
    let rooms = rooms::page(state, None, ROOMS_TO_CHOOSE).await?;
    let choices = rooms.items.iter().map(|room| Choice {
        id: room.id.to_string(),
        name: room.name.to_string(),
    });
    Ok(AdminPage {
        page,
        tiles: Tile::all(state, accounts, words),
        form: PublishForm::blank(),
        rooms: choices.collect(),
        recent: recent_rows(state, filter, words).await?,
        filter: filter.to_owned(),
        hubs: streams::hubs(state),
        connections: ConnectionList::of(clients, words.admin.nobody, words),
        preview: None,
        published: None,
        error: None,
    })
}

/// Returns the newest alarms that contain a word, or all of the newest.
async fn recent_rows(
    state: &AppState,
    filter: &str,
    words: &Words,
) -> Result<Vec<AlarmRow>, Refusal> {
    let alarms = inbox::recent(state, RECENT).await?;
    let former = FormerUsers::among(state, &alarms).await?;
    let rows = alarms
        .iter()
        .map(|alarm| AlarmRow::new(alarm, &former, words));
    Ok(rows.filter(|row| row.holds(filter)).collect())
}

impl ConnectionList {
    fn of(clients: Vec<Stream>, none: &'static str, words: &Words) -> Self {
        let count = clients.len();
        let first = clients.first().map(|one| one.hub.clone());
        let names_hubs = clients.iter().any(|one| Some(&one.hub) != first.as_ref());
        let clients = clients.into_iter().take(CONNECTIONS);
        Self {
            none,
            shown: clients
                .map(|client| Connection::new(client, words))
                .collect(),
            count,
            names_hubs,
        }
    }

    /// The number of connections that are not shown.
    fn more(&self) -> usize {
        self.count - self.shown.len()
    }
}

impl Connection {
    fn new(stream: Stream, words: &Words) -> Self {
        let Stream { hub, client } = stream;
        let topics = match client.topics.as_slice() {
            [] => words.admin.figures_stream.to_owned(),
            topics => topics.join(", "),
        };
        Self {
            hub: hub.to_string(),
            client_id: client.client_id,
            user_id: client.user_id.to_string(),
            role: words.role(client.role),
            topics,
            age: words.age(client.age_seconds),
            queue_depth: client.queue_depth,
            remote_address: client.remote_address,
            user_agent: client.user_agent,
        }
    }
}

/// Enough to check the result of publishing; the log holds all alarms.
const RECENT: i64 = 200;

/// As many as a person reads through; a certain user is found with the look-up.
const CONNECTIONS: usize = 50;

/// As many as a person looks through to find one.
const ROOMS_TO_CHOOSE: usize = 1_000;
