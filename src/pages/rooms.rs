//! `/rooms`: the list of rooms, and the page of one room.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use crate::actions::leaving::FormerUsers;
use crate::actions::publish::{self, ChatMessage};
use crate::actions::rooms::{self, ROOMS_A_PAGE, Room, RoomView};
use crate::actions::{AppState, Refusal};
use crate::alarm::{Alarm, AlarmId, ChatText, UserId};
use crate::http::body::Params;
use crate::http::status::status_of;
use crate::pages::error::PageError;
use crate::pages::form::Form;
use crate::pages::page::{Page, html};
use crate::pages::redirect::see_other;
use crate::pages::view::{MessageRow, Names, Person, initial, tone};
use crate::pages::visitor::Visitor;

#[derive(Template)]
#[template(path = "rooms.html")]
struct RoomsPage {
    page: Page,
    rooms: Vec<RoomCard>,
    /// The `after` of the next page.
    next: Option<String>,
    error: Option<String>,
    name: String,
    id: String,
}

struct RoomCard {
    id: String,
    name: String,
    online: usize,
    initial: String,
    tone: u32,
}

#[derive(Template)]
#[template(path = "room.html")]
struct RoomPage {
    page: Page,
    room_id: String,
    room_name: String,
    cursor: AlarmId,
    messages: Vec<MessageRow>,
    present: Vec<Person>,
    present_count: usize,
    earlier: Option<AlarmId>,
    paged: bool,
    client_id: String,
    draft: String,
    error: Option<String>,
}

/// A message that was refused, and the reason.
struct Refused {
    text: String,
    error: Refusal,
}

/// `GET /rooms`.
pub(crate) async fn list(
    state: Data<AppState>,
    visitor: Visitor,
    params: Params,
) -> Result<HttpResponse, PageError> {
    let page = rooms_page(&state, &visitor, params.first("after")).await?;
    html(StatusCode::OK, &page)
}

/// `POST /rooms`.
pub(crate) async fn open(
    state: Data<AppState>,
    visitor: Visitor,
    form: Form,
) -> Result<HttpResponse, PageError> {
    match create(&state, &visitor, &form).await {
        Ok(room) => Ok(see_other(&format!("/rooms/{}", room.id))),
        Err(error) => {
            let page = RoomsPage {
                error: Some(visitor.words().refusal(&error)),
                name: form.text("name").to_owned(),
                id: form.text("id").to_owned(),
                ..rooms_page(&state, &visitor, None).await?
            };
            html(status_of(&error), &page)
        }
    }
}

/// `GET /rooms/{id}`.
pub(crate) async fn show(
    state: Data<AppState>,
    visitor: Visitor,
    id: Path<String>,
    params: Params,
) -> Result<HttpResponse, PageError> {
    // An invalid `before` shows the latest page, so that a damaged bookmark still works.
    let before = params.parsed::<i64>("before").unwrap_or_default();
    let page = room_page(&state, &visitor, &id, before.map(AlarmId), None).await?;
    html(StatusCode::OK, &page)
}

/// `POST /rooms/{id}`.
pub(crate) async fn say(
    state: Data<AppState>,
    visitor: Visitor,
    id: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let room = rooms::existing(&state, &id).await?;
    match publish_message(&state, &visitor, &room, &form).await {
        Ok(()) => Ok(see_other(&format!("/rooms/{}", room.id))),
        Err(error) => {
            let status = status_of(&error);
            let refused = Refused {
                text: form.text("text").to_owned(),
                error,
            };
            let page = room_page(&state, &visitor, &id, None, Some(refused)).await?;
            html(status, &page)
        }
    }
}

async fn create(state: &AppState, visitor: &Visitor, form: &Form) -> Result<Room, Refusal> {
    let by = (visitor.user_id(), visitor.role());
    rooms::create(state, by, form.optional("id")?, form.required("name")?).await
}

async fn publish_message(
    state: &AppState,
    visitor: &Visitor,
    room: &Room,
    form: &Form,
) -> Result<(), Refusal> {
    // Forms send a line break as CR LF (HTML, 4.10.22); scripts send what was typed.
    let text = ChatText::parse(form.text("text").replace("\r\n", "\n"))
        .map_err(|rule| Refusal::invalid("text", rule))?;
    let message = ChatMessage {
        room: room.id.clone(),
        text,
        client_id: form.optional("clientId")?,
    };
    publish::say(state, visitor.user_id(), visitor.role(), message).await?;
    Ok(())
}

async fn rooms_page(
    state: &AppState,
    visitor: &Visitor,
    after: Option<&str>,
) -> Result<RoomsPage, PageError> {
    let page = Page::of(state, visitor, visitor.words().rooms.title, "rooms").await?;
    let after = after.map(rooms::room_id).transpose()?;
    let found = rooms::page(state, after, ROOMS_A_PAGE).await?;
    Ok(RoomsPage {
        page,
        rooms: found.items.into_iter().map(RoomCard::from).collect(),
        next: found.next.map(|last| last.to_string()),
        error: None,
        name: String::new(),
        id: String::new(),
    })
}

async fn room_page(
    state: &AppState,
    visitor: &Visitor,
    id: &str,
    before: Option<AlarmId>,
    refused: Option<Refused>,
) -> Result<RoomPage, PageError> {
    let room = rooms::existing(state, id).await?;
    let mut page = Page::of(state, visitor, room.name.as_str(), "rooms").await?;
    page.room = Some(room.id.to_string());
    let history = rooms::history(state, &room.id, before, PAGE).await?;
    let names = names_of(state, &history.items).await?;
    let former = FormerUsers::among(state, &history.items).await?;
    let present = rooms::present(state, room.id.clone(), None, rooms::PRESENT_PAGE).await?;
    let (draft, error) = match refused {
        Some(refused) => (refused.text, Some(visitor.words().refusal(&refused.error))),
        None => (String::new(), None),
    };
    Ok(RoomPage {
        page,
        room_id: room.id.to_string(),
        room_name: room.name.to_string(),
        cursor: history.cursor,
        messages: MessageRow::list(
            &history.items,
            visitor.user_id(),
            (&names, &former),
            visitor.words(),
        ),
        present_count: present.count,
        present: present
            .users
            .iter()
            .map(|(id, name)| Person::new(id.as_str(), name))
            .collect(),
        earlier: history.next,
        paged: before.is_some(),
        client_id: Uuid::new_v4().to_string(),
        draft,
        error,
    })
}

async fn names_of(state: &AppState, messages: &[Alarm]) -> Result<Names, Refusal> {
    let mut authors: Vec<UserId> = messages
        .iter()
        .filter_map(|message| message.from_user_id.clone())
        .collect();
    authors.sort_unstable();
    authors.dedup();
    let names = rooms::names(state, authors).await?;
    Ok(names
        .into_iter()
        .map(|(id, name)| (id.to_string(), name.to_string()))
        .collect())
}

impl From<RoomView> for RoomCard {
    fn from(room: RoomView) -> Self {
        Self {
            id: room.id.to_string(),
            name: room.name.to_string(),
            online: room.online,
            initial: initial(room.name.as_str()),
            tone: tone(room.id.as_str()),
        }
    }
}

/// The number of messages on one page.
const PAGE: usize = 50;
