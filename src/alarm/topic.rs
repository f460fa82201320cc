//! Topics: the address of an alarm, and the set of topics that a stream subscribes to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::alarm::{InvalidValue, RoomId, UserId};

/// The role of an account or a token.
#[derive(utoipa::ToSchema, Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// A person, who reads their own alarms and talks in rooms.
    User,
    /// A site's back end, which publishes.
    Service,
    /// A person who also publishes and manages the hub.
    Admin,
}

impl Role {
    /// The word used in tokens, topics and the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "user" => Ok(Self::User),
            "service" => Ok(Self::Service),
            "admin" => Ok(Self::Admin),
            _ => Err(InvalidValue::Role),
        }
    }
}

/// One topic, in its written form: `user:ID`, `everyone`, `role:admin` or `room:ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Topic {
    kind: Kind,
    text: Arc<str>,
}

/// The kind of a topic with the id in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicKind<'a> {
    /// The alarms of one user.
    User(&'a str),
    /// Every signed-in user.
    Everyone,
    /// The administrators. No other role has a topic.
    Admins,
    /// A chat room.
    Room(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    User,
    Everyone,
    Admins,
    Room,
}

impl Topic {
    /// The beginning of the topics of users.
    pub(crate) const USERS: &'static str = "user:";

    /// The beginning of the topics of rooms.
    pub(crate) const ROOMS: &'static str = "room:";

    /// Returns the topic of one user.
    pub(crate) fn user(id: &UserId) -> Self {
        Self::of(Kind::User, format!("{}{id}", Self::USERS))
    }

    /// Returns the topic of every signed-in user.
    pub(crate) fn everyone() -> Self {
        Self::of(Kind::Everyone, EVERYONE)
    }

    /// Returns the topic of the administrators. No other role has one.
    pub(crate) fn admins() -> Self {
        Self::of(Kind::Admins, ADMINS)
    }

    /// Returns the topic of a room.
    pub(crate) fn room(id: &RoomId) -> Self {
        Self::of(Kind::Room, format!("{}{id}", Self::ROOMS))
    }

    /// Parses the written form.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        match kind_of(text) {
            Some((Kind::User, id)) => UserId::parse(id).map(|id| Self::user(&id)),
            Some((Kind::Room, id)) => RoomId::parse(id).map(|id| Self::room(&id)),
            Some((kind, _)) => Ok(Self::of(kind, text)),
            None => Err(InvalidValue::Topic),
        }
    }

    /// Wraps a topic that was parsed before it was stored. An unknown prefix is an error.
    pub(crate) fn trusted(text: String) -> Result<Self, InvalidValue> {
        let (kind, _id) = kind_of(&text).ok_or(InvalidValue::Topic)?;
        Ok(Self::of(kind, text))
    }

    fn of(kind: Kind, text: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// Returns the written form.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the kind, with the id from the written form.
    pub(crate) fn kind(&self) -> TopicKind<'_> {
        match self.kind {
            Kind::User => TopicKind::User(self.after(Self::USERS)),
            Kind::Everyone => TopicKind::Everyone,
            Kind::Admins => TopicKind::Admins,
            Kind::Room => TopicKind::Room(self.after(Self::ROOMS)),
        }
    }

    /// True if it is the topic of a room.
    pub(crate) fn is_room(&self) -> bool {
        self.kind == Kind::Room
    }

    fn after(&self, prefix: &str) -> &str {
        self.text.get(prefix.len()..).unwrap_or_default()
    }
}

/// Returns the kind of a written topic and its id, which is not validated.
fn kind_of(text: &str) -> Option<(Kind, &str)> {
    match text {
        EVERYONE => Some((Kind::Everyone, "")),
        ADMINS => Some((Kind::Admins, "")),
        _ => {
            let user = text.strip_prefix(Topic::USERS).map(|id| (Kind::User, id));
            user.or_else(|| text.strip_prefix(Topic::ROOMS).map(|id| (Kind::Room, id)))
        }
    }
}

const EVERYONE: &str = "everyone";
const ADMINS: &str = "role:admin";

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_reads_back_what_it_writes() {
        for text in ["user:bob", "everyone", "role:admin", "room:42"] {
            let topic = Topic::parse(text).unwrap();
            assert_eq!(topic.as_str(), text);
        }
        for bad in [
            "",
            "user:",
            "role:user",
            "room:a b",
            "any",
            "user:a\nb",
            "*",
        ] {
            assert!(Topic::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_stored_topic_with_an_unknown_prefix_is_an_error() {
        let known = Topic::trusted("room:42".to_owned()).unwrap();

        assert_eq!(known.kind(), TopicKind::Room("42"));
        assert!(Topic::trusted("mailbox:42".to_owned()).is_err());
    }
}
