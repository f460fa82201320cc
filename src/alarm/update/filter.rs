//! The updates that one subscriber gets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alarm::update::content::Update;
use crate::alarm::update::matcher::Matcher;

/// The matchers of a subscriber, and the topics whose private updates its token allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UpdateFilter {
    /// The topics it is subscribed to.
    pub matchers: Vec<Matcher>,
    /// The topics whose private updates it may read.
    pub grants: Vec<Matcher>,
    /// Its subscriptions, if they are told of.
    pub active: Vec<ActiveSubscription>,
}

/// A subscription, as others are told of it.
#[derive(utoipa::ToSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActiveSubscription {
    /// The word for the type of its matcher; none for a topic selector of version 0.
    pub match_type: Option<String>,
    /// The text of its matcher.
    pub text: String,
    /// The text about the subscriber in the token.
    pub payload: Option<Value>,
}

impl UpdateFilter {
    /// True if an update is for this subscriber, and it may read it.
    pub(crate) fn lets_through(&self, update: &Update) -> bool {
        let wants = self.matchers.iter().any(|one| one.matches_update(update));
        wants && self.may_read(update)
    }

    /// True if the subscriber may read an update: a private one needs a grant on any of its topics.
    pub(crate) fn may_read(&self, update: &Update) -> bool {
        !update.content.private || self.grants.iter().any(|one| one.matches_update(update))
    }
}
