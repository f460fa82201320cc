//! The subscribers of patterns, by the text with which a match of their pattern begins: an update costs the patterns that it
//! may match, not those there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::alarm::update::{Part, Pattern, Update};
use crate::hub::members::{Members, insert_into, remove_from};

/// The patterns, by the part of a topic that they look at, and by the length and the text of their beginning.
#[derive(Debug, Default)]
pub(super) struct Patterns(HashMap<Part, BTreeMap<usize, ByBeginning>>);

type ByBeginning = HashMap<Box<str>, HashMap<Arc<Pattern>, Members>>;

impl Patterns {
    /// Adds a client to those of a pattern.
    #[expect(
        clippy::mutable_key_type,
        reason = "a pattern is compared by its text; what its expression caches is no part of it"
    )]
    pub(super) fn insert(&mut self, pattern: &Arc<Pattern>, place: usize) {
        let (part, beginning) = pattern.beginning();
        let by_length = self.0.entry(part).or_default();
        let by_beginning = by_length.entry(beginning.len()).or_default();
        let patterns = by_beginning.entry(Box::from(beginning)).or_default();
        insert_into(patterns, pattern, place);
    }

    /// Removes a client from those of a pattern, and what is empty then.
    pub(super) fn remove(&mut self, pattern: &Arc<Pattern>, place: usize) {
        let (part, beginning) = pattern.beginning();
        let Some(by_length) = self.0.get_mut(&part) else {
            return;
        };
        let Some(by_beginning) = by_length.get_mut(&beginning.len()) else {
            return;
        };
        let Some(patterns) = by_beginning.get_mut(beginning) else {
            return;
        };
        remove_from(patterns, pattern, place);
        if patterns.is_empty() {
            by_beginning.remove(beginning);
        }
        if by_beginning.is_empty() {
            by_length.remove(&beginning.len());
        }
        if by_length.is_empty() {
            self.0.remove(&part);
        }
    }

    /// The clients of each pattern that matches an update.
    pub(super) fn matching<'a>(&'a self, update: &Update) -> Vec<&'a Members> {
        let mut matching = Vec::new();
        for by_length in self.0.values() {
            let patterns = by_length.values().flat_map(HashMap::values);
            // All are relative to the same base, so one of them tells the texts for all.
            let Some(any) = patterns.flat_map(HashMap::keys).next() else {
                continue;
            };
            for text in any.texts(update) {
                let candidates = by_length
                    .range(..=text.len())
                    .filter_map(|(length, found)| found.get(text.get(..*length)?));
                let found = candidates.flatten();
                let found = found.filter(|(pattern, _members)| pattern.matches_update(update));
                matching.extend(found.map(|(_pattern, members)| members));
            }
        }
        matching
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::alarm::update::{Content, MatchType, Matcher, Matchers, Topics};
    use crate::alarm::{AlarmId, Timestamp};

    fn update(topics: &[&str]) -> Update {
        let topics = topics.iter().map(|topic| Arc::from(*topic)).collect();
        let content = Content {
            topics: Topics::of(topics).unwrap(),
            private: false,
            external_id: "1".to_owned(),
            event_type: None,
            retry: 0,
            data: String::new(),
        };
        Update::of(AlarmId(1), Arc::new(content), Timestamp::now())
    }

    #[test]
    fn the_patterns_that_match_are_found_whatever_they_begin_with() {
        let base = Url::parse("https://hub.example/.well-known/mercure").unwrap();
        let matchers = Matchers::new(base);
        let texts = [
            (MatchType::UrlPattern, "https://example.com/books/:id"),
            (MatchType::UrlPattern, "https://example.com/*"),
            (MatchType::UrlPattern, "https://*.example.com/books/:id"),
            (MatchType::UrlPattern, "*://*/books/:id"),
            (MatchType::UrlPattern, "/books/:id"),
            (MatchType::UrlPattern, "/한글/:id"),
            (MatchType::UrlPattern, "urn:book:*"),
            (MatchType::UrlPattern, "https://example.com:8443/books/:id"),
            (MatchType::Template, "https://example.com/books/{id}"),
            (MatchType::Template, "{+any}"),
            (MatchType::Template, "한글{id}"),
        ];
        let mut patterns = Patterns::default();
        let mut all = Vec::new();
        for (place, (kind, text)) in texts.into_iter().enumerate() {
            let Ok(Matcher::Pattern(pattern)) = matchers.compile(kind, text) else {
                panic!("{text}");
            };
            patterns.insert(&pattern, place);
            all.push(pattern);
        }

        for topics in [
            &["https://example.com/books/1"][..],
            &["https://EXAMPLE.com/books/1"],
            &["https://a.example.com/books/1", "other"],
            &["https://example.com.evil.example/books/1"],
            &["https://example.com:8443/books/1"],
            &["/books/1", "https://hub.example/books/2"],
            &["/한글/1"],
            &["한글1"],
            &["urn:book:1"],
            &["book"],
            &["https://example.com"],
        ] {
            let update = update(topics);
            let tried = all.iter().enumerate();
            let wanted: Vec<usize> = tried
                .filter(|(_place, pattern)| pattern.matches_update(&update))
                .map(|(place, _pattern)| place)
                .collect();

            let mut found = Vec::new();
            Members::union(patterns.matching(&update).into_iter().map(Some), &mut found);
            found.sort_unstable();

            assert_eq!(found, wanted, "{topics:?}");
            assert!(!wanted.is_empty(), "{topics:?}");
        }
        for (place, pattern) in all.iter().enumerate() {
            patterns.remove(pattern, place);
        }
        assert!(patterns.0.is_empty());
    }
}
