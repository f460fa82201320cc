//! The name of a hub.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of a running hub: another one at each start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub(crate) struct HubId(String);

impl HubId {
    /// A new name: short enough for a person to compare.
    pub(crate) fn random() -> Self {
        let name = Uuid::new_v4().simple().to_string();
        Self(name.chars().take(LENGTH).collect())
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Of a thousand hubs two have the same name once in ten thousand times.
const LENGTH: usize = 8;
