//! The topics that live clients are attached to, by the clients' places in the registry.

use std::collections::HashMap;
use std::sync::Arc;

use crate::alarm::update::{Matcher, Update, UpdateFilter};
use crate::alarm::{Topic, TopicFilter};
use crate::hub::members::{Members, insert_into, remove_from};
use crate::hub::patterns::Patterns;

/// The clients of each topic, of every room, and of the whole log.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_topic: HashMap<Topic, Members>,
    every_room: Members,
    everything: Members,
    updates: Updates,
}

/// The subscribers of the Mercure protocol: those of exact topics by a hash of the topic, and those of each distinct pattern
/// together, so that it is tried once for each update.
#[derive(Debug, Default)]
struct Updates {
    exact: HashMap<Arc<str>, Members>,
    patterns: Patterns,
    all: Members,
}

impl Index {
    /// Attaches a client to the topics of its filter.
    pub(super) fn attach(&mut self, filter: &TopicFilter, place: usize) {
        for topic in &filter.topics {
            insert_into(&mut self.by_topic, topic, place);
        }
        if filter.all_rooms {
            self.every_room.insert(place);
        }
        if filter.everything {
            self.everything.insert(place);
        }
        if let Some(updates) = &filter.updates {
            self.updates.attach(updates, place);
        }
    }

    /// Detaches a client from all topics of its filter.
    pub(super) fn detach(&mut self, filter: &TopicFilter, place: usize) {
        for topic in &filter.topics {
            remove_from(&mut self.by_topic, topic, place);
        }
        self.every_room.remove(place);
        self.everything.remove(place);
        if let Some(updates) = &filter.updates {
            self.updates.detach(updates, place);
        }
    }

    /// Writes the clients that an alarm of a topic concerns, each once.
    pub(super) fn concerned(&self, topic: &Topic, into: &mut Vec<usize>) {
        let sets = [
            self.by_topic.get(topic),
            topic.is_room().then_some(&self.every_room),
            Some(&self.everything),
        ];
        Members::union(sets, into);
    }

    /// Writes the clients that are subscribed to a topic of an update, each once. They may still lack the right to read it.
    pub(super) fn concerned_by_update(&self, update: &Update, into: &mut Vec<usize>) {
        let updates = &self.updates;
        let exact = update
            .content
            .topics
            .iter()
            .map(|topic| updates.exact.get(topic));
        let patterns = updates.patterns.matching(update).into_iter().map(Some);
        Members::union(exact.chain(patterns).chain([Some(&updates.all)]), into);
    }

    /// Writes the clients that named a room or carry every room, each once.
    pub(super) fn of_room(&self, topic: &Topic, into: &mut Vec<usize>) {
        Members::union([self.by_topic.get(topic), Some(&self.every_room)], into);
    }

    /// True for a client that named the room or carries every room.
    pub(super) fn is_of_room(&self, topic: &Topic, place: usize) -> bool {
        let of_topic = self.by_topic.get(topic);
        of_topic.is_some_and(|members| members.has(place)) || self.every_room.has(place)
    }
}

impl Updates {
    fn attach(&mut self, filter: &UpdateFilter, place: usize) {
        for matcher in &filter.matchers {
            match matcher {
                Matcher::All => self.all.insert(place),
                Matcher::Exact(topic) => insert_into(&mut self.exact, topic, place),
                Matcher::Pattern(pattern) => self.patterns.insert(pattern, place),
            }
        }
    }

    fn detach(&mut self, filter: &UpdateFilter, place: usize) {
        for matcher in &filter.matchers {
            match matcher {
                Matcher::All => self.all.remove(place),
                Matcher::Exact(topic) => remove_from(&mut self.exact, topic, place),
                Matcher::Pattern(pattern) => self.patterns.remove(pattern, place),
            }
        }
    }
}
