//! Matchers that are no plain text: URL patterns (WHATWG) and URI Templates. Both run in linear time.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use regex::{Regex, RegexBuilder};
use url::Url;
use urlpattern::regexp::RegExp;
use urlpattern::{
    RegexSyntax, UrlPattern, UrlPatternInit, UrlPatternMatchInput, UrlPatternOptions,
};

use crate::alarm::update::content::Update;
use crate::alarm::update::template;

/// A compiled matcher.
pub(crate) struct Pattern {
    text: String,
    base: Url,
    kind: Kind,
    part: Part,
    /// The text with which that part of every match begins.
    prefix: String,
}

/// The part of a topic that the literal beginning of a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The host and the path of its URL.
    HostAndPath,
    /// The path of its URL.
    Path,
    /// Its text.
    Text,
}

enum Kind {
    Url(Box<UrlPattern<Bounded>>),
    Template(Regex),
}

/// An expression of a subscriber, bounded in size: many are kept, and each runs for each update.
struct Bounded(Regex);

impl RegExp for Bounded {
    fn syntax() -> RegexSyntax {
        Regex::syntax()
    }

    fn parse(pattern: &str, _flags: &str, _force_eval: bool) -> Result<Self, ()> {
        let built = RegexBuilder::new(pattern)
            .size_limit(template::MOST_BYTES)
            .build();
        built.map(Self).map_err(|_invalid| ())
    }

    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        self.0.matches(text)
    }

    fn pattern_string(&self) -> &str {
        self.0.pattern_string()
    }
}

impl Pattern {
    /// Compiles a URL pattern; relative ones are resolved against `base`. `None` if it is invalid.
    pub(super) fn url(text: &str, base: &Url) -> Option<Self> {
        let init = UrlPatternInit::parse_constructor_string::<Bounded>(text, Some(base.clone()));
        let pattern = UrlPattern::parse(init.ok()?, UrlPatternOptions::default()).ok()?;
        let path = literal_path(pattern.pathname());
        let (part, prefix) = match literal_host(pattern.hostname()) {
            Some(host) => (Part::HostAndPath, format!("{host}{path}")),
            None => (Part::Path, path.to_owned()),
        };
        Some(Self {
            text: text.to_owned(),
            base: base.clone(),
            kind: Kind::Url(Box::new(pattern)),
            part,
            prefix,
        })
    }

    /// Compiles a URI Template; `None` if it is invalid.
    pub(super) fn template(text: &str, base: &Url) -> Option<Self> {
        Some(Self {
            text: text.to_owned(),
            base: base.clone(),
            kind: Kind::Template(template::expression(text)?),
            part: Part::Text,
            prefix: template::literal_prefix(text).to_owned(),
        })
    }

    /// The text it was compiled from.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The literal text with which the part of every topic that matches begins.
    pub(crate) fn beginning(&self) -> (Part, &str) {
        (self.part, &self.prefix)
    }

    /// The texts of an update in which a pattern of this part looks for its beginning.
    pub(crate) fn texts<'a>(&self, update: &'a Update) -> Vec<Cow<'a, str>> {
        if self.part == Part::Text {
            return update.content.topics.iter().map(Cow::Borrowed).collect();
        }
        let urls = update.urls(&self.base).iter().flatten();
        urls.map(|url| self.part.of(url)).collect()
    }

    /// True if a topic of an update matches.
    pub(crate) fn matches_update(&self, update: &Update) -> bool {
        match &self.kind {
            Kind::Url(pattern) => {
                let mut urls = update.urls(&self.base).iter().flatten();
                urls.any(|url| self.matches_url(pattern, url))
            }
            Kind::Template(_) => {
                let mut topics = update.content.topics.iter();
                topics.any(|topic| self.matches(topic))
            }
        }
    }

    /// True if a topic matches.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        match &self.kind {
            Kind::Url(pattern) => {
                let url = self.base.join(topic);
                url.is_ok_and(|url| self.matches_url(pattern, &url))
            }
            Kind::Template(expression) => {
                topic == self.text || topic.starts_with(&self.prefix) && expression.is_match(topic)
            }
        }
    }

    fn matches_url(&self, pattern: &UrlPattern<Bounded>, url: &Url) -> bool {
        let input = || UrlPatternMatchInput::Url(url.clone());
        self.part.of(url).starts_with(&self.prefix) && pattern.test(input()).unwrap_or(false)
    }

    fn is_template(&self) -> bool {
        matches!(self.kind, Kind::Template(_))
    }
}

impl Part {
    /// This part of a topic that is a URL.
    fn of(self, url: &Url) -> Cow<'_, str> {
        match (self, url.host_str()) {
            (Self::HostAndPath, Some(host)) => Cow::Owned(format!("{host}{}", url.path())),
            (Self::HostAndPath, None) | (Self::Path, _) => Cow::Borrowed(url.path()),
            (Self::Text, _) => Cow::Borrowed(url.as_str()),
        }
    }
}

/// The host of a pattern that stands for itself.
fn literal_host(pattern: &str) -> Option<&str> {
    (!pattern.contains(SPECIAL)).then_some(pattern)
}

/// The part of a pattern for paths that stands for itself. A slash before a group belongs to the group, which may be optional.
fn literal_path(pattern: &str) -> &str {
    let literal = pattern.split(SPECIAL).next().unwrap_or_default();
    literal.strip_suffix('/').unwrap_or(literal)
}

/// The characters that have a meaning in a pattern.
const SPECIAL: [char; 9] = [':', '*', '(', ')', '{', '}', '\\', '+', '?'];

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.is_template() == other.is_template()
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.is_template().hash(state);
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pattern").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_pattern_matches_as_the_standard_says() {
        let base = Url::parse("https://hub.example/.well-known/mercure").unwrap();
        let matches = |pattern: &str, topic: &str| {
            let pattern = Pattern::url(pattern, &base).unwrap_or_else(|| panic!("{pattern}"));
            pattern.matches(topic)
        };
        let books = "https://example.com/books/:id";

        assert!(matches(books, "https://example.com/books/123"));
        assert!(!matches(books, "https://example.com/books/123/"));
        assert!(matches(books, "https://EXAMPLE.com/books/1"));
        assert!(!matches(books, "https://example.com/BOOKS/1"));
        assert!(matches(
            "https://example.com/*",
            "https://example.com/a/b/c"
        ));
        assert!(!matches("/books/:id", "https://other.example/books/1"));
        assert!(matches("/books/:id", "https://hub.example/books/1"));
        assert!(matches("/books/:id", "/books/1"));
        assert!(matches(
            "*://example.com/books/:id",
            "http://example.com/books/1"
        ));
        assert!(matches("/items{/:tail}?", "/items"));
        assert!(matches("/items{/:tail}?", "/items/a"));
        assert!(matches("feed/:type(news|alerts)", "feed/news"));
        assert!(!matches("feed/:type(news|alerts)", "feed/sports"));
        assert!(Pattern::url("{unclosed", &base).is_none());
        let large = |count: u32| Pattern::url(&format!("/:name(\\p{{L}}{{{count}}})"), &base);
        assert!(large(3).is_some());
        assert!(large(300).is_none(), "an expression is bounded in size");
    }
}
