//! Users, alarms and messages in the form that templates show: plain strings, no rules. `assets/campanile.js` uses the
//! same texts.

use std::collections::HashMap;

use serde_json::Value;

use crate::actions::leaving::FormerUsers;
use crate::alarm::{
    Alarm, AlarmId, CHAT_MESSAGE, Payload, ROOM_RING, Timestamp, TopicKind, UserId,
};
use crate::pages::words::Words;

/// A user, with the letter and colour of their avatar.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) initial: String,
    pub(crate) tone: u32,
}

/// One row of an inbox, or of the list of recent alarms.
pub(crate) struct AlarmRow {
    pub(crate) id: AlarmId,
    pub(crate) topic: String,
    pub(crate) unread: bool,
    pub(crate) from: Option<String>,
    pub(crate) alarm_type: String,
    pub(crate) what: String,
    pub(crate) audience: Option<&'static str>,
    pub(crate) summary: String,
    pub(crate) target_id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) created_at: String,
    pub(crate) time: String,
}

/// One message of a room.
pub(crate) struct MessageRow {
    pub(crate) id: AlarmId,
    pub(crate) kind: &'static str,
    from: String,
    /// The user whose name the author is; empty for a deleted user.
    pub(crate) named_from: String,
    pub(crate) author: String,
    pub(crate) from_admin: bool,
    pub(crate) mine: bool,
    pub(crate) continued: bool,
    pub(crate) client_id: Option<String>,
    pub(crate) text: String,
    pub(crate) url: Option<String>,
    pub(crate) initial: String,
    pub(crate) tone: u32,
    pub(crate) created_at: String,
    pub(crate) time: String,
    said_at: Timestamp,
}

/// Display names by user id.
pub(crate) type Names = HashMap<String, String>;

impl Person {
    pub(crate) fn new(id: &str, display_name: &str) -> Self {
        Self {
            id: id.to_owned(),
            display_name: display_name.to_owned(),
            initial: initial(display_name),
            tone: tone(id),
        }
    }
}

impl AlarmRow {
    pub(crate) fn new(alarm: &Alarm, former: &FormerUsers, words: &Words) -> Self {
        let from = match former.wrote(alarm) {
            true => Some(words.inbox.deleted_user.to_owned()),
            false => alarm.from_user_id.as_ref().map(UserId::to_string),
        };
        let audience = match alarm.topic.kind() {
            TopicKind::Everyone => Some(words.inbox.everyone),
            TopicKind::Admins => Some(words.inbox.admins),
            TopicKind::User(_) | TopicKind::Room(_) => None,
        };
        Self {
            id: alarm.id,
            topic: alarm.topic.to_string(),
            unread: alarm.read_at.is_none(),
            from,
            alarm_type: alarm.alarm_type.to_string(),
            what: words
                .kind(alarm.alarm_type.as_str())
                .map_or_else(|| type_in_words(alarm.alarm_type.as_str()), str::to_owned),
            audience,
            summary: summary_of(&alarm.data),
            target_id: alarm.target_id.as_ref().map(ToString::to_string),
            url: alarm.url.as_ref().map(ToString::to_string),
            created_at: alarm.created_at.to_string(),
            time: date_and_time(alarm.created_at),
        }
    }
}

impl AlarmRow {
    /// True if the text of the row contains a word, ignoring case.
    pub(crate) fn holds(&self, word: &str) -> bool {
        let word = word.trim().to_lowercase();
        let texts = [
            &self.topic,
            &self.alarm_type,
            &self.what,
            &self.summary,
            self.from.as_ref().unwrap_or(&self.topic),
        ];
        texts
            .iter()
            .any(|text| text.to_lowercase().contains(word.as_str()))
    }
}

impl MessageRow {
    /// The messages in the order they were sent, as `viewer` sees them.
    pub(crate) fn list(
        newest_first: &[Alarm],
        viewer: &UserId,
        names: (&Names, &FormerUsers),
        words: &Words,
    ) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::with_capacity(newest_first.len());
        for alarm in newest_first.iter().rev() {
            let mut row = Self::new(alarm, viewer, names, words);
            row.continued = rows.last().is_some_and(|before| row.continues(before));
            rows.push(row);
        }
        rows
    }

    fn new(
        alarm: &Alarm,
        viewer: &UserId,
        (names, former): (&Names, &FormerUsers),
        words: &Words,
    ) -> Self {
        let is_former = former.wrote(alarm);
        let data: Value = serde_json::from_str(alarm.data.as_json()).unwrap_or_default();
        let from = alarm
            .from_user_id
            .as_ref()
            .map_or_else(String::new, UserId::to_string);
        let kind = match alarm.alarm_type.as_str() {
            CHAT_MESSAGE => "chat",
            ROOM_RING => "ring",
            _ => "alarm",
        };
        let author = match kind {
            "alarm" => type_in_words(alarm.alarm_type.as_str()),
            _ if is_former => words.inbox.deleted_user.to_owned(),
            _ => names.get(&from).unwrap_or(&from).clone(),
        };
        let from_admin = data.get("senderRole").and_then(Value::as_str) == Some("admin");
        let text = match (kind, from_admin) {
            ("ring", true) => words.room.admin_rings.with(&author),
            ("ring", false) => words.room.rings.with(&author),
            _ => summary_of(&alarm.data),
        };
        Self {
            id: alarm.id,
            kind,
            from_admin,
            mine: kind == "chat" && from == viewer.as_str() && !is_former,
            continued: false,
            client_id: data
                .get("clientId")
                .and_then(Value::as_str)
                .map(str::to_owned),
            text,
            url: alarm
                .url
                .as_ref()
                .filter(|_url| kind == "alarm")
                .map(ToString::to_string),
            initial: initial(&author),
            tone: tone(if from.is_empty() { &author } else { &from }),
            created_at: alarm.created_at.to_string(),
            time: time_of_day(alarm.created_at),
            said_at: alarm.created_at,
            // A later account of the id gives its name to its own messages only.
            named_from: if is_former {
                String::new()
            } else {
                from.clone()
            },
            from,
            author,
        }
    }

    fn continues(&self, before: &Self) -> bool {
        let soon = self.said_at.millis() - before.said_at.millis() < GROUPED_WITHIN_MS;
        self.kind == "chat" && before.kind == "chat" && self.from == before.from && soon
    }
}

/// `NEW_COMMENT_ON_POST` becomes "New comment on post".
pub(crate) fn type_in_words(alarm_type: &str) -> String {
    let words = alarm_type.replace('_', " ").trim().to_lowercase();
    let mut letters = words.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + letters.as_str()
}

/// The line of text that describes an alarm.
pub(crate) fn summary_of(data: &Payload) -> String {
    match serde_json::from_str(data.as_json()).unwrap_or_default() {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::Object(fields) => {
            let told = |name: &&str| fields.get(*name).and_then(Value::as_str);
            let text = ["title", "text", "message", "body"]
                .iter()
                .filter_map(told)
                .find(|text| !text.is_empty());
            text.unwrap_or(data.as_json()).to_owned()
        }
        _ => data.as_json().to_owned(),
    }
}

/// `2026-11-22 01:02 UTC`; the page's script converts it to local time.
pub(crate) fn date_and_time(moment: Timestamp) -> String {
    let text = moment.to_string();
    let day = text.get(..10).unwrap_or_default();
    format!("{day} {}", time_of_day(moment))
}

fn time_of_day(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{} UTC", text.get(11..16).unwrap_or_default())
}

/// The letter of an avatar.
pub(crate) fn initial(name: &str) -> String {
    let first = name.trim().chars().next().unwrap_or('?');
    first.to_uppercase().collect()
}

/// One of eight colours, always the same for one id.
pub(crate) fn tone(id: &str) -> u32 {
    id.chars().map(u32::from).fold(0, u32::wrapping_add) % 8
}

/// Messages of one sender within this time are shown under one name.
const GROUPED_WITHIN_MS: i64 = 5 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_becomes_words() {
        assert_eq!(type_in_words("NEW_COMMENT_ON_POST"), "New comment on post");
        assert_eq!(type_in_words("A"), "A");
    }

    #[test]
    fn a_summary_is_the_first_thing_that_reads_like_one() {
        let cases = [
            (r#"{"title":"Hello","text":"x"}"#, "Hello"),
            (r#"{"title":"","message":"Hi"}"#, "Hi"),
            (r#"{"n":1}"#, r#"{"n":1}"#),
            (r#""words""#, "words"),
            ("null", ""),
            ("{}", ""),
            ("7", "7"),
        ];
        for (data, summary) in cases {
            assert_eq!(
                summary_of(&Payload::parse(data).unwrap()),
                summary,
                "{data}"
            );
        }
    }

    #[test]
    fn a_time_without_a_script_names_its_zone() {
        let moment = Timestamp::from_millis(1_700_000_000_000);

        assert_eq!(date_and_time(moment), "2023-11-14 22:13 UTC");
    }
}
