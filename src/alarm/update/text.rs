//! The texts of the protocol: topics, ids and types have no control characters and no invisible ones.

use std::sync::{Arc, LazyLock};

use regex::Regex;

/// The topics of an update: at least one, the canonical one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topics(Vec<Arc<str>>);

impl Topics {
    /// Takes topics that were checked; `None` without any.
    pub(crate) fn of(topics: Vec<Arc<str>>) -> Option<Self> {
        (!topics.is_empty()).then_some(Self(topics))
    }

    /// All topics, the canonical one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The bytes of all topics.
    pub(super) fn len_bytes(&self) -> usize {
        self.0.iter().map(|topic| topic.len()).sum()
    }
}

/// True for text without characters of the Unicode categories Cc and Cf: in a stream they would break the framing, and in a
/// list they would show something else than is there.
pub(crate) fn is_protocol_text(text: &str) -> bool {
    if text.is_ascii() {
        return !text.bytes().any(|byte| byte.is_ascii_control());
    }
    !HIDDEN.is_match(text)
}

#[expect(
    clippy::expect_used,
    reason = "the expression is a constant, and a test uses it"
)]
static HIDDEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{Cc}\p{Cf}]").expect("a constant expression"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_control_or_invisible_characters_is_refused() {
        for good in ["", "a b", "https://example.com/{id}", "مرحبا", "한글", "é"] {
            assert!(is_protocol_text(good), "{good:?}");
        }
        for bad in [
            "a\nb", "\r", "\0", "\u{7f}", "\u{85}", "\u{202e}", "\u{200b}", "\u{feff}",
        ] {
            assert!(!is_protocol_text(bad), "{bad:?}");
        }
    }
}
