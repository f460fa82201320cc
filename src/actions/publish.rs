//! Publishing: from a request to stored alarms. `POST /api/alarms`, chat messages, rings and the pages come here.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::actions::identity::Identity;
use crate::actions::{AppState, Refusal, Rule, Thing, alarm_types, api_keys, canonical, life};
use crate::alarm::{
    Alarm, AlarmType, CHAT_MESSAGE, ChatText, ClientMessageId, IdempotencyKey, InvalidValue, Link,
    NewAlarm, Payload, ROOM_RING, Recipients, Role, RoomId, Scope, TEST, Target, Timestamp, Topic,
    UserId, whole,
};
use crate::journal::{self, AppendError};
use crate::store::{self, Submission};

pub(crate) use crate::store::{Idempotency, Stored};

/// An alarm to publish: the body of `POST /api/alarms`.
#[derive(utoipa::ToSchema, Debug, Deserialize)]
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
    #[schema(nullable = false)]
    pub data: Option<Payload>,
    /// The address it links to.
    #[serde(default)]
    pub url: Option<Link>,
    /// The time after which it expires.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schema(minimum = 1, maximum = 315_360_000)]
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

    /// The fault of the type or of the data, as the declared types have it.
    async fn fault(&self, state: &AppState) -> Option<Refusal> {
        let checked = alarm_types::check(state, &self.alarm_type, self.data.as_ref()).await;
        checked.err()
    }

    /// Returns the alarms to store, one for each topic.
    fn alarms(self) -> Result<Vec<NewAlarm>, Refusal> {
        let created_at = Timestamp::now();
        let expires_at = self
            .expires_in_seconds
            .map(|seconds| life::end_of(created_at, seconds))
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

/// Publishes several alarms, all or none, in their order. Returns the alarms of each item.
pub(crate) async fn publish_all(
    state: &AppState,
    publisher: &Identity,
    items: Vec<Publication>,
    idempotency: Option<Idempotency>,
) -> Result<Vec<Vec<Arc<Alarm>>>, Refusal> {
    if items.is_empty() || items.len() > MOST_ITEMS {
        return Err(Refusal::invalid(
            "items",
            Rule::Between(1, MOST_ITEMS as u64),
        ));
    }
    let recipients: Vec<Recipients> = items.iter().map(|item| item.to.clone()).collect();
    let topics: Vec<Vec<Topic>> = recipients.iter().map(Recipients::topics).collect();
    if topics.iter().map(Vec::len).sum::<usize>() > MOST_ITEMS {
        return Err(Refusal::invalid("alarms", Rule::AtMost(MOST_ITEMS)));
    }
    let (mut alarms, mut fault) = (Vec::new(), None);
    for (index, item) in items.into_iter().enumerate() {
        allow(publisher, &item.to).map_err(|cause| cause.in_item(index, "to"))?;
        if fault.is_none() {
            fault = item.fault(state).await.map(|cause| cause.of_item(index));
        }
        alarms.extend(item.alarms().map_err(|cause| cause.of_item(index))?);
    }
    let stored = append(state, alarms, idempotency, fault).await;
    let stored = stored.map_err(|refusal| named_in(&recipients, refusal))?;
    // Of a repeated request, those that are still there.
    let mut stored = stored.alarms.into_iter().peekable();
    let mut of_topic = |topic: &Topic| stored.next_if(|alarm| alarm.topic == *topic);
    let results = topics
        .iter()
        .map(|topics| topics.iter().filter_map(&mut of_topic).collect());
    Ok(results.collect())
}

/// Names the item that an unknown recipient is in.
fn named_in(items: &[Recipients], refusal: Refusal) -> Refusal {
    let index = |is_meant: &dyn Fn(&Recipients) -> bool| items.iter().position(is_meant);
    let (found, field) = match &refusal {
        Refusal::UnknownUsers(ids) => {
            let first = ids.first();
            let found = index(&|to| match to {
                Recipients::User(user) => Some(user) == first,
                Recipients::Users(users) => first.is_some_and(|first| users.contains(first)),
                _ => false,
            });
            let is_list = found.and_then(|at| items.get(at));
            match is_list {
                Some(Recipients::Users(_)) => (found, "to.users"),
                _ => (found, "to.user"),
            }
        }
        Refusal::UnknownRooms(rooms) => {
            let found = index(&|to| matches!(to, Recipients::Room(named) if rooms.contains(named)));
            (found, "to.room")
        }
        _ => (None, "to"),
    };
    match found {
        Some(index) => refusal.in_item(index, field),
        None => refusal,
    }
}

/// Refuses what an API key may not publish: for each recipient it needs the scope and the topic.
pub(crate) fn allow(publisher: &Identity, to: &Recipients) -> Result<(), Refusal> {
    let Some(key) = publisher.key() else {
        return Ok(());
    };
    for topic in to.topics() {
        api_keys::require(key, Scope::to_publish(&topic))?;
        api_keys::require_topic(key, &topic)?;
    }
    Ok(())
}

/// Publishes an alarm. With an idempotency key a repeated request publishes nothing.
pub(crate) async fn publish(
    state: &AppState,
    publication: Publication,
    idempotency: Option<Idempotency>,
) -> Result<Stored, Refusal> {
    let fault = publication.fault(state).await;
    append(state, publication.alarms()?, idempotency, fault).await
}

/// Publishes an alarm that the hub makes itself, whatever types are declared.
pub(crate) async fn publish_own(
    state: &AppState,
    publication: Publication,
) -> Result<Stored, Refusal> {
    append(state, publication.alarms()?, None, None).await
}

/// Stores alarms. Where they are refused for a fault, a repeated request still gets its first answer: the types may have been
/// declared since.
async fn append(
    state: &AppState,
    alarms: Vec<NewAlarm>,
    idempotency: Option<Idempotency>,
    fault: Option<Refusal>,
) -> Result<Stored, Refusal> {
    let only_repeated = fault.is_some();
    if let (Some(fault), None) = (&fault, &idempotency) {
        return Err(fault.clone());
    }
    let submission = Submission {
        alarms,
        updates: Vec::new(),
        idempotency,
        create_recipients: state.policy.any_user,
        only_repeated,
    };
    state.may_publish()?;
    match (journal::append(&state.journal, submission).await, fault) {
        (Err(AppendError::Refused(store::Refusal::NotRepeated)), Some(fault)) => Err(fault),
        (stored, _fault) => Ok(stored?),
    }
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
    AlarmType::trusted(TEST.to_owned())
}

/// Returns the data of an alarm that the hub creates itself.
pub(crate) fn data_of<T: Serialize>(value: &T) -> Result<Payload, Refusal> {
    Payload::of(value).map_err(|rule: InvalidValue| Refusal::invalid("data", rule))
}

async fn in_room(state: &AppState, alarm: NewAlarm) -> Result<Stored, Refusal> {
    let submission = Submission {
        alarms: vec![alarm],
        updates: Vec::new(),
        idempotency: None,
        create_recipients: false,
        only_repeated: false,
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

/// The digest of a body, by which a repeated request is recognised.
pub(crate) fn digest(body: &[u8]) -> String {
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

/// As many alarms as one request may store: each is a row of one transaction.
const MOST_ITEMS: usize = 1_000;
