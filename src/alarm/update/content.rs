//! An update, before and after it is stored.

use std::fmt;
use std::sync::{Arc, OnceLock};

use url::Url;
use uuid::Uuid;

use crate::alarm::update::text::Topics;
use crate::alarm::{AlarmId, Timestamp};

/// The content of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// The canonical topic, then the alternate ones.
    pub topics: Topics,
    /// True if only a subscriber with a grant gets it.
    pub private: bool,
    /// The id that clients see.
    pub external_id: String,
    /// The type of the event.
    pub event_type: Option<String>,
    /// The time after which a client reconnects, in milliseconds; 0 is not told.
    pub retry: u64,
    /// The data.
    pub data: String,
}

/// A validated update that is not stored yet.
#[derive(Debug, Clone)]
pub(crate) struct NewUpdate {
    /// The content.
    pub content: Arc<Content>,
    /// The time at which it was published.
    pub created_at: Timestamp,
}

/// A stored update.
pub(crate) struct Update {
    /// The position in the log.
    pub id: AlarmId,
    /// The content.
    pub content: Arc<Content>,
    /// The time at which it was published.
    pub created_at: Timestamp,
    /// The topics as URLs, once a pattern asked for them.
    urls: OnceLock<Vec<Option<Url>>>,
}

impl Update {
    /// Returns a stored update.
    pub(crate) fn of(id: AlarmId, content: Arc<Content>, created_at: Timestamp) -> Self {
        Self {
            id,
            content,
            created_at,
            urls: OnceLock::new(),
        }
    }

    /// The topics as URLs; one that is none is `None`.
    pub(super) fn urls(&self, base: &Url) -> &[Option<Url>] {
        let parse = |topic: &str| base.join(topic).ok();
        self.urls
            .get_or_init(|| self.content.topics.iter().map(parse).collect())
    }

    /// The bytes of its texts.
    pub(crate) fn size_bytes(&self) -> usize {
        let content = &self.content;
        let kind = content.event_type.as_ref().map_or(0, String::len);
        content.data.len() + content.topics.len_bytes() + content.external_id.len() + kind
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Update")
            .field("id", &self.id)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// A new id that nobody can guess.
pub(crate) fn random_id() -> String {
    format!("urn:uuid:{}", Uuid::now_v7())
}
