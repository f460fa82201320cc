//! The forms of user ids, display names and passwords: two spellings that look alike are one. First NFC, as some keyboards
//! type letters in parts; then PRECIS (RFC 8264 to 8266).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use precis_profiles::precis_core::profile::PrecisFastInvocation;
use precis_profiles::precis_core::{DerivedPropertyValue, FreeformClass, StringClass};
use precis_profiles::{Nickname, OpaqueString, UsernameCasePreserved};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::alarm::InvalidValue;
use crate::alarm::declared::placeholder::placeholders;

/// The accounts whose ids were made under an earlier rule, by each spelling that leads to them.
static FORMER_IDS: OnceLock<HashMap<String, String>> = OnceLock::new();

/// Makes the ids known that are not in the form of today. Called once, before serving; they stay what they are.
pub(crate) fn keep_former_ids(ids: HashMap<String, String>) {
    // A second call in one process would be a second hub on the same accounts.
    let _kept = FORMER_IDS.set(ids);
}

/// The id that a text stands for.
pub(super) fn user_id(text: &str) -> Result<String, InvalidValue> {
    let former = FORMER_IDS.get();
    if let Some(id) = former.and_then(|ids| ids.get(text)) {
        return Ok(id.clone());
    }
    let id = canonical_user_id(text)?;
    Ok(former.and_then(|ids| ids.get(&id)).cloned().unwrap_or(id))
}

/// A user id in its form of today.
pub(crate) fn canonical_user_id(text: &str) -> Result<String, InvalidValue> {
    let id = if text.is_ascii() {
        text.to_owned()
    } else {
        let composed: String = text.nfc().collect();
        UsernameCasePreserved::enforce(composed)
            .map_err(|_cause| InvalidValue::UserId)?
            .into_owned()
    };
    let begins_well = !id.starts_with(is_combining_mark) && !matches!(id.as_str(), "." | "..");
    let length = id.chars().count();
    if begins_well && (1..=MOST_ID).contains(&length) && id.chars().all(may_be_in_id) {
        return Ok(id);
    }
    Err(InvalidValue::UserId)
}

fn may_be_in_id(c: char) -> bool {
    const SIGNS: &str = "_.@-|:/+=~";
    c.is_alphanumeric() || is_combining_mark(c) || SIGNS.contains(c)
}

/// A display name in its form: 1 to 100 characters, one of which is seen.
pub(super) fn display_name(text: &str) -> Result<String, InvalidValue> {
    if !shows_something(text) {
        return Err(InvalidValue::BlankName);
    }
    let name = enforced(text, |text| Nickname::enforce(text).ok());
    let name = name.ok_or(InvalidValue::DisplayName)?;
    let length = name.chars().count();
    if !shows_something(&name) {
        return Err(InvalidValue::BlankName);
    }
    if length > MOST_NAME || name.contains(char::is_control) {
        return Err(InvalidValue::DisplayName);
    }
    Ok(name)
}

/// The words for an alarm, in NFC.
pub(super) fn type_text(text: &str) -> Result<String, InvalidValue> {
    let text: String = text.nfc().collect();
    let length = text.chars().count();
    if length > MOST_WORDS || !shows_something(&text) || text.contains(char::is_control) {
        return Err(InvalidValue::TypeText);
    }
    match placeholders(&text) {
        Some(_known) => Ok(text),
        None => Err(InvalidValue::Placeholder),
    }
}

/// The tag of a language in the usual case: `zh-Hant-TW`. Behind a single letter, all is in small letters.
pub(super) fn language_tag(tag: &str) -> String {
    let mut is_free = true;
    let subtags = tag.split('-').enumerate().map(|(index, part)| {
        is_free = is_free && part.len() > 1;
        let lower = part.to_ascii_lowercase();
        match part.len() {
            2 if index > 0 && is_free => part.to_ascii_uppercase(),
            4 if index > 0 && is_free => {
                let (first, rest) = lower.split_at_checked(1).unwrap_or((&lower, ""));
                first.to_ascii_uppercase() + rest
            }
            _ => lower,
        }
    });
    subtags.collect::<Vec<_>>().join("-")
}

/// A password in the form in which it is hashed; `None` for one that has none.
pub(crate) fn password(text: &str) -> Option<String> {
    enforced(text, |text| OpaqueString::enforce(text).ok())
}

/// Enforces a profile. The library's tables end with Unicode 6.3, so newer symbols pass it as a symbol that it knows.
fn enforced(text: &str, profile: fn(String) -> Option<Cow<'static, str>>) -> Option<String> {
    let composed: String = text.nfc().collect();
    let class = FreeformClass::default();
    let is_newer = |c: &char| {
        is_newer_symbol(*c) && class.get_value_from_char(*c) == DerivedPropertyValue::Unassigned
    };
    let mut newer: Vec<char> = composed.chars().filter(is_newer).collect();
    if newer.is_empty() {
        return profile(composed).map(Cow::into_owned);
    }
    let stand_in = STAND_INS.into_iter().find(|c| !composed.contains(*c))?;
    let known = composed
        .chars()
        .map(|c| if is_newer(&c) { stand_in } else { c });
    let enforced = profile(known.collect())?;
    newer.reverse();
    let mut restored = enforced.chars().map(|c| {
        if c == stand_in {
            newer.pop().unwrap_or(c)
        } else {
            c
        }
    });
    Some(restored.by_ref().collect())
}

/// True in the blocks of symbols and pictographs, and for letters of newer versions.
fn is_newer_symbol(c: char) -> bool {
    matches!(c, '\u{20a0}'..='\u{20cf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
        || c.is_alphanumeric()
}

/// True for a text of which something is seen.
pub(super) fn shows_something(text: &str) -> bool {
    text.chars().any(is_seen)
}

/// True for a character that leaves something on the screen by itself.
fn is_seen(c: char) -> bool {
    let hidden = c.is_whitespace() || c.is_control() || is_combining_mark(c) || is_ignorable(c);
    !hidden
}

/// The default ignorable code points (Unicode, section 5.21), the fillers of Hangul, and the blank pattern of Braille.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The longest `sub` of OpenID Connect.
const MOST_ID: usize = 255;

/// The longest display name.
const MOST_NAME: usize = 100;

/// Symbols of Unicode 1.1, any of which stands in for a newer one.
const STAND_INS: [char; 8] = ['☀', '☁', '☂', '☃', '★', '☆', '☎', '☏'];

/// A line of a list.
const MOST_WORDS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_has_one_form_however_its_letters_were_typed() {
        for (typed, id) in [
            ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", "한글"),
            ("cafe\u{301}", "café"),
            ("Ａlice", "Alice"),
            ("auth0|66ab12", "auth0|66ab12"),
            ("a/b:c+d=e~f@g.h-i_j", "a/b:c+d=e~f@g.h-i_j"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(user_id(typed).as_deref(), Ok(id), "{typed:?}");
        }
        assert!(user_id(&"x".repeat(255)).is_ok());
        assert!(user_id(&"ж".repeat(255)).is_ok());
    }

    #[test]
    fn an_id_of_other_signs_or_of_nothing_seen_is_refused() {
        let long = "x".repeat(256);
        for bad in [
            "",
            ".",
            "..",
            "a b",
            "a\nb",
            "a,b",
            "a?b",
            "a#b",
            "a%b",
            "<b>",
            "a\\b",
            "\u{200b}",
            "a\u{200b}",
            "\u{2800}",
            "\u{3164}",
            "a\u{202e}b",
            "\u{301}",
            "x²",
            "😀",
            &long,
        ] {
            assert_eq!(user_id(bad), Err(InvalidValue::UserId), "{bad:?}");
        }
    }

    #[test]
    fn a_display_name_shows_something() {
        for (typed, name) in [
            ("  Alice   A. ", "Alice A."),
            ("cafe\u{301}", "café"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("Bob 😀", "Bob 😀"),
            ("🤖 ☀ 🥳", "🤖 ☀ 🥳"),
            ("O'Neill & Söhne", "O'Neill & Söhne"),
        ] {
            assert_eq!(display_name(typed).as_deref(), Ok(name), "{typed:?}");
        }
        for blank in [
            "",
            " ",
            "\u{200b}",
            "\u{2800}",
            "\u{3164}",
            "\u{2800} \u{3164}",
            "\u{301}",
            "\u{feff}",
        ] {
            assert_eq!(
                display_name(blank),
                Err(InvalidValue::BlankName),
                "{blank:?}"
            );
        }
        for bad in ["a\nb", "a\0", "a\u{202e}b", &"x".repeat(101)] {
            assert_eq!(display_name(bad), Err(InvalidValue::DisplayName), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_the_same_on_every_keyboard() {
        assert_eq!(
            password("\u{1112}\u{1161}\u{11ab}글 pass"),
            password("한글 pass")
        );
        assert_eq!(password("a\u{a0}b"), password("a b"));
        assert_eq!(password("Pass 🤔").as_deref(), Some("Pass 🤔"));
        assert_ne!(password("Pass"), password("pass"));
        assert_eq!(password("a\u{7}b"), None);
    }
}
