//! The life that a request may give to what it makes.

use std::time::Duration;

use crate::actions::{Refusal, Rule};
use crate::alarm::Timestamp;

/// The end of a life of so many seconds, as the field `expiresInSeconds` gives it.
pub(super) fn end_of(from: Timestamp, seconds: u64) -> Result<Timestamp, Refusal> {
    if !(1..=LONGEST_LIFE_SECONDS).contains(&seconds) {
        return Err(Refusal::invalid("expiresInSeconds", Rule::Expiry));
    }
    Ok(from.plus(Duration::from_secs(seconds)))
}

const LONGEST_LIFE_SECONDS: u64 = 10 * 365 * 24 * 3_600;
