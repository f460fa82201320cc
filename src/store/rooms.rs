//! Rooms: an id and a name. The messages of a room are alarms in the log.

use diesel::prelude::*;
use serde::Serialize;

use crate::alarm::{DisplayName, RoomId, Timestamp};
use crate::store::schema::rooms::dsl;
use crate::store::{Read, Store, StoreError};

/// A chat room.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    /// The id, which is the second part of its topic.
    pub id: RoomId,
    /// The name that is shown.
    pub name: DisplayName,
    /// The time at which it was created.
    pub created_at: Timestamp,
}

impl Store {
    /// Returns all rooms, oldest first.
    pub(crate) async fn rooms(&self) -> Result<Vec<Room>, StoreError> {
        self.read(Read::Other, |connection| {
            let rows = dsl::rooms
                .order((dsl::created_at.asc(), dsl::id.asc()))
                .load::<Row>(connection)?;
            Ok(rows.into_iter().map(Room::from).collect())
        })
        .await
    }

    /// Returns one room, if it exists.
    pub(crate) async fn room(&self, id: &RoomId) -> Result<Option<Room>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(Read::Other, move |connection| {
            let row = dsl::rooms
                .find(id)
                .get_result::<Row>(connection)
                .optional()?;
            Ok(row.map(Room::from))
        })
        .await
    }

    /// Creates a room; `Conflict` if the id is taken.
    pub(crate) async fn create_room(&self, room: &Room) -> Result<(), StoreError> {
        let row = (
            dsl::id.eq(room.id.as_str().to_owned()),
            dsl::name.eq(room.name.as_str().to_owned()),
            dsl::created_at.eq(room.created_at.millis()),
        );
        self.write(move |connection| {
            diesel::insert_into(dsl::rooms)
                .values(row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

type Row = (String, String, i64);

impl From<Row> for Room {
    fn from((id, name, created_at): Row) -> Self {
        Self {
            id: RoomId::trusted(id),
            name: DisplayName::trusted(name),
            created_at: Timestamp::from_millis(created_at),
        }
    }
}
