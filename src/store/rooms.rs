//! Rooms: an id and a name. The messages of a room are alarms in the log.

use std::collections::HashSet;

use diesel::prelude::*;
use serde::Serialize;

use crate::alarm::{DisplayName, RoomId, Timestamp, UserId};
use crate::store::connection::DbConnection;
use crate::store::schema::rooms::dsl;
use crate::store::schema::users;
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

/// The user who opens a room, and the number of rooms they may have opened.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    /// The user.
    pub user_id: UserId,
    /// The highest number; `None` without a limit.
    pub most: Option<i64>,
}

impl Store {
    /// Returns rooms, oldest first: those after a room, or the first ones. `None` if there is no such room.
    pub(crate) async fn rooms(
        &self,
        after: Option<RoomId>,
        limit: i64,
    ) -> Result<Option<Vec<Room>>, StoreError> {
        self.read(Read::Other, move |connection| {
            let (made, id) = match after {
                None => (i64::MIN, String::new()),
                Some(after) => {
                    let found = dsl::rooms.find(after.as_str()).select(dsl::created_at);
                    let Some(made) = found.get_result::<i64>(connection).optional()? else {
                        return Ok(None);
                    };
                    (made, after.as_str().to_owned())
                }
            };
            let rows = dsl::rooms
                .filter(dsl::created_at.ge(made))
                .filter(dsl::created_at.gt(made).or(dsl::id.gt(id)))
                .order((dsl::created_at.asc(), dsl::id.asc()))
                .limit(limit)
                .select(COLUMNS)
                .load::<Row>(connection)?;
            Ok(Some(rows.into_iter().map(Room::from).collect()))
        })
        .await
    }

    /// Returns one room, if it exists.
    pub(crate) async fn room(&self, id: &RoomId) -> Result<Option<Room>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(Read::Other, move |connection| {
            let row = dsl::rooms
                .find(id)
                .select(COLUMNS)
                .get_result::<Row>(connection)
                .optional()?;
            Ok(row.map(Room::from))
        })
        .await
    }

    /// Returns those of the ids that have no room.
    pub(crate) async fn unknown_rooms(&self, ids: Vec<RoomId>) -> Result<Vec<RoomId>, StoreError> {
        self.read(Read::Other, move |connection| {
            let named = ids.iter().map(RoomId::as_str);
            let known: HashSet<String> = dsl::rooms
                .filter(dsl::id.eq_any(named))
                .select(dsl::id)
                .load::<String>(connection)?
                .into_iter()
                .collect();
            Ok(ids
                .into_iter()
                .filter(|id| !known.contains(id.as_str()))
                .collect())
        })
        .await
    }

    /// Creates a room; `Conflict` if the id is taken. Returns `false` if the user has opened as many as they may.
    pub(crate) async fn create_room(&self, room: &Room, by: Opener) -> Result<bool, StoreError> {
        let row = (
            dsl::id.eq(room.id.as_str().to_owned()),
            dsl::name.eq(room.name.as_str().to_owned()),
            dsl::created_at.eq(room.created_at.millis()),
            dsl::created_by.eq(by.user_id.as_str().to_owned()),
        );
        self.write(move |connection| {
            connection.transact(|connection| {
                let user_id = by.user_id.as_str();
                if let Some(most) = by.most {
                    lock(connection, user_id)?;
                    let theirs = dsl::rooms.filter(dsl::created_by.eq(user_id)).count();
                    if theirs.get_result::<i64>(connection)? >= most {
                        return Ok(false);
                    }
                }
                diesel::insert_into(dsl::rooms)
                    .values(row)
                    .execute(connection)?;
                Ok(true)
            })
        })
        .await
    }
}

/// Lets a user open one room at a time: the update changes nothing, and locks the row of the account.
fn lock(connection: &mut DbConnection, user_id: &str) -> Result<(), StoreError> {
    diesel::update(users::table.find(user_id))
        .set(users::id.eq(users::id))
        .execute(connection)?;
    Ok(())
}

const COLUMNS: (dsl::id, dsl::name, dsl::created_at) = (dsl::id, dsl::name, dsl::created_at);

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
