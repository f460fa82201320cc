//! The row of an update.

use std::sync::Arc;

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::alarm::update::{Content, Topics, Update};
use crate::alarm::{AlarmId, Timestamp};
use crate::store::StoreError;
use crate::store::schema::mercure_updates;

/// The row of an update.
#[derive(Queryable, Insertable)]
#[diesel(table_name = mercure_updates, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) external_id: String,
    pub(super) external_hash: i64,
    pub(super) topics: String,
    pub(super) private: i64,
    pub(super) event_type: Option<String>,
    pub(super) retry: i64,
    pub(super) data: String,
    pub(super) size_bytes: i64,
    pub(super) created_at: i64,
}

impl Row {
    pub(super) fn of(update: &Update) -> Self {
        let content = &update.content;
        let topics: Vec<&str> = content.topics.iter().collect();
        Self {
            id: update.id.0,
            external_id: content.external_id.clone(),
            external_hash: hash_of_id(&content.external_id),
            topics: serde_json::Value::from(topics).to_string(),
            private: i64::from(content.private),
            event_type: content.event_type.clone(),
            retry: content.retry.cast_signed(),
            data: content.data.clone(),
            size_bytes: i64::try_from(update.size_bytes()).unwrap_or(i64::MAX),
            created_at: update.created_at.millis(),
        }
    }
}

impl TryFrom<Row> for Update {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let broken = || StoreError::Broken(format!("the topics of update {}", row.id));
        let topics: Vec<Arc<str>> = serde_json::from_str(&row.topics).map_err(|_json| broken())?;
        let content = Content {
            topics: Topics::of(topics).ok_or_else(broken)?,
            private: row.private != 0,
            external_id: row.external_id,
            event_type: row.event_type,
            retry: row.retry.cast_unsigned(),
            data: row.data,
        };
        let created_at = Timestamp::from_millis(row.created_at);
        Ok(Self::of(AlarmId(row.id), Arc::new(content), created_at))
    }
}

/// The number by which a text is found. Two texts may have the same, so what is found is compared.
/// The hash of an id that clients see, without the spaces around it, which get lost in a header (RFC 9110, section 5.5).
pub(super) fn hash_of_id(id: &str) -> i64 {
    hash(id.trim_matches(' '))
}

pub(super) fn hash(text: &str) -> i64 {
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.first_chunk::<8>().copied();
    i64::from_be_bytes(first.unwrap_or_default())
}
