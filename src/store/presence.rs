//! The users present at each hub on one PostgreSQL.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde::{Deserialize, Serialize};

use crate::alarm::{RoomId, UserId};
use crate::store::connection::native;
use crate::store::schema::presence;
use crate::store::{Store, StoreError};

/// The users who came to a room or left one, at one hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movements {
    /// Those who came.
    pub joined: Vec<(RoomId, UserId)>,
    /// Those who left.
    pub left: Vec<(RoomId, UserId)>,
}

impl Store {
    /// Notes who came and left at a hub, and tells the others. `false` if the hub holds no lease of this incarnation.
    pub(crate) async fn note_movements(
        &self,
        hub: String,
        incarnation: i64,
        movements: Movements,
    ) -> Result<bool, StoreError> {
        self.note(hub, incarnation, movements, false).await
    }

    /// Notes all who are present at a hub, and tells the others. `false` if the hub holds no lease of this incarnation.
    pub(crate) async fn note_present(
        &self,
        hub: String,
        incarnation: i64,
        joined: Vec<(RoomId, UserId)>,
    ) -> Result<bool, StoreError> {
        let all = Movements {
            joined,
            left: Vec::new(),
        };
        self.note(hub, incarnation, all, true).await
    }

    /// Those who are present at the hubs but one, each with the hub; at all of these, or at those that are named.
    pub(crate) async fn present_elsewhere(
        &self,
        than: String,
        hubs: Option<Vec<String>>,
    ) -> Result<Vec<(String, RoomId, UserId)>, StoreError> {
        self.ask_others(move |connection| {
            let rows = native!(connection => {
                let mut query = presence::table
                    .filter(presence::hub.ne(than))
                    .select((presence::hub, presence::room, presence::user_id))
                    .into_boxed();
                if let Some(hubs) = hubs {
                    query = query.filter(presence::hub.eq_any(hubs));
                }
                query.load::<(String, String, String)>(connection)
            })?;
            let row = |(hub, room, user): (String, String, String)| {
                (hub, RoomId::trusted(room), UserId::trusted(user))
            };
            Ok(rows.into_iter().map(row).collect())
        })
        .await
    }

    async fn note(
        &self,
        hub: String,
        incarnation: i64,
        movements: Movements,
        is_all: bool,
    ) -> Result<bool, StoreError> {
        let text = serde_json::to_string(&movements)
            .map_err(|cause| StoreError::Broken(format!("presence cannot be written: {cause}")))?;
        self.tell_others(move |connection| {
            let noted = native!(connection => diesel::select(campanile_presence(hub, incarnation, is_all, text))
                .get_result::<bool>(connection))?;
            Ok(noted)
        })
        .await
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn campanile_presence(hub: Text, incarnation: BigInt, is_all: Bool, change: Text) -> Bool;
}
