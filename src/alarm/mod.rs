//! What the product is about: an alarm, its topic and its validated parts. Knows no storage and no transport.

mod body;
mod stored;
mod text;
mod time;
mod topic;

pub use body::{Payload, Target};
pub use stored::{Alarm, AlarmId, NewAlarm};
pub use text::{
    AlarmType, ChatText, ClientMessageId, DisplayName, IdempotencyKey, InvalidValue, Link, RoomId,
    TargetId, UserId,
};
pub use time::Timestamp;
pub use topic::{Role, Topic, TopicFilter, TopicKind};

/// The type of a chat message.
pub const CHAT_MESSAGE: &str = "CHAT_MESSAGE";

/// The type of a ring: somebody calls a room.
pub const ROOM_RING: &str = "ROOM_RING";
