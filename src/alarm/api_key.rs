//! API keys of back ends: the name, the scopes and the topics of a key, and what they allow.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::alarm::{InvalidValue, KeyName, Timestamp, Topic, TopicKind};

/// A key as the database holds it. The key itself is not in it, only its digest.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    /// The id.
    pub id: String,
    /// The name, which no other key has.
    pub name: KeyName,
    /// The SHA-256 of the key in hexadecimal digits.
    pub digest: String,
    /// The rights of the key.
    pub grant: Grant,
    /// The time at which it was made.
    pub created_at: Timestamp,
    /// The user, key or command that made it.
    pub created_by: String,
    /// The end of the key, if it has one.
    pub expires_at: Option<Timestamp>,
    /// The time at which it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Tokens that it made before this time are refused.
    pub tokens_valid_from: Timestamp,
    /// The minute of its last use.
    pub last_used_at: Option<Timestamp>,
}

/// The rights of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The operations.
    pub scopes: Vec<Scope>,
    /// The topics it is limited to; empty for all.
    pub topics: Vec<TopicPattern>,
}

/// An operation that a key may do.
#[derive(utoipa::ToSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// Publish to users.
    #[serde(rename = "publish:user")]
    PublishUser,
    /// Publish to everyone, or to a role.
    #[serde(rename = "publish:everyone")]
    PublishEveryone,
    /// Publish to rooms.
    #[serde(rename = "publish:room")]
    PublishRoom,
    /// Make and change accounts.
    #[serde(rename = "users")]
    Users,
    /// Give tokens to users.
    #[serde(rename = "tokens")]
    Tokens,
    /// Declare types of alarms.
    #[serde(rename = "types")]
    Types,
    /// Read the metrics.
    #[serde(rename = "metrics")]
    Metrics,
    /// Open streams.
    #[serde(rename = "watch")]
    Watch,
    /// The routes of an administrator.
    #[serde(rename = "admin")]
    Admin,
}

/// One topic, or all topics that begin with a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum TopicPattern {
    /// This topic.
    Exact(Topic),
    /// The topics that begin with this text, which is written with a `*` after it.
    Prefix(String),
}

impl ApiKey {
    /// The name of the key among the names of users: `key:NAME`.
    pub(crate) fn actor(&self) -> String {
        format!("key:{}", self.name)
    }
}

impl Grant {
    /// Checks that the rights fit together: a key with topics is no administrator, who sees every topic.
    pub(crate) fn new(scopes: Vec<Scope>, topics: Vec<TopicPattern>) -> Result<Self, InvalidValue> {
        let mut once: Vec<Scope> = Vec::new();
        for scope in scopes {
            if !once.contains(&scope) {
                once.push(scope);
            }
        }
        if once.is_empty() {
            return Err(InvalidValue::NoScope);
        }
        if topics.len() > MOST_TOPICS {
            return Err(InvalidValue::KeyTopics);
        }
        if !topics.is_empty() && once.contains(&Scope::Admin) {
            return Err(InvalidValue::AdminTopics);
        }
        Ok(Self {
            scopes: once,
            topics,
        })
    }

    /// True if the key has a scope.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// True if the key may see and change the declared types of alarms.
    pub(crate) fn keeps_types(&self) -> bool {
        self.has(Scope::Types) || self.has(Scope::Admin)
    }

    /// True if a topic is among those of the key.
    pub(crate) fn covers(&self, topic: &Topic) -> bool {
        self.topics.is_empty() || self.topics.iter().any(|pattern| pattern.covers(topic))
    }

    /// The topics of the key; none means all.
    pub(crate) fn patterns(&self) -> &[TopicPattern] {
        &self.topics
    }

    /// The topics that are named one by one.
    pub(crate) fn exact_topics(&self) -> impl Iterator<Item = Topic> {
        self.topics.iter().filter_map(|pattern| match pattern {
            TopicPattern::Exact(topic) => Some(topic.clone()),
            TopicPattern::Prefix(_) => None,
        })
    }

    /// True if every room is among the topics of the key.
    pub(crate) fn covers_all_rooms(&self) -> bool {
        self.topics.is_empty() || self.topics.iter().any(TopicPattern::is_all_rooms)
    }

    /// The scopes, with spaces between them.
    pub(crate) fn scopes_text(&self) -> String {
        let words: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        words.join(" ")
    }

    /// The topics, with spaces between them.
    pub(crate) fn topics_text(&self) -> String {
        let words: Vec<String> = self.topics.iter().map(TopicPattern::to_string).collect();
        words.join(" ")
    }

    /// Reads what [`Self::scopes_text`] and [`Self::topics_text`] wrote. A scope that this version does not know gives no
    /// right. A topic that cannot be read covers nothing, and the key stays limited.
    pub(crate) fn trusted(scopes: &str, topics: &str) -> Self {
        let topic = |text: &str| {
            TopicPattern::parse(text)
                .unwrap_or_else(|_unknown| TopicPattern::Prefix(NOTHING.into()))
        };
        Self {
            scopes: scopes
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect(),
            topics: topics.split_whitespace().map(topic).collect(),
        }
    }
}

impl Scope {
    /// All scopes.
    pub(crate) const ALL: [Self; 9] = [
        Self::PublishUser,
        Self::PublishEveryone,
        Self::PublishRoom,
        Self::Users,
        Self::Tokens,
        Self::Types,
        Self::Metrics,
        Self::Watch,
        Self::Admin,
    ];

    /// The word of the wire and of the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PublishUser => "publish:user",
            Self::PublishEveryone => "publish:everyone",
            Self::PublishRoom => "publish:room",
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Types => "types",
            Self::Metrics => "metrics",
            Self::Watch => "watch",
            Self::Admin => "admin",
        }
    }

    /// The scope that publishing under a topic needs.
    pub(crate) fn to_publish(topic: &Topic) -> Self {
        match topic.kind() {
            TopicKind::User(_) => Self::PublishUser,
            TopicKind::Everyone | TopicKind::Admins => Self::PublishEveryone,
            TopicKind::Room(_) => Self::PublishRoom,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or(InvalidValue::Scope)
    }
}

impl TopicPattern {
    /// Reads a topic, or the beginning of topics of users or of rooms with a `*` after it.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        let Some(prefix) = text.strip_suffix('*') else {
            let topic = Topic::parse(text).map_err(|_rule| InvalidValue::TopicPattern)?;
            return Ok(Self::Exact(topic));
        };
        let begins_well = prefix.starts_with(Topic::USERS) || prefix.starts_with(Topic::ROOMS);
        let is_clean = |c: char| !c.is_whitespace() && !c.is_control() && c != '*';
        if begins_well && prefix.len() <= MOST_PREFIX_BYTES && prefix.chars().all(is_clean) {
            return Ok(Self::Prefix(prefix.to_owned()));
        }
        Err(InvalidValue::TopicPattern)
    }

    fn covers(&self, topic: &Topic) -> bool {
        match self {
            Self::Exact(exact) => exact == topic,
            Self::Prefix(prefix) => topic.as_str().starts_with(prefix.as_str()),
        }
    }

    fn is_all_rooms(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix == "room:")
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(topic) => topic.fmt(formatter),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
        }
    }
}

impl Serialize for TopicPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for TopicPattern {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for TopicPattern {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text)
    }
}

/// As many as a request may name. Each publish compares them.
const MOST_TOPICS: usize = 100;

/// The longest user id has 255 characters of up to four bytes.
const MOST_PREFIX_BYTES: usize = 1_100;

/// The beginning of no topic.
const NOTHING: &str = "\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(topics: &[&str]) -> Grant {
        let topics = topics.iter().map(|text| TopicPattern::parse(text).unwrap());
        Grant::new(vec![Scope::PublishUser], topics.collect()).unwrap()
    }

    #[test]
    fn a_key_covers_its_topics_and_no_other() {
        let limited = grant;
        let grant = limited(&["user:bob", "user:shop/*", "everyone"]);
        let covers = |text: &str| grant.covers(&Topic::parse(text).unwrap());

        for inside in ["user:bob", "user:shop/7", "user:shop/", "everyone"] {
            assert!(covers(inside), "{inside}");
        }
        for outside in [
            "user:bobby",
            "user:bo",
            "user:shop",
            "room:bob",
            "role:admin",
        ] {
            assert!(!covers(outside), "{outside}");
        }
        assert!(!grant.covers_all_rooms());
        assert!(!limited(&["room:a*"]).covers_all_rooms());
        assert!(limited(&["room:*"]).covers_all_rooms());
    }

    #[test]
    fn rights_that_cannot_be_read_give_nothing() {
        let grant = Grant::trusted("publish:user fly", "user:bob mailbox:7");

        assert_eq!(grant.scopes, [Scope::PublishUser]);
        assert!(grant.covers(&Topic::parse("user:bob").unwrap()));
        assert!(!grant.covers(&Topic::parse("user:7").unwrap()));
        let broken = Grant::trusted("publish:user", "mailbox:7");
        assert!(!broken.covers(&Topic::parse("everyone").unwrap()));
    }

    #[test]
    fn a_pattern_is_a_topic_or_a_beginning_of_topics() {
        for bad in [
            "*",
            "",
            "us*",
            "user:a b*",
            "user:*x",
            "role:*",
            "user:a**",
            "nobody",
        ] {
            assert!(TopicPattern::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["user:*", "room:shop-*", "everyone", "role:admin"] {
            assert_eq!(TopicPattern::parse(good).unwrap().to_string(), good);
        }
        assert!(
            Grant::new(
                vec![Scope::Admin],
                vec![TopicPattern::parse("everyone").unwrap()]
            )
            .is_err()
        );
        assert!(Grant::new(Vec::new(), Vec::new()).is_err());
    }
}
