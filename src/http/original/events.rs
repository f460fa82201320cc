//! The events of the original routes, as the system that this hub replaces wrote them.

use actix_web_lab::sse::{Data, Event};
use bytestring::ByteString;
use serde::Serialize;

use crate::alarm::{Alarm, CHAT_MESSAGE, Timestamp, TopicKind};
use crate::http::stream::sse::{named, numbered};
use crate::hub::{EventName, Frame};

/// The dialect of `/api/main/alarm/sub`.
pub(super) fn alarm_event(frame: &Frame) -> Option<Event> {
    match frame.event() {
        EventName::Connect => {
            let data = ByteString::from_static("connect completed");
            Some(named(frame, "alarm", data))
        }
        EventName::Alarm | EventName::Bye => {
            Some(named(frame, frame.event().as_str(), frame.data().clone()))
        }
        _ => Some(sign_of_life()),
    }
}

/// The dialect of `/room/subscribe`.
pub(super) fn room_event(frame: &Frame) -> Option<Event> {
    match frame.event() {
        EventName::Connect => {
            let data = ByteString::from_static("connected!");
            Some(named(frame, "connect", data))
        }
        EventName::Message => notification(frame),
        EventName::Bye => Some(named(frame, "bye", frame.data().clone())),
        _ => Some(sign_of_life()),
    }
}

/// Written for an event that the dialect does not have: the Broadcaster counted it as a heartbeat.
fn sign_of_life() -> Event {
    Event::Comment(ByteString::new())
}

/// A room's notification, as the original system wrote it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    room_id: &'a str,
    sender: Option<&'a str>,
    sender_role: Option<String>,
    message: Option<String>,
    created_at: Timestamp,
}

fn notification(frame: &Frame) -> Option<Event> {
    let alarm = frame.as_alarm()?;
    let TopicKind::Room(room_id) = alarm.topic.kind() else {
        return None;
    };
    let notification = Notification {
        kind: if alarm.alarm_type.as_str() == CHAT_MESSAGE {
            "MESSAGE"
        } else {
            "ALARM"
        },
        room_id,
        sender: alarm.from_user_id.as_ref().map(|id| id.as_str()),
        sender_role: text_of(alarm, "senderRole"),
        message: text_of(alarm, "text"),
        created_at: alarm.created_at,
    };
    Some(numbered(frame, Data::new(Frame::json(&notification))))
}

fn text_of(alarm: &Alarm, name: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(alarm.data.as_json()).ok()?;
    data.get(name)?.as_str().map(str::to_owned)
}
