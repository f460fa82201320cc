//! The shared secret.

use std::fmt;

use crate::alarm::InvalidValue;
use crate::auth::hexadecimal::hexadecimal;

/// The key that tokens are signed with: at least 32 bytes, never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret of 32 bytes or more. White space around it is no part of it, in a file as in the environment.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        if text.len() < LEAST_SECRET_BYTES {
            return Err(InvalidValue::Secret);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Makes a new one, as 64 hexadecimal digits.
    pub(crate) fn random() -> String {
        let bytes: [u8; 32] = rand::random();
        hexadecimal(&bytes)
    }

    /// The bytes of the key: the text itself, not decoded.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// The size of an HS256 key, below which guessing it becomes the cheaper attack (RFC 7518, section 3.2).
const LEAST_SECRET_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_and_a_good_one_never_shown() {
        assert!(Secret::parse("short").is_err());
        assert!(Secret::parse(&format!("short{}", " ".repeat(32))).is_err());

        let secret = Secret::parse(&Secret::random()).unwrap();

        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_line_break_at_the_end_is_no_part_of_a_secret() {
        let text = Secret::random();

        assert_eq!(Secret::parse(&format!("{text}\r\n")), Secret::parse(&text));
    }
}
