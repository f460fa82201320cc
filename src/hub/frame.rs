//! An event made ready once and shared by every client it goes to.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;

use crate::alarm::{Alarm, AlarmId, Badge, RoomId, UserId};
use crate::hub::presence::Announcement;

/// One event. A channel slot holds a pointer to it.
#[derive(Debug)]
pub(crate) struct Frame {
    event: EventName,
    id: Option<AlarmId>,
    id_text: Option<ByteString>,
    data: ByteString,
    alarm: Option<Arc<Alarm>>,
    /// The version of the user's marks, for an event that tells them.
    version: Option<i64>,
    /// As the first client's stream wrote it.
    written: OnceLock<Bytes>,
}

/// The name of an event on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventName {
    /// The first event of a stream.
    Connect,
    /// An alarm of a user, of everyone or of a role.
    Alarm,
    /// An alarm of a room.
    Message,
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

/// The reason for which the hub ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bye {
    /// The hub stops.
    Shutdown,
    /// The token's time is over.
    Expired,
    /// Its user logged out.
    Logout,
    /// An administrator disconnected it.
    Kicked,
    /// An administrator disabled its account.
    Disabled,
    /// It did not read.
    Slow,
    /// The hub has no database.
    Unavailable,
}

impl EventName {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Alarm => "alarm",
            Self::Message => "message",
            Self::State => "state",
            Self::Session => "session",
            Self::Presence => "presence",
            Self::Ping => "ping",
            Self::Comment => "",
            Self::Bye => "bye",
        }
    }
}

impl Bye {
    /// The word on the wire.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Expired => "expired",
            Self::Logout => "logout",
            Self::Kicked | Self::Disabled => "kicked",
            Self::Slow => "slow",
            Self::Unavailable => "unavailable",
        }
    }

    /// True if coming back may help.
    fn reconnect(self) -> bool {
        !matches!(self, Self::Logout | Self::Disabled)
    }
}

impl Frame {
    /// The event of a stored alarm.
    pub(crate) fn alarm(alarm: Arc<Alarm>) -> Arc<Self> {
        let event = if alarm.topic.is_room() {
            EventName::Message
        } else {
            EventName::Alarm
        };
        let (id, data) = (alarm.id, json(&*alarm));
        Arc::new(Self {
            alarm: Some(alarm),
            ..Self::numbered(event, id, data)
        })
    }

    /// The first event of a stream. Its id is where the stream starts, so a client cut before its first alarm loses nothing.
    pub(crate) fn connect(connected: &Connected) -> Arc<Self> {
        Arc::new(Self {
            version: Some(connected.version),
            ..Self::numbered(EventName::Connect, connected.cursor, json(connected))
        })
    }

    /// A user's own change of state, with the version of their marks after it; `None` for one that is none of marks.
    pub(crate) fn state<T: Serialize>(state: &T, version: Option<i64>) -> Arc<Self> {
        Arc::new(Self {
            version,
            ..Self::bare(EventName::State, json(state))
        })
    }

    /// A session of the user was signed out; the others go on.
    pub(crate) fn session_ended(session_id: &str) -> Arc<Self> {
        Self::unnumbered(EventName::Session, json(&SessionData { ended: session_id }))
    }

    /// Somebody came or left. In a big room the event tells the number of users, and names some of those who came or left.
    pub(crate) fn presence(announcement: &Announcement) -> Arc<Self> {
        let Announcement {
            room,
            joined,
            left,
            count,
        } = announcement;
        let is_big = *count > BIG_ROOM;
        let named = if is_big { MOST_NAMED } else { usize::MAX };
        let change = PresenceData {
            room_id: room,
            count: is_big.then_some(*count),
            joined: joined.get(..named).unwrap_or(joined),
            left: left.get(..named).unwrap_or(left),
        };
        Self::unnumbered(EventName::Presence, json(&change))
    }

    /// A heartbeat with the position reached.
    pub(crate) fn ping(cursor: AlarmId) -> Arc<Self> {
        Arc::new(Self::numbered(
            EventName::Ping,
            cursor,
            json(&PingData { cursor }),
        ))
    }

    /// A heartbeat JavaScript does not see.
    ///
    /// Its data is for the transports that have no comments.
    pub(crate) fn comment(cursor: AlarmId) -> Arc<Self> {
        Arc::new(Self::numbered(
            EventName::Comment,
            cursor,
            json(&PingData { cursor }),
        ))
    }

    /// The last event.
    pub(crate) fn bye(bye: Bye) -> Arc<Self> {
        let data = ByeData {
            reason: bye.reason(),
            reconnect: bye.reconnect(),
        };
        Self::unnumbered(EventName::Bye, json(&data))
    }

    /// The JSON of a value, as all events are written.
    pub(crate) fn json<T: Serialize>(value: &T) -> ByteString {
        json(value)
    }

    /// The kind of event.
    pub(crate) fn event(&self) -> EventName {
        self.event
    }

    /// The id a client resumes after.
    pub(crate) fn id(&self) -> Option<AlarmId> {
        self.id
    }

    /// The same id as text.
    pub(crate) fn id_text(&self) -> Option<&ByteString> {
        self.id_text.as_ref()
    }

    /// The JSON text.
    pub(crate) fn data(&self) -> &ByteString {
        &self.data
    }

    /// The alarm, if it is one.
    pub(crate) fn as_alarm(&self) -> Option<&Arc<Alarm>> {
        self.alarm.as_ref()
    }

    /// The version of the user's marks, if it tells it.
    pub(crate) fn version(&self) -> Option<i64> {
        self.version
    }

    /// The bytes that `write` made the first time: most clients are written the same bytes.
    pub(crate) fn written_once(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.written.get_or_init(write).clone()
    }

    /// The bytes it takes in a queue.
    pub(crate) fn size_bytes(&self) -> usize {
        self.data.len() + size_of::<Self>()
    }

    fn numbered(event: EventName, id: AlarmId, data: ByteString) -> Self {
        Self {
            id: Some(id),
            id_text: Some(id.to_string().into()),
            ..Self::bare(event, data)
        }
    }

    fn unnumbered(event: EventName, data: ByteString) -> Arc<Self> {
        Arc::new(Self::bare(event, data))
    }

    fn bare(event: EventName, data: ByteString) -> Self {
        Self {
            event,
            id: None,
            id_text: None,
            data,
            alarm: None,
            version: None,
            written: OnceLock::new(),
        }
    }
}

/// The data of `connect`.
#[derive(Debug, Clone, Serialize)]
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PresenceData<'a> {
    room_id: &'a RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    joined: &'a [UserId],
    left: &'a [UserId],
}

#[derive(Serialize)]
struct SessionData<'a> {
    ended: &'a str,
}

#[derive(Serialize)]
struct PingData {
    cursor: AlarmId,
}

#[derive(Serialize)]
struct ByeData {
    reason: &'static str,
    reconnect: bool,
}

/// Our own types always serialise; should one ever not, the stream carries `null` in its place.
fn json<T: Serialize>(value: &T) -> ByteString {
    let text = serde_json::to_string(value).unwrap_or_else(|cause| {
        log::error!("an event could not be written as JSON: {cause}");
        "null".to_owned()
    });
    ByteString::from(without_line_breaks(text))
}

/// Escapes the characters that Unicode counts as line ends and JSON allows in a string: common readers of lines and of
/// event streams break a line at them. Outside of strings JSON has none, so the value stays the same.
fn without_line_breaks(json: String) -> String {
    if !json.contains(LINE_BREAKS) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match c {
            c if LINE_BREAKS.contains(&c) => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A page shows fewer people than that, and each event goes to all of them.
const BIG_ROOM: usize = 200;

/// The users that an event of a big room names: when a crowd comes at once, its number is what matters.
const MOST_NAMED: usize = 100;

/// Next line, line separator and paragraph separator. All others are control characters, which JSON escapes.
const LINE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];
