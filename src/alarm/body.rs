//! The two free-form parts of an alarm: its JSON data and the target it is about.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::alarm::{InvalidValue, TargetId};

/// Any JSON up to 16 KiB without insignificant white space. Numbers keep their digits and objects the order of their
/// keys.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Payload(Arc<RawValue>);

impl Payload {
    /// JSON `null`.
    pub(crate) fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// Checks the size and the syntax, and removes white space: a line feed would end a line of NDJSON.
    pub(crate) fn parse(json: &str) -> Result<Self, InvalidValue> {
        if json.len() > MOST_DATA_BYTES {
            return Err(InvalidValue::DataTooLarge);
        }
        serde_json::from_str::<serde_json::Value>(json).map_err(|cause| fault_of(&cause))?;
        Ok(Self::trusted(without_white_space(json)))
    }

    /// Serialises the data of an alarm that the hub creates itself.
    pub(crate) fn of<T: Serialize>(value: &T) -> Result<Self, InvalidValue> {
        let raw = serde_json::value::to_raw_value(value)
            .map_err(|_cause| InvalidValue::DataNotWritable)?;
        Ok(Self(raw.into()))
    }

    /// Wraps data that was validated before it was stored.
    pub(crate) fn trusted(json: String) -> Self {
        RawValue::from_string(json).map_or_else(|_cause| Self::null(), |raw| Self(raw.into()))
    }

    /// The JSON text.
    pub(crate) fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(serde::de::Error::custom)
    }
}

/// A `targetId` as a request carries it: a JSON number or a string, kept as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(pub TargetId);

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = if raw.starts_with('"') {
            serde_json::from_str(raw).map_err(serde::de::Error::custom)?
        } else if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            raw.to_owned()
        } else {
            return Err(serde::de::Error::custom(InvalidValue::TargetKind));
        };
        TargetId::parse(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// The fault of data that a reader cannot parse. The library has no sign of it but its words.
fn fault_of(cause: &serde_json::Error) -> InvalidValue {
    let text = cause.to_string();
    match text {
        text if text.starts_with("number out of range") => InvalidValue::DataNumber,
        text if text.starts_with("recursion limit exceeded") => InvalidValue::DataNesting,
        text if text.contains("hex escape") => InvalidValue::DataSurrogate,
        _ => InvalidValue::DataNotJson,
    }
}

fn without_white_space(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_string = c == '"';
        }
        compact.push(c);
    }
    compact
}

/// Large enough for the data that a page shows of an event, and small enough that a queue of alarms needs little
/// memory.
const MOST_DATA_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_keeps_digits_order_and_strings_and_loses_white_space() {
        let data =
            Payload::parse("{ \"b\" : 12345678901234567890.10 ,\r\n\"a\":\" x \\\" { \\\\\" }")
                .unwrap();

        assert_eq!(
            data.as_json(),
            "{\"b\":12345678901234567890.10,\"a\":\" x \\\" { \\\\\"}"
        );
    }

    #[test]
    fn data_is_bounded_and_must_be_readable() {
        assert!(Payload::parse(&format!("\"{}\"", "x".repeat(16 * 1024 - 2))).is_ok());
        assert!(Payload::parse(&format!("\"{}\"", "x".repeat(16 * 1024 - 1))).is_err());
        assert!(Payload::parse("\"\\ud800\"").is_err());
        for (text, fault) in [
            ("[1e999]".to_owned(), InvalidValue::DataNumber),
            (
                ["[".repeat(200), "]".repeat(200)].concat(),
                InvalidValue::DataNesting,
            ),
            ("{\"a\":}".to_owned(), InvalidValue::DataNotJson),
            (r#"{"a":"\ud800"}"#.to_owned(), InvalidValue::DataSurrogate),
            (
                r#"["\ud800\u0041"]"#.to_owned(),
                InvalidValue::DataSurrogate,
            ),
            (r#"{"\udc00":1}"#.to_owned(), InvalidValue::DataSurrogate),
        ] {
            assert_eq!(Payload::parse(&text).unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn a_target_is_a_number_or_a_string() {
        for (json, text) in [
            ("17", "17"),
            ("\"17\"", "17"),
            ("-1.50", "-1.50"),
            ("\"a\\u0062\"", "ab"),
        ] {
            assert_eq!(
                serde_json::from_str::<Target>(json).unwrap().0.as_str(),
                text
            );
        }
        for bad in ["null", "true", "{}", "[]", "\"\"", "\"a\\nb\""] {
            assert!(serde_json::from_str::<Target>(bad).is_err(), "{bad}");
        }
    }
}
