//! The domain: an alarm, its topic and its validated parts. It knows no storage and no transport.

mod api_key;
mod body;
mod count;
pub(crate) mod declared;
mod filter;
mod invalid;
mod names;
mod recipients;
pub(crate) mod schema;
mod signer;
mod stored;
mod text;
mod time;
mod topic;
pub(crate) mod update;
pub(crate) mod whole;

pub(crate) use api_key::{ApiKey, Grant, Scope, TopicPattern};
pub(crate) use body::{Payload, Target};
pub(crate) use count::{Badge, Count};
pub(crate) use filter::TopicFilter;
pub(crate) use invalid::InvalidValue;
pub(crate) use names::{canonical_user_id, keep_former_ids, password};
pub(crate) use recipients::Recipients;
pub(crate) use signer::SignerId;
pub(crate) use stored::{Alarm, AlarmId, NewAlarm};
pub(crate) use text::{
    AlarmType, ChatText, ClientMessageId, DisplayName, IdempotencyKey, KeyName, LanguageTag, Link,
    RoomId, TargetId, TypeText, UserId,
};
pub(crate) use time::Timestamp;
pub(crate) use topic::{Role, Topic, TopicKind};

/// The type of a chat message.
pub(crate) const CHAT_MESSAGE: &str = "CHAT_MESSAGE";

/// The type of a ring: a user calls everyone in a room.
pub(crate) const ROOM_RING: &str = "ROOM_RING";

/// The type of a test of one connection.
pub(crate) const TEST: &str = "TEST";

/// The type of a test of the transports.
pub(crate) const COMPARE_TEST: &str = "COMPARE_TEST";

/// The hub's own types, which nobody declares.
pub(crate) const OWN_TYPES: [&str; 4] = [CHAT_MESSAGE, ROOM_RING, TEST, COMPARE_TEST];
