//! The domain: an alarm, its topic and its validated parts. It knows no storage and no transport.

mod body;
mod count;
mod invalid;
mod names;
mod recipients;
mod stored;
mod text;
mod time;
mod topic;

pub(crate) use body::{Payload, Target};
pub(crate) use count::{Badge, Count};
pub(crate) use invalid::InvalidValue;
pub(crate) use names::{canonical_user_id, keep_former_ids, password};
pub(crate) use recipients::Recipients;
pub(crate) use stored::{Alarm, AlarmId, NewAlarm};
pub(crate) use text::{
    AlarmType, ChatText, ClientMessageId, DisplayName, IdempotencyKey, Link, RoomId, TargetId,
    UserId,
};
pub(crate) use time::Timestamp;
pub(crate) use topic::{Role, Topic, TopicFilter, TopicKind};

/// The type of a chat message.
pub(crate) const CHAT_MESSAGE: &str = "CHAT_MESSAGE";

/// The type of a ring: a user calls everyone in a room.
pub(crate) const ROOM_RING: &str = "ROOM_RING";
