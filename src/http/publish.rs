//! From a publisher's request to stored alarms: shared by `POST /api/alarms`, chat messages, rings and the admin page.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::alarm::{
    AlarmType, CHAT_MESSAGE, ChatText, ClientMessageId, IdempotencyKey, Link, NewAlarm, Payload,
    ROOM_RING, Role, RoomId, Target, Timestamp, Topic, UserId,
};
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::journal;
use crate::store::{Idempotency, Refusal, Stored, Submission};

/// `POST /api/alarms`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PublishRequest {
    /// Whom it is for.
    pub to: To,
    /// What kind it is.
    pub alarm_type: AlarmType,
    /// Who caused it.
    #[serde(default)]
    pub from_user_id: Option<UserId>,
    /// What it is about.
    #[serde(default)]
    pub target_id: Option<Target>,
    /// Anything the page wants to know.
    #[serde(default)]
    pub data: Option<Payload>,
    /// Where it leads.
    #[serde(default)]
    pub url: Option<Link>,
    /// How long it matters.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// Recipients: exactly one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct To {
    /// One user.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Several, each with an alarm of his own.
    #[serde(default)]
    pub users: Option<Vec<UserId>>,
    /// Everybody who signed in; only `true` is a recipient.
    #[serde(default)]
    pub everyone: Option<bool>,
    /// Everybody who has a role; there is a topic of admins only.
    #[serde(default)]
    pub role: Option<Role>,
    /// Everybody in a room.
    #[serde(default)]
    pub room: Option<RoomId>,
}

/// What names one chat message.
#[derive(Debug)]
pub(crate) struct ChatMessage {
    /// Where it is said.
    pub room: RoomId,
    /// What is said.
    pub text: ChatText,
    /// The sender's own name for it.
    pub client_id: Option<ClientMessageId>,
}

impl To {
    /// The topics meant, each once.
    pub(crate) fn topics(self) -> Result<Vec<Topic>, ApiError> {
        let topics = match (self.user, self.users, self.everyone, self.role, self.room) {
            (Some(user), None, None, None, None) => vec![Topic::user(&user)],
            (None, Some(users), None, None, None) => topics_of(users)?,
            (None, None, Some(true), None, None) => vec![Topic::everyone()],
            (None, None, None, Some(Role::Admin), None) => vec![Topic::admins()],
            (None, None, None, Some(_), None) => {
                return Err(ApiError::invalid(
                    "to.role",
                    "only the role admin has a topic",
                ));
            }
            (None, None, None, None, Some(room)) => vec![Topic::room(&room)],
            _ => {
                return Err(ApiError::invalid(
                    "to",
                    "name exactly one of user, users, everyone: true, role, room",
                ));
            }
        };
        Ok(topics)
    }
}

/// Publishes a request under an idempotency key, if it has one; `body` is what the key is compared with.
pub(crate) async fn publish(
    state: &AppState,
    publisher: &UserId,
    request: PublishRequest,
    key: Option<IdempotencyKey>,
    body: &[u8],
) -> Result<Stored, ApiError> {
    let created_at = Timestamp::now();
    let expires_at = request
        .expires_in_seconds
        .map(|seconds| expiry(created_at, seconds))
        .transpose()?;
    let data = request.data.unwrap_or_else(Payload::null);
    let target_id = request.target_id.map(|target| target.0);
    let alarm = |topic| NewAlarm {
        topic,
        alarm_type: request.alarm_type.clone(),
        from_user_id: request.from_user_id.clone(),
        target_id: target_id.clone(),
        data: data.clone(),
        url: request.url.clone(),
        client_id: None,
        created_at,
        expires_at,
    };
    let alarms = request.to.topics()?.into_iter().map(alarm).collect();
    let idempotency = key.map(|key| Idempotency {
        publisher: publisher.clone(),
        key,
        body_hash: digest(body),
    });
    let submission = Submission {
        alarms,
        idempotency,
        create_recipients: state.policy.any_user,
    };
    Ok(journal::append(&state.journal, submission).await?)
}

/// Says something in a room.
pub(crate) async fn say(
    state: &AppState,
    sender: &UserId,
    role: Role,
    message: ChatMessage,
) -> Result<Stored, ApiError> {
    let data = Payload::of(&ChatData {
        text: message.text.as_str(),
        client_id: message.client_id.as_ref().map(ClientMessageId::as_str),
        sender_role: role,
    })?;
    in_room(
        state,
        &message.room,
        NewAlarm {
            client_id: message.client_id,
            ..room_alarm(&message.room, sender, CHAT_MESSAGE, data)
        },
    )
    .await
}

/// Rings a room: everybody subscribed to it is called.
pub(crate) async fn ring(
    state: &AppState,
    sender: &UserId,
    role: Role,
    room: &RoomId,
) -> Result<Stored, ApiError> {
    let text = match role {
        Role::Admin => format!("The administrator {sender} calls everybody to room {room}."),
        Role::User | Role::Service => format!("{sender} is ringing in room {room}."),
    };
    let data = Payload::of(&RingData {
        text: &text,
        sender_role: role,
    })?;
    in_room(state, room, room_alarm(room, sender, ROOM_RING, data)).await
}

async fn in_room(state: &AppState, room: &RoomId, alarm: NewAlarm) -> Result<Stored, ApiError> {
    debug_assert!(
        alarm.topic == Topic::room(room),
        "a room's alarm has the room's topic"
    );
    let submission = Submission {
        alarms: vec![alarm],
        idempotency: None,
        create_recipients: false,
    };
    journal::append(&state.journal, submission)
        .await
        .map_err(|error| match error {
            journal::AppendError::Refused(Refusal::UnknownRoom(_)) => ApiError::NotFound("room"),
            other => ApiError::from(other),
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

fn topics_of(users: Vec<UserId>) -> Result<Vec<Topic>, ApiError> {
    if users.is_empty() || users.len() > MOST_RECIPIENTS {
        return Err(ApiError::invalid("to.users", "name 1 to 1000 users"));
    }
    let mut seen = std::collections::HashSet::new();
    Ok(users
        .iter()
        .filter(|user| seen.insert(user.as_str()))
        .map(Topic::user)
        .collect())
}

fn expiry(from: Timestamp, seconds: u64) -> Result<Timestamp, ApiError> {
    if !(1..=LONGEST_LIFE_SECONDS).contains(&seconds) {
        return Err(ApiError::invalid(
            "expiresInSeconds",
            "expected 1 to 315360000 (ten years)",
        ));
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

/// One request is one transaction; a larger audience is `everyone` or several requests.
const MOST_RECIPIENTS: usize = 1_000;

const LONGEST_LIFE_SECONDS: u64 = 10 * 365 * 24 * 3_600;
