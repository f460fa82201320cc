//! Origins as the settings of the Mercure protocol write them: exact ones, ones with a wildcard, `*` and `null`.

use std::str::FromStr;

use crate::net::Origin;

/// A set of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OriginPattern {
    /// Every origin.
    Any,
    /// The opaque origin, which browsers send as `null`.
    Null,
    /// One origin.
    Exact(Origin),
    /// The origins that begin and end with these texts, with a part of a host between them.
    Between(String, String),
}

impl OriginPattern {
    /// True if it contains an origin, in the form that browsers send.
    pub(crate) fn contains(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Null => origin == "null",
            Self::Exact(own) => origin.parse::<Origin>().is_ok_and(|origin| origin == *own),
            Self::Between(begin, end) => {
                let rest = origin.strip_prefix(begin.as_str());
                let part = rest.and_then(|rest| rest.strip_suffix(end.as_str()));
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
                part.is_some_and(|part| !part.is_empty() && part.chars().all(allowed))
            }
        }
    }
}

impl FromStr for OriginPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Null),
            _ => {}
        }
        let Some((begin, end)) = text.split_once('*') else {
            return Ok(Self::Exact(text.parse()?));
        };
        // In the place of the wildcard, a part of a host makes an origin of it.
        let example: Origin = format!("{begin}x{end}").parse()?;
        let example = example.as_str();
        let (begin, end) = (begin.to_ascii_lowercase(), end.to_ascii_lowercase());
        if format!("{begin}x{end}") == example {
            return Ok(Self::Between(begin, end));
        }
        Err("expected an origin with at most one *, in the place of a part of its host".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_a_part_of_a_host() {
        let contains = |pattern: &str, origin: &str| {
            pattern.parse::<OriginPattern>().unwrap().contains(origin)
        };

        assert!(contains("https://*.example.com", "https://a.b.example.com"));
        assert!(!contains("https://*.example.com", "https://example.com"));
        assert!(!contains(
            "https://*.example.com",
            "https://evil/.example.com"
        ));
        assert!(!contains("https://*.example.com", "http://a.example.com"));
        assert!(contains("https://example.com", "https://example.com"));
        assert!(!contains("https://example.com", "https://example.com.evil"));
        assert!(contains("*", "https://anything.example"));
        assert!(contains("null", "null"));
        for bad in [
            "https://*.*.example",
            "https://example.com/a",
            "example.com",
        ] {
            assert!(bad.parse::<OriginPattern>().is_err(), "{bad}");
        }
    }
}
