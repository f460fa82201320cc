//! Topics: whom or what an alarm concerns, and the set of them one stream carries.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::alarm::{InvalidValue, RoomId, UserId};

/// What an account or a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A person: reads his own alarms, talks in rooms.
    User,
    /// A site's back end: publishes.
    Service,
    /// A person who also publishes and watches the hub.
    Admin,
}

impl Role {
    /// The word used in tokens, topics and the database.
    pub fn as_str(self) -> &'static str {
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
            _ => Err(InvalidValue("a role is user, service or admin")),
        }
    }
}

/// One topic, in its written form: `user:ID`, `everyone`, `role:admin` or `room:ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

/// What a topic names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind<'a> {
    /// One user's own alarms.
    User(&'a str),
    /// Every signed-in user.
    Everyone,
    /// Everyone who has a role.
    Role(&'a str),
    /// A chat room.
    Room(&'a str),
}

impl Topic {
    /// The topic of one user.
    pub fn user(id: &UserId) -> Self {
        Self(format!("user:{id}").into())
    }

    /// The topic of every signed-in user.
    pub fn everyone() -> Self {
        Self("everyone".into())
    }

    /// The topic of the administrators, the only role that has one.
    pub fn admins() -> Self {
        Self("role:admin".into())
    }

    /// The topic of a room.
    pub fn room(id: &RoomId) -> Self {
        Self(format!("room:{id}").into())
    }

    /// Reads the written form.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text.split_once(':') {
            None if text == "everyone" => Ok(Self::everyone()),
            Some(("user", id)) => UserId::parse(id).map(|id| Self::user(&id)),
            Some(("room", id)) => RoomId::parse(id).map(|id| Self::room(&id)),
            Some(("role", "admin")) => Ok(Self::admins()),
            _ => Err(InvalidValue(
                "a topic is user:ID, everyone, role:admin or room:ID",
            )),
        }
    }

    /// Takes in a topic that was parsed before it was stored.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text.into())
    }

    /// The written form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it names.
    pub fn kind(&self) -> TopicKind<'_> {
        match self.0.split_once(':') {
            Some(("user", id)) => TopicKind::User(id),
            Some(("room", id)) => TopicKind::Room(id),
            Some((_, role)) => TopicKind::Role(role),
            None => TopicKind::Everyone,
        }
    }

    /// Whether it is a room's.
    pub fn is_room(&self) -> bool {
        matches!(self.kind(), TopicKind::Room(_))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What a stream carries. The rights to it were checked before it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicFilter {
    /// The topics named one by one.
    pub topics: Vec<Topic>,
    /// Every room, those still to be made included.
    pub all_rooms: bool,
    /// The whole log.
    pub everything: bool,
}

impl TopicFilter {
    /// Adds a topic once.
    pub fn add(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }

    /// Whether an alarm of a topic is carried.
    pub fn lets_through(&self, topic: &Topic) -> bool {
        self.everything || self.topics.contains(topic) || self.all_rooms && topic.is_room()
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
}
