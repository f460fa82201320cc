//! The pairs of a query or a form, in order, with repeated names; a value that is not UTF-8 is known as such.

use percent_encoding::percent_decode;

/// Pairs of names and values.
#[derive(Default)]
pub(super) struct Form(Vec<(String, Value)>);

/// A value: text, or bytes that are not UTF-8.
pub(super) type Value = Result<String, NotText>;

/// Bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotText;

impl Form {
    /// Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5).
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let pairs = bytes.split(|byte| *byte == b'&');
        let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(at.unwrap_or(pair.len()));
            let name = String::from_utf8_lossy(&decoded(name)).into_owned();
            let value = decoded(value.strip_prefix(b"=").unwrap_or(value));
            (name, String::from_utf8(value).map_err(|_bytes| NotText))
        });
        Self(pairs.collect())
    }

    /// All pairs.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let own = self.pairs().filter(move |(found, _value)| *found == name);
        own.map(|(_name, value)| value)
    }

    /// The first value of a name.
    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<&'a Value> {
        self.all(name).next()
    }

    /// True if a name is there, whatever its value is.
    pub(super) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The pairs of this form, then those of another.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).collect()
}
