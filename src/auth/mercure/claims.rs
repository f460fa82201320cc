//! The rights that a token of the Mercure protocol gives.

use serde_json::{Map, Value};

use crate::alarm::update::{Matcher, is_protocol_text};
use crate::alarm::{SignerId, Timestamp, UserId};

/// The dialect of a token or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 0.x.
    Zero,
    /// 1.0.
    One,
}

/// Topics that a token grants together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grant {
    /// The topics.
    pub matchers: Vec<Matcher>,
    /// The text about the subscriber that the active subscriptions to them tell.
    pub payload: Option<Value>,
}

/// The rights that a token gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MercureGrants {
    /// The topics it may publish to.
    pub publish: Vec<Matcher>,
    /// The topics whose private updates it may read.
    pub subscribe: Vec<Grant>,
    /// The `sub` of the token.
    pub subject: Option<String>,
    /// The `jti` of the token.
    pub token_id: Option<String>,
    /// The time at which it ends.
    pub expires_at: Option<Timestamp>,
    /// The dialect of the token.
    pub version: Version,
    /// The key that signed it.
    pub signer: SignerId,
    /// The user whose account the grants depend on, if an issuer gave them.
    pub holder: Option<Holder>,
}

/// The user of an issuer's token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holder {
    /// The user.
    pub user_id: UserId,
    /// The token, as a sign-out names it.
    pub token_id: String,
    /// The time at which it was issued, if it tells it.
    pub issued_at: Option<Timestamp>,
    /// The number of times the user was disconnected from all hubs before.
    pub kicks: i64,
}

/// The reason why a token is refused; for the log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MercureFault(pub &'static str);

/// The fault of a token whose issuer's keys are not known yet: it is no fault of the token.
pub(crate) const NO_KEYS: MercureFault = MercureFault("the keys were not fetched yet");

impl MercureGrants {
    /// The matchers of all topics whose private updates it may read.
    pub(crate) fn readable(&self) -> Vec<Matcher> {
        let matchers = self.subscribe.iter().flat_map(|grant| &grant.matchers);
        matchers.cloned().collect()
    }

    /// True if it may publish to a topic.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        self.publish.iter().any(|one| one.matches(topic))
    }

    /// True if it may read private updates of a topic.
    pub(crate) fn may_read(&self, topic: &str) -> bool {
        let mut matchers = self.subscribe.iter().flat_map(|grant| &grant.matchers);
        matchers.any(|one| one.matches(topic))
    }

    /// The payload of the first grant that matches the text of a matcher.
    pub(crate) fn payload_of(&self, text: &str) -> Option<&Value> {
        let granted = |grant: &&Grant| grant.matchers.iter().any(|one| one.matches(text));
        self.subscribe.iter().find(granted)?.payload.as_ref()
    }
}

/// A claim that names somebody or something. It is kept in the database, so it is bounded and has no control characters.
pub(super) fn name(
    claims: &Map<String, Value>,
    claim: &str,
) -> Result<Option<String>, MercureFault> {
    let Some(text) = claims.get(claim).and_then(Value::as_str) else {
        return Ok(None);
    };
    if text.len() > MOST_NAME_BYTES || !is_protocol_text(text) {
        return Err(MercureFault(
            "sub or jti is too long, or has control characters",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// The time of a numeric claim; an error if it is there and no number.
pub(super) fn time(
    claims: &Map<String, Value>,
    name: &str,
) -> Result<Option<Timestamp>, MercureFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| seconds.is_finite());
            let seconds = seconds.ok_or(MercureFault("a time is no number"))?;
            Ok(Some(Timestamp::from_seconds(whole(seconds))))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the value is inside of the range, and a fraction of a second does not matter"
)]
fn whole(seconds: f64) -> i64 {
    seconds.clamp(0.0, FARTHEST) as i64
}

/// A user id of 255 characters of four bytes.
const MOST_NAME_BYTES: usize = 1_020;

/// The end of the year 9999, in seconds.
const FARTHEST: f64 = 253_402_300_799.0;
