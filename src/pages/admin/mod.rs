//! `/admin`: publishing by hand, what was published, and who is connected.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use serde::Serialize;
use uuid::Uuid;

use crate::alarm::{AlarmId, Payload, Role, UserId};
use crate::http::body::Params;
use crate::http::error::ApiError;
use crate::http::publish::{self, PublishRequest, To};
use crate::http::rooms;
use crate::http::state::AppState;
use crate::hub::{Bye, ClientId, ClientInfo, Close, Connections, Which};
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html, see_other};
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
    connections: Vec<Connection>,
    published: Option<String>,
    error: Option<String>,
}

struct Tile {
    label: &'static str,
    value: String,
}

struct Choice {
    id: String,
    name: String,
}

struct Connection {
    client_id: ClientId,
    user_id: String,
    role: &'static str,
    topics: String,
    age: String,
    queue_depth: usize,
    remote_address: String,
    user_agent: String,
}

/// The publish form as it was filled in. What says the same again is the same request.
#[derive(Serialize)]
struct PublishForm {
    #[serde(skip)]
    idempotency_key: String,
    target: String,
    users: String,
    room: String,
    alarm_type: String,
    from_user_id: String,
    data: String,
    url: String,
    expires_in_seconds: String,
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
    let page = AdminPage {
        published,
        ..admin_page(&state, &admin).await?
    };
    html(StatusCode::OK, &page)
}

/// `POST /admin/publish`.
pub(crate) async fn publish(
    state: Data<AppState>,
    admin: AdminVisitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let filled = PublishForm::of(&form);
    match store(&state, &admin, &form, &filled).await {
        Ok(ids) => Ok(see_other(&format!("/admin?published={ids}"))),
        Err(error) => {
            let page = AdminPage {
                form: filled,
                error: Some(admin.words().sentence(&error)),
                ..admin_page(&state, &admin).await?
            };
            html(error.status_code(), &page)
        }
    }
}

/// `POST /admin/connections/{clientId}/disconnect`.
pub(crate) async fn disconnect(
    state: Data<AppState>,
    _admin: AdminVisitor,
    client_id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let client = ClientId::parse(&client_id).ok_or(ApiError::NotFound("connection"))?;
    let close = Close {
        which: Which::Client(client),
        bye: Bye::Kicked,
    };
    // A connection that went by itself meanwhile is what was wanted.
    state
        .broadcaster
        .send(close)
        .await
        .map_err(ApiError::from)?;
    Ok(see_other("/admin#connections"))
}

async fn store(
    state: &AppState,
    admin: &AdminVisitor,
    form: &Form,
    filled: &PublishForm,
) -> Result<String, ApiError> {
    let request = request_of(form, admin.words())?;
    let key = form.optional("idempotencyKey")?;
    let body = serde_json::to_vec(filled).map_err(|cause| ApiError::Internal(cause.to_string()))?;
    let stored = publish::publish(state, admin.user_id(), request, key, &body).await?;
    let ids: Vec<AlarmId> = stored.alarms.iter().map(|alarm| alarm.id).collect();
    Ok(match ids.as_slice() {
        [] => String::new(),
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
    })
}

fn request_of(form: &Form, words: &Words) -> Result<PublishRequest, ApiError> {
    let data = form.given("data").map(Payload::parse).transpose();
    Ok(PublishRequest {
        to: recipient(form, words)?,
        alarm_type: form.required("alarmType")?,
        from_user_id: form.optional("fromUserId")?,
        target_id: None,
        data: data.map_err(|cause| ApiError::invalid("data", cause))?,
        url: form.optional("url")?,
        expires_in_seconds: form.optional("expiresInSeconds")?,
    })
}

fn recipient(form: &Form, words: &Words) -> Result<To, ApiError> {
    match form.text("target") {
        "everyone" if form.given("confirm") != Some(words.admin.confirm_word) => {
            Err(ApiError::invalid("confirm", words.admin.confirm_wanted))
        }
        "everyone" => Ok(To {
            everyone: Some(true),
            ..To::default()
        }),
        "admins" => Ok(To {
            role: Some(Role::Admin),
            ..To::default()
        }),
        "room" => Ok(To {
            room: Some(form.required("room")?),
            ..To::default()
        }),
        _ => Ok(To {
            users: Some(users(form.text("users"))?),
            ..To::default()
        }),
    }
}

fn users(names: &str) -> Result<Vec<UserId>, ApiError> {
    names
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|name| !name.is_empty())
        .map(|name| UserId::parse(name).map_err(|cause| ApiError::invalid(name, cause)))
        .collect()
}

async fn admin_page(state: &AppState, admin: &AdminVisitor) -> Result<AdminPage, PageError> {
    let words = admin.words();
    let page = Page::of(state, admin, words.admin.title, "admin").await?;
    let recent = state.store.recent(RECENT).await.map_err(ApiError::from)?;
    let accounts = state.store.account_count().await.map_err(ApiError::from)?;
    let clients = state
        .broadcaster
        .send(Connections)
        .await
        .map_err(ApiError::from)?;
    let rooms = rooms::all(state).await?;
    let people: HashSet<&UserId> = clients.iter().map(|client| &client.user_id).collect();
    let tile = |label, value: String| Tile { label, value };
    let tiles = vec![
        tile(words.admin.connections_tile, clients.len().to_string()),
        tile(words.admin.people, people.len().to_string()),
        tile(words.admin.accounts, accounts.to_string()),
        tile(
            words.admin.last_alarm,
            recent
                .first()
                .map_or_else(|| "–".to_owned(), |last| last.id.to_string()),
        ),
    ];
    Ok(AdminPage {
        page,
        tiles,
        form: PublishForm::blank(),
        rooms: rooms
            .iter()
            .map(|room| Choice {
                id: room.id.to_string(),
                name: room.name.to_string(),
            })
            .collect(),
        recent: recent
            .iter()
            .map(|alarm| AlarmRow::new(alarm, words))
            .collect(),
        connections: clients
            .into_iter()
            .map(|client| Connection::new(client, words))
            .collect(),
        published: None,
        error: None,
    })
}

impl PublishForm {
    fn blank() -> Self {
        Self {
            idempotency_key: Uuid::new_v4().to_string(),
            target: "user".to_owned(),
            users: String::new(),
            room: String::new(),
            alarm_type: String::new(),
            from_user_id: String::new(),
            data: String::new(),
            url: String::new(),
            expires_in_seconds: String::new(),
        }
    }

    fn of(form: &Form) -> Self {
        let field = |name| form.text(name).to_owned();
        Self {
            idempotency_key: field("idempotencyKey"),
            target: field("target"),
            users: field("users"),
            room: field("room"),
            alarm_type: field("alarmType"),
            from_user_id: field("fromUserId"),
            data: field("data"),
            url: field("url"),
            expires_in_seconds: field("expiresInSeconds"),
        }
    }
}

impl Connection {
    fn new(client: ClientInfo, words: &Words) -> Self {
        Self {
            client_id: client.client_id,
            user_id: client.user_id.to_string(),
            role: words.role(client.role),
            topics: client.topics.join(", "),
            age: words.age(client.age_seconds),
            queue_depth: client.queue_depth,
            remote_address: client.remote_address,
            user_agent: client.user_agent,
        }
    }
}

/// What one looks at after publishing; the log itself holds all.
const RECENT: i64 = 100;
