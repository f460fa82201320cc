//! The recipients of an alarm as a publisher names them: exactly one kind.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alarm::{InvalidValue, Role, RoomId, Topic, UserId};

/// The recipients of an alarm. On the wire an object with exactly one of `user`, `users`, `everyone`, `role` and `room`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipients {
    /// One user.
    User(UserId),
    /// Several users without duplicates; each gets an alarm of their own.
    Users(Vec<UserId>),
    /// Every signed-in user.
    Everyone,
    /// The administrators, the only role that has a topic.
    Admins,
    /// Everyone in a room.
    Room(RoomId),
}

impl Recipients {
    /// Returns several users as recipients, without duplicates; `RecipientCount` if there are none or more than 1,000.
    pub(crate) fn users(users: Vec<UserId>) -> Result<Self, InvalidValue> {
        if users.is_empty() || users.len() > MOST_RECIPIENTS {
            return Err(InvalidValue::RecipientCount);
        }
        let mut seen = HashSet::new();
        let mut once = users;
        once.retain(|user| seen.insert(user.clone()));
        Ok(Self::Users(once))
    }

    /// Returns the topics under which the alarm is stored: one for each user, or a single one.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        match self {
            Self::User(user) => vec![Topic::user(user)],
            Self::Users(users) => users.iter().map(Topic::user).collect(),
            Self::Everyone => vec![Topic::everyone()],
            Self::Admins => vec![Topic::admins()],
            Self::Room(room) => vec![Topic::room(room)],
        }
    }
}

impl Serialize for Recipients {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::User(user) => map.serialize_entry("user", user)?,
            Self::Users(users) => map.serialize_entry("users", users)?,
            Self::Everyone => map.serialize_entry("everyone", &true)?,
            Self::Admins => map.serialize_entry("role", &Role::Admin)?,
            Self::Room(room) => map.serialize_entry("room", room)?,
        }
        map.end()
    }
}

/// Written as an object alone: by itself serde reads one from an array too, by the order of its fields.
impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnObject)
    }
}

struct AnObject;

impl<'de> Visitor<'de> for AnObject {
    type Value = Recipients;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with one of user, users, everyone, role, room")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Recipients, M::Error> {
        let wire = Wire::deserialize(MapAccessDeserializer::new(map))?;
        Recipients::try_from(wire).map_err(M::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    user: Option<UserId>,
    #[serde(default, deserialize_with = "some_users")]
    users: Option<Recipients>,
    #[serde(default)]
    everyone: Option<bool>,
    #[serde(default, deserialize_with = "role_with_topic")]
    role: Option<Recipients>,
    #[serde(default)]
    room: Option<RoomId>,
}

impl TryFrom<Wire> for Recipients {
    type Error = InvalidValue;

    fn try_from(wire: Wire) -> Result<Self, InvalidValue> {
        match (wire.user, wire.users, wire.everyone, wire.role, wire.room) {
            (Some(user), None, None, None, None) => Ok(Self::User(user)),
            (None, Some(users), None, None, None) => Ok(users),
            (None, None, Some(true), None, None) => Ok(Self::Everyone),
            (None, None, None, Some(role), None) => Ok(role),
            (None, None, None, None, Some(room)) => Ok(Self::Room(room)),
            _ => Err(InvalidValue::Recipients),
        }
    }
}

/// Parsed here, so that an error has the path `to.users`.
fn some_users<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Recipients>, D::Error> {
    let users = Option::<Vec<UserId>>::deserialize(deserializer)?;
    let users = users.map(Recipients::users).transpose();
    users.map_err(serde::de::Error::custom)
}

/// Parsed here, so that an error has the path `to.role`.
fn role_with_topic<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Recipients>, D::Error> {
    match Option::<Role>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Role::Admin) => Ok(Some(Recipients::Admins)),
        Some(Role::User | Role::Service) => {
            Err(serde::de::Error::custom(InvalidValue::RoleWithoutTopic))
        }
    }
}

/// One request is one transaction. A larger audience needs `everyone` or several requests.
const MOST_RECIPIENTS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_read_back_as_they_are_written() {
        for text in [
            r#"{"user":"bob"}"#,
            r#"{"users":["bob","eve"]}"#,
            r#"{"everyone":true}"#,
            r#"{"role":"admin"}"#,
            r#"{"room":"42"}"#,
        ] {
            let parsed: Recipients = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
        }
    }

    #[test]
    fn anything_but_exactly_one_kind_is_refused() {
        for text in [
            "{}",
            r#"{"everyone":false}"#,
            r#"{"user":"bob","room":"42"}"#,
            r#"{"users":[]}"#,
            r#"{"role":"user"}"#,
            r#"{"nobody":1}"#,
            r#""bob""#,
        ] {
            assert!(serde_json::from_str::<Recipients>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_named_twice_is_one_recipient() {
        let twice: Recipients = serde_json::from_str(r#"{"users":["bob","bob"]}"#).unwrap();

        assert_eq!(twice.topics().len(), 1);
    }
}
