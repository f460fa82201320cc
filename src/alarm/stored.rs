//! The alarm itself, before and after it has its place in the log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmType, ClientMessageId, Link, Payload, TargetId, Timestamp, Topic, UserId};

/// An alarm's place in the log: dense, increasing, given in commit order. It is the only cursor there is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
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
    /// Whom it concerns.
    pub topic: Topic,
    /// What kind it is.
    pub alarm_type: AlarmType,
    /// Who caused it.
    pub from_user_id: Option<UserId>,
    /// What it is about.
    pub target_id: Option<TargetId>,
    /// Anything the page wants to know.
    pub data: Payload,
    /// Where it leads.
    pub url: Option<Link>,
    /// The sender's own name for it: the same again in the same topic is stored once.
    pub client_id: Option<ClientMessageId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to matter.
    pub expires_at: Option<Timestamp>,
}

/// A stored alarm, as the wire shows it. `seen_at` and `read_at` are those of the user it is shown to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alarm {
    /// Its place in the log.
    pub id: AlarmId,
    /// Whom it concerns.
    pub topic: Topic,
    /// What kind it is.
    pub alarm_type: AlarmType,
    /// Who caused it.
    pub from_user_id: Option<UserId>,
    /// What it is about.
    pub target_id: Option<TargetId>,
    /// Anything the page wants to know.
    pub data: Payload,
    /// Where it leads.
    pub url: Option<Link>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to matter.
    pub expires_at: Option<Timestamp>,
    /// When this user saw it.
    pub seen_at: Option<Timestamp>,
    /// When this user read it.
    pub read_at: Option<Timestamp>,
}

impl NewAlarm {
    /// The alarm once it has its id.
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
