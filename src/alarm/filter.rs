//! The set of topics that a stream subscribes to.

use std::sync::Arc;

use crate::alarm::topic::Topic;
use crate::alarm::update::{Update, UpdateFilter};

/// The topics that a stream subscribes to. The user's rights to them are checked before it is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TopicFilter {
    /// The topics that are named one by one.
    pub topics: Vec<Topic>,
    /// True for every room, including those created later.
    pub all_rooms: bool,
    /// True for the whole log of alarms.
    pub everything: bool,
    /// Present if it gets updates of the Mercure protocol. No other stream does.
    pub updates: Option<Arc<UpdateFilter>>,
}

impl TopicFilter {
    /// Adds a topic, unless it is there already.
    pub(crate) fn add(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            // Most streams have one topic for as long as they live; room for four would be three quarters unused.
            self.topics.reserve_exact(1);
            self.topics.push(topic);
        }
    }

    /// True if the stream is subscribed to a topic.
    pub(crate) fn lets_through(&self, topic: &Topic) -> bool {
        self.everything || self.topics.contains(topic) || self.all_rooms && topic.is_room()
    }

    /// True if an update is for the stream, and it may read it.
    pub(crate) fn lets_update_through(&self, update: &Update) -> bool {
        self.updates
            .as_ref()
            .is_some_and(|updates| updates.lets_through(update))
    }
}
