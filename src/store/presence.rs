//! The users present at each hub on one PostgreSQL, and the streams of those who have many.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde::{Deserialize, Serialize};

use crate::alarm::{RoomId, UserId};
use crate::store::connection::{DbConnection, native};
use crate::store::schema::{presence, stream_counts};
use crate::store::{Store, StoreError};

/// The users who came to a room or left one, at one hub, and those whose number of streams changed there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movements {
    /// Those who came.
    pub joined: Vec<(RoomId, UserId)>,
    /// Those who left.
    pub left: Vec<(RoomId, UserId)>,
    /// A user, their number of streams, and the number that was told before. Hubs of an earlier version tell none.
    #[serde(default)]
    pub streams: Vec<(UserId, usize, usize)>,
}

impl Movements {
    /// True if nothing changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.streams.is_empty()
    }
}

/// The rows of some hubs, each with the hub.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The users present in a room.
    pub present: Vec<(String, RoomId, UserId)>,
    /// The streams of those who have many.
    pub streams: Vec<(String, UserId, usize)>,
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

    /// Notes all who are present at a hub, and tells the others. The streams are told afterwards. `false` if the hub holds no lease of
    /// this incarnation.
    pub(crate) async fn note_present(
        &self,
        hub: String,
        incarnation: i64,
        joined: Vec<(RoomId, UserId)>,
    ) -> Result<bool, StoreError> {
        let all = Movements {
            joined,
            ..Movements::default()
        };
        self.note(hub, incarnation, all, true).await
    }

    /// The rows of the hubs but one: of all these, or of those that are named.
    pub(crate) async fn held_elsewhere(
        &self,
        than: String,
        hubs: Option<Vec<String>>,
    ) -> Result<Held, StoreError> {
        self.ask_others(move |connection| {
            Ok(Held {
                present: present(connection, &than, hubs.as_deref())?,
                streams: streams(connection, &than, hubs.as_deref())?,
            })
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

fn present(
    connection: &mut DbConnection,
    than: &str,
    hubs: Option<&[String]>,
) -> Result<Vec<(String, RoomId, UserId)>, StoreError> {
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
    let row = |(hub, room, user)| (hub, RoomId::trusted(room), UserId::trusted(user));
    Ok(rows.into_iter().map(row).collect())
}

fn streams(
    connection: &mut DbConnection,
    than: &str,
    hubs: Option<&[String]>,
) -> Result<Vec<(String, UserId, usize)>, StoreError> {
    let rows = native!(connection => {
        let mut query = stream_counts::table
            .filter(stream_counts::hub.ne(than))
            .select((stream_counts::hub, stream_counts::user_id, stream_counts::streams))
            .into_boxed();
        if let Some(hubs) = hubs {
            query = query.filter(stream_counts::hub.eq_any(hubs));
        }
        query.load::<(String, String, i32)>(connection)
    })?;
    let row = |(hub, user, streams)| {
        let streams = usize::try_from(streams).unwrap_or_default();
        (hub, UserId::trusted(user), streams)
    };
    Ok(rows.into_iter().map(row).collect())
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn campanile_presence(hub: Text, incarnation: BigInt, is_all: Bool, change: Text) -> Bool;
}
