//! An event made ready once and shared by every client it goes to.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;

use crate::alarm::update::Update;
use crate::alarm::{Alarm, AlarmId, Timestamp};
use crate::hub::bye::Bye;
use crate::hub::entry::Entry;
use crate::hub::event_data::{ByeData, Connected, EventName, PingData, PresenceData, SessionData};
use crate::hub::presence::Announcement;

/// One event. A channel slot holds a pointer to it.
#[derive(Debug)]
pub(crate) struct Frame {
    event: EventName,
    id: Option<AlarmId>,
    id_text: Option<ByteString>,
    data: ByteString,
    entry: Option<Entry>,
    /// The version of the user's marks, for an event that tells them.
    version: Option<i64>,
    /// The time at which a live entry was committed, as this hub saw it.
    committed_at: Option<Instant>,
    /// As the first client's stream wrote it.
    written: OnceLock<Bytes>,
    /// As the first stream of the Mercure protocol wrote it.
    written_for_mercure: OnceLock<Bytes>,
}

impl Frame {
    /// The event of an entry of the log.
    pub(crate) fn of(entry: Entry) -> Arc<Self> {
        Arc::new(Self::of_entry(entry))
    }

    fn of_entry(entry: Entry) -> Self {
        match entry {
            Entry::Alarm(alarm) => Self::of_alarm(alarm),
            Entry::Update(update) => Self::of_update(update),
        }
    }

    fn of_update(update: Arc<Update>) -> Self {
        Self {
            id: Some(update.id),
            entry: Some(Entry::Update(update)),
            ..Self::bare(EventName::Update, ByteString::new())
        }
    }

    /// The event of a stored alarm.
    pub(crate) fn alarm(alarm: Arc<Alarm>) -> Arc<Self> {
        Arc::new(Self::of_alarm(alarm))
    }

    /// The event of an entry that was committed at a time, for clients that are live.
    pub(crate) fn committed(entry: Entry, at: Instant) -> Arc<Self> {
        Arc::new(Self {
            committed_at: Some(at),
            ..Self::of_entry(entry)
        })
    }

    /// The time at which a live entry was committed; `None` for every other event.
    pub(crate) fn committed_at(&self) -> Option<Instant> {
        self.committed_at
    }

    fn of_alarm(alarm: Arc<Alarm>) -> Self {
        let event = if alarm.topic.is_room() {
            EventName::Message
        } else {
            EventName::Alarm
        };
        let (id, data) = (alarm.id, json(&*alarm));
        Self {
            entry: Some(Entry::Alarm(alarm)),
            ..Self::numbered(event, id, data)
        }
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
        match self.entry.as_ref()? {
            Entry::Alarm(alarm) => Some(alarm),
            Entry::Update(_) => None,
        }
    }

    /// The entry of the log, if it is one.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// The time at which its entry of the log was stored.
    pub(crate) fn stored_at(&self) -> Option<Timestamp> {
        self.entry.as_ref().map(Entry::created_at)
    }

    /// The version of the user's marks, if it tells it.
    pub(crate) fn version(&self) -> Option<i64> {
        self.version
    }

    /// The bytes that `write` made the first time: most clients are written the same bytes.
    pub(crate) fn written_once(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.written.get_or_init(write).clone()
    }

    /// As [`Self::written_once`], for the streams of the Mercure protocol.
    pub(crate) fn written_for_mercure(&self, write: impl FnOnce() -> Bytes) -> Bytes {
        self.written_for_mercure.get_or_init(write).clone()
    }

    /// The bytes it takes in a queue.
    pub(crate) fn size_bytes(&self) -> usize {
        let update = match &self.entry {
            Some(Entry::Update(update)) => update.size_bytes(),
            Some(Entry::Alarm(_)) | None => 0,
        };
        self.data.len() + update + size_of::<Self>()
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
            entry: None,
            version: None,
            committed_at: None,
            written: OnceLock::new(),
            written_for_mercure: OnceLock::new(),
        }
    }
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
