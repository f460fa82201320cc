//! Whole numbers of a request. JSON has one kind of number, and some programs write a whole one as `5.0`: it is the same number.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number.
pub(crate) fn signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Signed)
}

/// Reads a whole number that is 0 or more, or nothing.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_option(Optional)
}

struct Signed;

struct Unsigned;

struct Optional;

impl Visitor<'_> for Signed {
    type Value = i64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("i64")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_cause| too_large(MOST_SIGNED))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        if number.abs() > LARGEST_EXACT {
            return Err(too_large(MOST_SIGNED));
        }
        whole(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
    }
}

impl Visitor<'_> for Unsigned {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("u64")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_cause| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        if number > LARGEST_EXACT {
            return Err(too_large(u64::MAX));
        }
        let read = whole(number).and_then(|number| u64::try_from(number).ok());
        read.ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
    }
}

impl<'de> Visitor<'de> for Optional {
    type Value = Option<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("u64")
    }

    fn visit_none<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_any(Unsigned).map(Some)
    }
}

/// Such a number is a whole one, so "expected a whole number" would be the wrong word. With a fraction or an exponent it is read as
/// a double, which is exact for less.
fn too_large<E: Error>(most: u64) -> E {
    E::custom(format_args!(
        "the number is out of range: at most {most}, or 9007199254740992 with a fraction or an exponent"
    ))
}

const MOST_SIGNED: u64 = i64::MAX.unsigned_abs();

/// The number, if it has no fraction and is exact.
fn whole(number: f64) -> Option<i64> {
    let is_exact = number.fract() == 0.0 && number.abs() <= LARGEST_EXACT;
    // Exact in that range, and the standard library has no checked conversion.
    is_exact.then_some(number as i64)
}

/// 2 to the power of 53: above it a double does not hold every whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "super::signed")]
        at: i64,
        #[serde(default, deserialize_with = "super::optional")]
        life: Option<u64>,
    }

    #[test]
    fn a_whole_number_is_one_with_or_without_decimals() {
        for (text, at, life) in [
            (r#"{"at": 5}"#, 5, None),
            (r#"{"at": -5.0, "life": null}"#, -5, None),
            (r#"{"at": 7e3, "life": 60.0}"#, 7_000, Some(60)),
            (
                r#"{"at": 0, "life": 18446744073709551615}"#,
                0,
                Some(u64::MAX),
            ),
        ] {
            let read: Numbers = serde_json::from_str(text).unwrap();
            assert_eq!((read.at, read.life), (at, life), "{text}");
        }
        for bad in [
            r#"{"at": 5.5}"#,
            r#"{"at": 1e300}"#,
            r#"{"at": "5"}"#,
            r#"{"at": 18446744073709551615}"#,
            r#"{"at": 1, "life": -1}"#,
            r#"{"at": 1, "life": -1.0}"#,
            r#"{"at": 1, "life": "1"}"#,
        ] {
            assert!(serde_json::from_str::<Numbers>(bad).is_err(), "{bad}");
        }
    }
}
