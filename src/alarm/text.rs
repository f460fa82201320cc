//! Validated strings: each is parsed once at the edge and trusted from there on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alarm::{InvalidValue, names};

/// Declares a newtype over a string that only its own rule lets in.
macro_rules! validated_text {
    ($(#[$doc:meta])* $name:ident, form $form:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub(crate) struct $name(String);

        impl $name {
            /// Checks `text` and takes it in.
            pub(crate) fn parse(text: impl Into<String>) -> Result<Self, InvalidValue> {
                let form: fn(String) -> Result<String, InvalidValue> = $form;
                form(text.into()).map(Self)
            }

            /// The text itself.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        validated_text!($(#[$doc])* $name, form |text| {
            let rule: fn(&str) -> Result<(), InvalidValue> = $rule;
            rule(&text).map(|()| text)
        });
    };
}

validated_text!(
    /// A user's id: 1 to 255 letters, marks, digits and `_.@-|:/+=~`, in one form.
    UserId,
    form |text| names::user_id(&text)
);

validated_text!(
    /// A room's id: 1 to 64 of `A-Z a-z 0-9 _ -`.
    RoomId,
    |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(());
        }
        Err(InvalidValue::RoomId)
    }
);

validated_text!(
    /// The name of an API key: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    KeyName,
    |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(());
        }
        Err(InvalidValue::KeyName)
    }
);

validated_text!(
    /// The kind of an alarm, an open set: `[A-Z][A-Z0-9_]{0,63}`.
    AlarmType,
    |text| {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let starts_well = text.starts_with(|c: char| c.is_ascii_uppercase());
        if starts_well && text.len() <= 64 && text.bytes().all(allowed) {
            return Ok(());
        }
        Err(InvalidValue::AlarmType)
    }
);

validated_text!(
    /// The thing an alarm is about, in the publisher's own numbering: up to 128 characters.
    TargetId,
    |text| printable(text, 128, InvalidValue::TargetId)
);

validated_text!(
    /// The name a client gave its own chat message, so that sending it again stores it once.
    ClientMessageId,
    |text| printable(text, 128, InvalidValue::ClientMessageId)
);

validated_text!(
    /// The value of an `Idempotency-Key` header.
    IdempotencyKey,
    |text| printable(text, 128, InvalidValue::IdempotencyKey)
);

validated_text!(
    /// The name people see of a user or a room: 1 to 100 characters, one of which is seen, in one form.
    DisplayName,
    form |text| names::display_name(&text)
);

validated_text!(
    /// The text of a chat message: 1 to 4,000 characters, one of which is seen.
    ChatText,
    |text| {
        if !names::shows_something(text) || text.chars().count() > 4_000 || text.contains('\0') {
            return Err(InvalidValue::ChatText);
        }
        Ok(())
    }
);

validated_text!(
    /// The address an alarm leads to: a path that starts with a single `/`, or an `http(s)` URL.
    Link,
    |text| {
        // Browsers drop tabs and newlines and read `\` as `/`, so `/\host` would leave the site.
        let hidden = |c: char| c.is_control() || c == '\\' || c.is_whitespace();
        let is_path = text.starts_with('/') && !text.starts_with("//");
        let lower = text.to_ascii_lowercase();
        let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
        let is_url = rest.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
        if (is_path || is_url) && text.len() <= 2_048 && !text.contains(hidden) {
            return Ok(());
        }
        Err(InvalidValue::Link)
    }
);

validated_text!(
    /// The tag of a language (BCP 47), such as `en`, `ko` or `pt-BR`, in the case that RFC 5646 recommends.
    LanguageTag,
    form |text| {
        let subtag = |part: &str| part.len() <= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let is_language = (2..=8).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_language || text.len() > 35 || !parts.all(|part| !part.is_empty() && subtag(part)) {
            return Err(InvalidValue::LanguageTag);
        }
        Ok(names::language_tag(&text))
    }
);

validated_text!(
    /// The words for an alarm of a type: 1 to 200 characters, one of which is seen, with placeholders in braces.
    TypeText,
    form |text| names::type_text(&text)
);

/// Lets a value of the store in as it is: it was parsed before it was stored.
macro_rules! trusted_from_store {
    ($($name:ident),*) => {
        $(impl $name {
            pub(crate) fn trusted(text: String) -> Self {
                Self(text)
            }
        })*
    };
}

trusted_from_store!(
    UserId,
    RoomId,
    AlarmType,
    TargetId,
    DisplayName,
    KeyName,
    Link
);

fn printable(text: &str, most: usize, rule: InvalidValue) -> Result<(), InvalidValue> {
    let length = text.chars().count();
    if (1..=most).contains(&length) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_on_the_site_or_names_http() {
        for good in [
            "/posts/17",
            "/",
            "https://example.com/a?b#c",
            "HTTP://example.com",
        ] {
            assert!(Link::parse(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "posts",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/a\tb",
            "https://",
            "http://",
        ];
        for bad in bad {
            assert!(Link::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_alarm_type_cannot_break_a_line() {
        assert!(AlarmType::parse("NEW_COMMENT_ON_POST").is_ok());
        for bad in ["", "new", "A\nB", "A B", "9A", "_A", &"A".repeat(65)] {
            assert!(AlarmType::parse(bad).is_err(), "{bad:?}");
        }
    }
}
