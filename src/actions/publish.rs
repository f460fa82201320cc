//! Publishing: from a request to stored alarms. `POST /api/alarms`, chat messages, rings and the pages come here.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::actions::{AppState, Refusal, Rule, Thing, canonical};
use crate::alarm::{
    AlarmType, CHAT_MESSAGE, ChatText, ClientMessageId, IdempotencyKey, InvalidValue, Link,
    NewAlarm, Payload, ROOM_RING, Recipients, Role, RoomId, Target, Timestamp, Topic, UserId,
};
use crate::journal::{self, AppendError};
use crate::store::{self, Submission};

pub(crate) use crate::store::{Idempotency, Stored};

/// An alarm to publish: the body of `POST /api/alarms`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Publication {
    /// The recipients.
    pub to: Recipients,
    /// The type.
    pub alarm_type: AlarmType,
    /// The user who caused it.
    #[serde(default)]
    pub from_user_id: Option<UserId>,
    /// The thing it is about.
    #[serde(default)]
    pub target_id: Option<Target>,
    /// Any JSON for the page that shows it.
    #[serde(default)]
    pub data: Option<Payload>,
    /// The address it links to.
    #[serde(default)]
    pub url: Option<Link>,
    /// The time after which it expires.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// A chat message.
#[derive(Debug)]
pub(crate) struct ChatMessage {
    /// The room it is sent to.
    pub room: RoomId,
    /// The text.
    pub text: ChatText,
    /// The sender's own id for it, which makes a retry safe.
    pub client_id: Option<ClientMessageId>,
}

impl Publication {
    /// Returns an alarm with only its recipients and its type.
    pub(crate) fn of(to: Recipients, alarm_type: AlarmType) -> Self {
        Self {
            to,
            alarm_type,
            from_user_id: None,
            target_id: None,
            data: None,
            url: None,
            expires_in_seconds: None,
        }
    }

    /// Returns the alarms to store, one for each topic.
    fn alarms(self) -> Result<Vec<NewAlarm>, Refusal> {
        let created_at = Timestamp::now();
        let expires_at = self
            .expires_in_seconds
            .map(|seconds| expiry(created_at, seconds))
            .transpose()?;
        let data = self.data.unwrap_or_else(Payload::null);
        let target_id = self.target_id.map(|target| target.0);
        let alarm = |topic| NewAlarm {
            topic,
            alarm_type: self.alarm_type.clone(),
            from_user_id: self.from_user_id.clone(),
            target_id: target_id.clone(),
            data: data.clone(),
            url: self.url.clone(),
            client_id: None,
            created_at,
            expires_at,
        };
        Ok(self.to.topics().into_iter().map(alarm).collect())
    }
}

/// Publishes an alarm. With an idempotency key a repeated request publishes nothing.
pub(crate) async fn publish(
    state: &AppState,
    publication: Publication,
    idempotency: Option<Idempotency>,
) -> Result<Stored, Refusal> {
    let submission = Submission {
        alarms: publication.alarms()?,
        idempotency,
        create_recipients: state.policy.any_user,
    };
    state.may_publish()?;
    Ok(journal::append(&state.journal, submission).await?)
}

/// Recognises a publisher's request by its key; the same key with another body is refused. Bodies are the same if they
/// mean the same JSON, in whatever order their keys are written.
pub(crate) fn idempotency(publisher: &UserId, key: IdempotencyKey, body: &[u8]) -> Idempotency {
    Idempotency {
        publisher: publisher.clone(),
        key,
        body_hash: digest(&canonical::form(body)),
        earlier_hash: digest(body),
    }
}

/// Sends a chat message to a room.
pub(crate) async fn say(
    state: &AppState,
    sender: &UserId,
    role: Role,
    message: ChatMessage,
) -> Result<Stored, Refusal> {
    let data = data_of(&ChatData {
        text: message.text.as_str(),
        client_id: message.client_id.as_ref().map(ClientMessageId::as_str),
        sender_role: role,
    })?;
    charge(state, sender, role)?;
    let alarm = NewAlarm {
        client_id: message.client_id,
        ..room_alarm(&message.room, sender, CHAT_MESSAGE, data)
    };
    in_room(state, alarm).await
}

/// Rings a room: sends a ring to everyone who is subscribed to it.
pub(crate) async fn ring(
    state: &AppState,
    sender: &UserId,
    role: Role,
    room: &RoomId,
) -> Result<Stored, Refusal> {
    let text = match role {
        Role::Admin => format!("The administrator {sender} calls everybody to room {room}."),
        Role::User | Role::Service => format!("{sender} is ringing in room {room}."),
    };
    let data = data_of(&RingData {
        text: &text,
        sender_role: role,
    })?;
    charge(state, sender, role)?;
    in_room(state, room_alarm(room, sender, ROOM_RING, data)).await
}

/// Counts a message of a person. Back ends and admins are not limited.
fn charge(state: &AppState, sender: &UserId, role: Role) -> Result<(), Refusal> {
    if role != Role::User {
        return Ok(());
    }
    let taken = state.message_rate.take(sender, Instant::now());
    taken.map_err(Refusal::TooManyMessages)
}

/// The type of a test alarm, which an administrator sends to test a connection.
pub(crate) fn test_type() -> AlarmType {
    AlarmType::trusted("TEST".to_owned())
}

/// Returns the data of an alarm that the hub creates itself.
pub(crate) fn data_of<T: Serialize>(value: &T) -> Result<Payload, Refusal> {
    Payload::of(value).map_err(|rule: InvalidValue| Refusal::invalid("data", rule))
}

async fn in_room(state: &AppState, alarm: NewAlarm) -> Result<Stored, Refusal> {
    let submission = Submission {
        alarms: vec![alarm],
        idempotency: None,
        create_recipients: false,
    };
    state.may_publish()?;
    let appended = journal::append(&state.journal, submission).await;
    appended.map_err(|error| match error {
        // The room comes from the path, so an unknown one is `NotFound`.
        AppendError::Refused(store::Refusal::UnknownRoom(_)) => Refusal::NotFound(Thing::Room),
        other => Refusal::from(other),
    })
}

fn room_alarm(room: &RoomId, sender: &UserId, alarm_type: &str, data: Payload) -> NewAlarm {
    NewAlarm {
        topic: Topic::room(room),
        alarm_type: AlarmType::trusted(alarm_type.to_owned()),
        from_user_id: Some(sender.clone()),
        target_id: None,
        data,
        url: None,
        client_id: None,
        created_at: Timestamp::now(),
        expires_at: None,
    }
}

fn expiry(from: Timestamp, seconds: u64) -> Result<Timestamp, Refusal> {
    if !(1..=LONGEST_LIFE_SECONDS).contains(&seconds) {
        return Err(Refusal::invalid("expiresInSeconds", Rule::Expiry));
    }
    Ok(from.plus(Duration::from_secs(seconds)))
}

fn digest(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChatData<'a> {
    text: &'a str,
    client_id: Option<&'a str>,
    sender_role: Role,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RingData<'a> {
    text: &'a str,
    sender_role: Role,
}

const LONGEST_LIFE_SECONDS: u64 = 10 * 365 * 24 * 3_600;
