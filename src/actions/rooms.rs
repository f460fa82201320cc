//! Rooms: listing and creating them, their messages, and the users who are present.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use crate::actions::{AppState, Refusal, Thing};
use crate::alarm::{Alarm, AlarmId, DisplayName, InvalidValue, Role, RoomId, Timestamp, UserId};
use crate::hub::{CountPresent, ListPresent, PresentPage};
use crate::store::{Opener, StoreError};

pub(crate) use crate::store::Room;

/// A room, as the API shows it.
#[derive(utoipa::ToSchema, Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomView {
    /// The id.
    pub id: RoomId,
    /// The name that is shown.
    pub name: DisplayName,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The number of users with a stream subscribed to it.
    pub online: usize,
}

/// A page of a room's messages.
pub(crate) struct History {
    /// The messages, newest first.
    pub items: Vec<Alarm>,
    /// The `before` of the next page, if there is one.
    pub next: Option<AlarmId>,
    /// The cursor for a stream that follows the page.
    pub cursor: AlarmId,
}

/// A page of rooms.
pub(crate) struct RoomPage {
    /// The rooms, oldest first.
    pub items: Vec<RoomView>,
    /// The `after` of the next page, if there is one.
    pub next: Option<RoomId>,
}

impl RoomView {
    /// Returns a room with the number of users present in it.
    pub(crate) fn of(room: Room, online: usize) -> Self {
        Self {
            id: room.id,
            name: room.name,
            created_at: room.created_at,
            online,
        }
    }
}

/// Returns rooms, oldest first, each with the number of users present in it: those after a room, or the first ones.
pub(crate) async fn page(
    state: &AppState,
    after: Option<RoomId>,
    limit: usize,
) -> Result<RoomPage, Refusal> {
    let online = state.broadcaster.send(CountPresent).await?;
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let found = state.store.rooms(after, one_more).await?;
    let mut rooms = found.ok_or(Refusal::NotFound(Thing::Room))?;
    let more = rooms.len() > limit;
    rooms.truncate(limit);
    let next = rooms.last().filter(|_last| more);
    let next = next.map(|room| room.id.clone());
    let count = |room: &Room| online.get(&room.id).copied().unwrap_or(0);
    let view = |room: Room| {
        let online = count(&room);
        RoomView::of(room, online)
    };
    Ok(RoomPage {
        items: rooms.into_iter().map(view).collect(),
        next,
    })
}

/// Creates a room. If no id is given, it gets a new one. The rooms of a person are limited.
pub(crate) async fn create(
    state: &AppState,
    (user_id, role): (&UserId, Role),
    id: Option<RoomId>,
    name: DisplayName,
) -> Result<Room, Refusal> {
    let id = match id {
        Some(id) => id,
        None => RoomId::parse(Uuid::new_v4().simple().to_string())
            .map_err(|rule: InvalidValue| Refusal::invalid("id", rule))?,
    };
    let room = Room {
        id,
        name,
        created_at: Timestamp::now(),
    };
    let by = Opener {
        user_id: user_id.clone(),
        most: (role == Role::User).then_some(state.policy.rooms_per_user.into()),
    };
    let created = state.store.create_room(&room, by).await;
    let created = created.map_err(|error| match error {
        StoreError::Conflict => Refusal::Exists(Thing::Room),
        other => Refusal::from(other),
    })?;
    if created {
        Ok(room)
    } else {
        Err(Refusal::TooManyRooms)
    }
}

/// Returns the room of an id in a path; `NotFound` if there is none.
pub(crate) async fn existing(state: &AppState, id: &str) -> Result<Room, Refusal> {
    state
        .store
        .room(&room_id(id)?)
        .await?
        .ok_or(Refusal::NotFound(Thing::Room))
}

/// Refuses rooms that do not exist, and names all of them. A room that was found once is there for good.
pub(crate) async fn require(
    state: &AppState,
    rooms: impl IntoIterator<Item = &RoomId>,
) -> Result<(), Refusal> {
    let new = state.known_rooms.others(rooms);
    if new.is_empty() {
        return Ok(());
    }
    let unknown = state.store.unknown_rooms(new.clone()).await?;
    if !unknown.is_empty() {
        return Err(Refusal::UnknownRooms(unknown));
    }
    state.known_rooms.add(new);
    Ok(())
}

/// Parses the id of a room in a path. An invalid id has no room.
pub(crate) fn room_id(text: &str) -> Result<RoomId, Refusal> {
    RoomId::parse(text).map_err(|_cause| Refusal::NotFound(Thing::Room))
}

/// Returns the messages of a room, newest first, with the cursor for a stream that follows.
pub(crate) async fn history(
    state: &AppState,
    room: &RoomId,
    before: Option<AlarmId>,
    limit: usize,
) -> Result<History, Refusal> {
    let cursor = AlarmId(state.store.head().await?.last_id);
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut items = state.store.messages(room, before, one_more).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_last| more).map(|last| last.id);
    Ok(History {
        items,
        next,
        cursor,
    })
}

/// Returns the names of those of `ids` that have an account.
pub(crate) async fn names(
    state: &AppState,
    ids: Vec<UserId>,
) -> Result<HashMap<UserId, DisplayName>, Refusal> {
    let names = state.store.display_names(ids).await?;
    Ok(names.into_iter().collect())
}

/// The users in a room, a page of them by id.
pub(crate) struct Presence {
    /// The users, each with their name.
    pub users: Vec<(UserId, String)>,
    /// The number of all users in the room.
    pub count: usize,
    /// The `after` of the next page, if there is one.
    pub next: Option<UserId>,
}

/// Returns the users who have a stream subscribed to a room now, at any hub, with their names.
pub(crate) async fn present(
    state: &AppState,
    room: RoomId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Presence, Refusal> {
    let list = ListPresent {
        room,
        after,
        limit: limit + 1,
    };
    let PresentPage {
        users: mut ids,
        count,
    } = state.broadcaster.send(list).await?;
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_last| more).cloned();
    let names = names(state, ids.clone()).await?;
    let named = |id: UserId| {
        let name = names
            .get(&id)
            .map_or(id.as_str(), DisplayName::as_str)
            .to_owned();
        (id, name)
    };
    Ok(Presence {
        users: ids.into_iter().map(named).collect(),
        count,
        next,
    })
}

/// The rooms of one page.
pub(crate) const ROOMS_A_PAGE: usize = 200;

/// As many as a page shows. A bigger room has more pages.
pub(crate) const PRESENT_PAGE: usize = 200;
