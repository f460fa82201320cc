//! Matchers of topics, and the bounded cache of the compiled ones.

use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use crate::alarm::update::content::Update;
use crate::alarm::update::pattern::Pattern;
use crate::alarm::update::text::is_protocol_text;
use crate::recent::Recent;

/// The rule by which the text of a matcher is compared with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MatchType {
    /// Byte by byte.
    Exact,
    /// A URL pattern (WHATWG).
    UrlPattern,
    /// A topic selector of version 0: the same text, or a URI Template (RFC 6570).
    Template,
}

/// One matcher of topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// Every topic.
    All,
    /// One topic.
    Exact(Arc<str>),
    /// The topics that match a pattern.
    Pattern(Arc<Pattern>),
}

/// The reason why a matcher is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidMatcher {
    /// It is empty, too long or has characters that are not allowed.
    Text,
    /// It does not compile.
    Pattern,
}

/// Compiles matchers. Patterns are kept, as many clients use the same ones.
pub(crate) struct Matchers {
    base: Url,
    compiled: Mutex<Recent<(MatchType, String), Arc<Pattern>>>,
}

impl MatchType {
    /// Parses the word of the protocol.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "exact" => Some(Self::Exact),
            "urlpattern" => Some(Self::UrlPattern),
            _ => None,
        }
    }

    /// The word of the protocol; version 0 has none.
    pub(crate) fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Exact => Some("exact"),
            Self::UrlPattern => Some("urlpattern"),
            Self::Template => None,
        }
    }
}

impl Matchers {
    /// Compiles matchers whose relative patterns are relative to `base`.
    pub(crate) fn new(base: Url) -> Self {
        Self {
            base,
            compiled: Mutex::new(Recent::of(A_GENERATION)),
        }
    }

    /// The address that relative topics are resolved against.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Compiles one matcher.
    pub(crate) fn compile(&self, kind: MatchType, text: &str) -> Result<Matcher, InvalidMatcher> {
        if text.len() > MOST_BYTES || !is_protocol_text(text) {
            return Err(InvalidMatcher::Text);
        }
        match kind {
            _ if text == "*" => Ok(Matcher::All),
            MatchType::Exact => Ok(Matcher::Exact(Arc::from(text))),
            // Without an expression it is the topic itself.
            MatchType::Template if !text.contains(['{', '}']) => {
                Ok(Matcher::Exact(Arc::from(text)))
            }
            MatchType::UrlPattern | MatchType::Template => self.pattern(kind, text),
        }
    }

    fn pattern(&self, kind: MatchType, text: &str) -> Result<Matcher, InvalidMatcher> {
        let key = (kind, text.to_owned());
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pattern) = compiled.find(&key) {
            return Ok(Matcher::Pattern(Arc::clone(pattern)));
        }
        drop(compiled);
        let pattern = if kind == MatchType::Template {
            match Pattern::template(text, &self.base) {
                Some(template) => template,
                // A selector of version 0 that is no template is the topic itself.
                None => return Ok(Matcher::Exact(Arc::from(text))),
            }
        } else {
            Pattern::url(text, &self.base).ok_or(InvalidMatcher::Pattern)?
        };
        let pattern = Arc::new(pattern);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.keep(key, Arc::clone(&pattern));
        Ok(Matcher::Pattern(pattern))
    }
}

impl Matcher {
    /// True if a topic of an update matches.
    pub(crate) fn matches_update(&self, update: &Update) -> bool {
        match self {
            Self::All => true,
            Self::Exact(text) => update.content.topics.iter().any(|topic| topic == &**text),
            Self::Pattern(pattern) => pattern.matches_update(update),
        }
    }

    /// True if a topic matches.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(text) => topic == &**text,
            Self::Pattern(pattern) => pattern.matches(topic),
        }
    }

    /// The text it was compiled from.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Exact(text) => text,
            Self::Pattern(pattern) => pattern.text(),
        }
    }
}

/// The bytes of one matcher. The reference hub has the same limit.
const MOST_BYTES: usize = 4_096;

/// More patterns than an application has; one takes some kilobytes.
const A_GENERATION: usize = 1_024;
