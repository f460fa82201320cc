//! Access tokens of version 1.0 (RFC 9068 and RFC 9396): one bad entry of the protocol rejects the whole token.

use serde_json::{Map, Value};

use crate::alarm::SignerId;
use crate::alarm::update::{MatchType, Matcher, Matchers};
use crate::auth::mercure::claims::{Grant, MercureFault, MercureGrants, Version, name, time};

/// The rights of the claims of a token whose issuer, audience and times were checked.
pub(super) fn grants(
    claims: &Map<String, Value>,
    matchers: &Matchers,
) -> Result<MercureGrants, MercureFault> {
    let (mut publish, mut subscribe) = (Vec::new(), Vec::new());
    let mut topics = 0;
    let details = match claims.get("authorization_details") {
        None => &[][..],
        Some(Value::Array(details)) => details,
        Some(_other) => return Err(MercureFault("authorization_details is no array")),
    };
    if details.len() > MOST {
        return Err(MercureFault("too many authorization_details"));
    }
    for detail in details {
        if detail.get("type").and_then(Value::as_str) != Some(TYPE) {
            continue;
        }
        let granted = topics_of(detail, matchers)?;
        topics += granted.len();
        if topics > MOST {
            return Err(MercureFault("too many topics"));
        }
        let actions = actions_of(detail)?;
        if actions.contains(&"publish") {
            publish.extend(granted.iter().cloned());
        }
        if actions.contains(&"subscribe") {
            subscribe.push(Grant {
                matchers: granted,
                payload: detail.get("payload").cloned(),
            });
        }
    }
    Ok(MercureGrants {
        publish,
        subscribe,
        subject: name(claims, "sub")?,
        token_id: name(claims, "jti")?,
        expires_at: time(claims, "exp")?,
        version: Version::One,
        signer: SignerId::SHARED_SECRET,
        holder: None,
    })
}

fn actions_of(detail: &Value) -> Result<Vec<&str>, MercureFault> {
    let fault = MercureFault("actions is no list of words");
    let actions = detail.get("actions").and_then(Value::as_array);
    let actions = actions.filter(|all| !all.is_empty()).ok_or(fault)?;
    let words = actions.iter().map(|action| action.as_str().ok_or(fault));
    words.collect()
}

fn topics_of(detail: &Value, matchers: &Matchers) -> Result<Vec<Matcher>, MercureFault> {
    let topics = detail.get("topics").and_then(Value::as_array);
    let topics = topics
        .filter(|all| !all.is_empty())
        .ok_or(MercureFault("topics is no list of matchers"))?;
    let matcher = |topic: &Value| matcher_of(topic, matchers);
    topics.iter().map(matcher).collect()
}

/// A matcher of a token: an object with `match` and `match_type`.
pub(super) fn matcher_of(topic: &Value, matchers: &Matchers) -> Result<Matcher, MercureFault> {
    let text = topic.get("match").and_then(Value::as_str);
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or(MercureFault("a topic has no match"))?;
    let kind = match topic.get("match_type") {
        None => MatchType::Exact,
        Some(kind) => kind
            .as_str()
            .and_then(MatchType::parse)
            .ok_or(MercureFault("an unknown match_type"))?,
    };
    let matcher = matchers.compile(kind, text);
    matcher.map_err(|_invalid| MercureFault("an invalid matcher"))
}

const TYPE: &str = "https://mercure.rocks/authorization-detail";

/// The entries of a token, and the topics in them. The reference hub has the same limit.
const MOST: usize = 100;
