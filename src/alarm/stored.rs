//! The alarm, before and after it is stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmType, ClientMessageId, Link, Payload, TargetId, Timestamp, Topic, UserId};

/// The id of an alarm: its position in the log. Ids have no gaps, increase, and are assigned in commit order. They are
/// the only cursor.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub(crate) struct AlarmId(pub i64);

impl fmt::Display for AlarmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A validated alarm that is not stored yet.
#[derive(Debug, Clone)]
pub(crate) struct NewAlarm {
    /// The topic.
    pub topic: Topic,
    /// The type.
    pub alarm_type: AlarmType,
    /// The user who caused it.
    pub from_user_id: Option<UserId>,
    /// The thing it is about.
    pub target_id: Option<TargetId>,
    /// Any JSON for the page that shows it.
    pub data: Payload,
    /// The address it links to.
    pub url: Option<Link>,
    /// The sender's own id for it: an alarm with the same id, sender and topic is stored once.
    pub client_id: Option<ClientMessageId>,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time at which it expires.
    pub expires_at: Option<Timestamp>,
}

/// A stored alarm, as the API shows it. `seen_at` and `read_at` are those of the user it is shown to.
#[derive(utoipa::ToSchema, Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alarm {
    /// The id, which is its position in the log.
    pub id: AlarmId,
    /// The topic.
    pub topic: Topic,
    /// The type.
    pub alarm_type: AlarmType,
    /// The user who caused it.
    pub from_user_id: Option<UserId>,
    /// The thing it is about.
    pub target_id: Option<TargetId>,
    /// Any JSON for the page that shows it.
    pub data: Payload,
    /// The address it links to.
    pub url: Option<Link>,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time at which it expires.
    pub expires_at: Option<Timestamp>,
    /// The time at which this user first saw it.
    pub seen_at: Option<Timestamp>,
    /// The time at which this user read it.
    pub read_at: Option<Timestamp>,
}

impl Alarm {
    /// The alarm as one that nobody is given any more.
    pub(crate) fn retracted(&self) -> Self {
        Self {
            expires_at: Some(Timestamp::from_millis(i64::MIN)),
            ..self.clone()
        }
    }
}

impl NewAlarm {
    /// Returns the stored alarm with an id.
    pub(crate) fn stored_as(self, id: AlarmId) -> Alarm {
        Alarm {
            id,
            topic: self.topic,
            alarm_type: self.alarm_type,
            from_user_id: self.from_user_id,
            target_id: self.target_id,
            data: self.data,
            url: self.url,
            created_at: self.created_at,
            expires_at: self.expires_at,
            seen_at: None,
            read_at: None,
        }
    }
}
