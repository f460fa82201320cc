//! Matchers that are no plain text: URL patterns (WHATWG) and URI Templates. Both run in linear time.

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
}

enum Kind {
    Url {
        pattern: Box<UrlPattern<Bounded>>,
        /// The text with which the path of every match begins.
        prefix: String,
    },
    Template {
        expression: Regex,
        prefix: String,
    },
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
        let prefix = literal_path(pattern.pathname()).to_owned();
        Some(Self {
            text: text.to_owned(),
            base: base.clone(),
            kind: Kind::Url {
                pattern: Box::new(pattern),
                prefix,
            },
        })
    }

    /// Compiles a URI Template; `None` if it is invalid.
    pub(super) fn template(text: &str, base: &Url) -> Option<Self> {
        let expression = template::expression(text)?;
        Some(Self {
            text: text.to_owned(),
            base: base.clone(),
            kind: Kind::Template {
                expression,
                prefix: template::literal_prefix(text).to_owned(),
            },
        })
    }

    /// The text it was compiled from.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// True if a topic of an update matches.
    pub(crate) fn matches_update(&self, update: &Update) -> bool {
        match &self.kind {
            Kind::Url { pattern, prefix } => {
                let urls = update.urls(&self.base).iter().flatten();
                urls.into_iter()
                    .any(|url| matches_url(pattern, prefix, url))
            }
            Kind::Template { .. } => update
                .content
                .topics
                .iter()
                .any(|topic| self.matches(topic)),
        }
    }

    /// True if a topic matches.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        match &self.kind {
            Kind::Url { pattern, prefix } => {
                let url = self.base.join(topic);
                url.is_ok_and(|url| matches_url(pattern, prefix, &url))
            }
            Kind::Template { expression, prefix } => {
                topic == self.text || topic.starts_with(prefix) && expression.is_match(topic)
            }
        }
    }

    fn is_template(&self) -> bool {
        matches!(self.kind, Kind::Template { .. })
    }
}

fn matches_url(pattern: &UrlPattern<Bounded>, prefix: &str, url: &Url) -> bool {
    let input = || UrlPatternMatchInput::Url(url.clone());
    url.path().starts_with(prefix) && pattern.test(input()).unwrap_or(false)
}

/// The part of a pattern for paths that stands for itself. A slash before a group belongs to the group, which may be optional.
fn literal_path(pattern: &str) -> &str {
    let special = |c: char| matches!(c, ':' | '*' | '(' | ')' | '{' | '}' | '\\' | '+' | '?');
    let literal = pattern.split(special).next().unwrap_or_default();
    literal.strip_suffix('/').unwrap_or(literal)
}

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
