//! The entries of the log that clients get.

use std::sync::Arc;

use crate::alarm::update::Update;
use crate::alarm::{Alarm, AlarmId, Timestamp};

/// An entry of the log.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// An alarm.
    Alarm(Arc<Alarm>),
    /// An update of the Mercure protocol, which only its subscribers get.
    Update(Arc<Update>),
}

impl Entry {
    /// The position in the log.
    pub(crate) fn id(&self) -> AlarmId {
        match self {
            Self::Alarm(alarm) => alarm.id,
            Self::Update(update) => update.id,
        }
    }

    pub(super) fn created_at(&self) -> Timestamp {
        match self {
            Self::Alarm(alarm) => alarm.created_at,
            Self::Update(update) => update.created_at,
        }
    }
}
