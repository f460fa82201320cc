//! The names of events and the data of those that the hub makes itself.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::alarm::{AlarmId, Badge, RoomId, UserId};
use crate::hub::bye::Bye;

/// The name of an event on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventName {
    /// The first event of a stream.
    Connect,
    /// An alarm of a user, of everyone or of a role.
    Alarm,
    /// An alarm of a room.
    Message,
    /// An update of the Mercure protocol; only its own streams carry it.
    Update,
    /// A change of what a user has seen, read or deleted, or of what has expired.
    State,
    /// A session of the user was signed out.
    Session,
    /// Somebody came to a room or left it.
    Presence,
    /// A heartbeat JavaScript can see.
    Ping,
    /// A heartbeat only the connection sees.
    Comment,
    /// The last event of a stream.
    Bye,
}

impl EventName {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Connect,
        Self::Alarm,
        Self::Message,
        Self::Update,
        Self::State,
        Self::Session,
        Self::Presence,
        Self::Ping,
        Self::Comment,
        Self::Bye,
    ];

    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Alarm => "alarm",
            Self::Message => "message",
            Self::Update => "update",
            Self::State => "state",
            Self::Session => "session",
            Self::Presence => "presence",
            Self::Ping => "ping",
            Self::Comment => "",
            Self::Bye => "bye",
        }
    }
}

/// The data of `connect`.
#[derive(ToSchema, Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connected {
    /// The name of this stream.
    pub client_id: String,
    /// The user whose stream it is.
    pub user_id: UserId,
    /// The position it starts at.
    pub cursor: AlarmId,
    /// True if the cursor that was asked for lies outside what is kept.
    pub gap: bool,
    /// The numbers of alarms the user has not seen and not read.
    #[serde(flatten)]
    pub badge: Badge,
    /// The log's head, and the last id the two figures cover: alarms up to it are replayed, those above are new.
    pub head: AlarmId,
    /// The version of the user's marks that the two figures cover.
    pub version: i64,
    /// The longest silence to expect, in seconds.
    pub heartbeat_seconds: u64,
}

/// The data of `presence`.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PresenceData<'a> {
    /// The room.
    pub room_id: &'a RoomId,
    /// The number of users in a room of more than 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub count: Option<usize>,
    /// The users who came, 100 at most in a room of more than 200.
    pub joined: &'a [UserId],
    /// The users who left, 100 at most in a room of more than 200.
    pub left: &'a [UserId],
}

/// The data of `session`.
#[derive(ToSchema, Serialize)]
pub(crate) struct SessionData<'a> {
    /// The session that was signed out, by the name in the header `Campanile-Session`.
    pub ended: &'a str,
}

/// The data of `ping`.
#[derive(ToSchema, Serialize)]
pub(crate) struct PingData {
    /// The position reached.
    pub cursor: AlarmId,
}

/// The data of `bye`.
#[derive(ToSchema, Serialize)]
pub(crate) struct ByeData {
    /// The reason.
    #[schema(value_type = Bye)]
    pub reason: &'static str,
    /// True if coming back may help.
    pub reconnect: bool,
}

impl utoipa::PartialSchema for Bye {
    fn schema() -> RefOr<Schema> {
        let mut words = Self::ALL.map(Self::reason).to_vec();
        words.sort_unstable();
        words.dedup();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .into()
    }
}

impl ToSchema for Bye {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ByeReason")
    }
}
