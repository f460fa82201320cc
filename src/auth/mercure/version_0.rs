//! Tokens of version 0, with the claim `mercure`.

use serde_json::{Map, Value};

use crate::alarm::SignerId;
use crate::alarm::update::{MatchType, Matcher, Matchers};
use crate::auth::mercure::claims::{Grant, MercureFault, MercureGrants, Version, name, time};
use crate::auth::mercure::version_1::matcher_of;

/// The rights of the claims of a token.
pub(super) fn grants(
    claims: &Map<String, Value>,
    matchers: &Matchers,
) -> Result<MercureGrants, MercureFault> {
    let nothing = Value::Null;
    let own = claims.get("https://mercure.rocks/");
    let claim = own.or_else(|| claims.get("mercure")).unwrap_or(&nothing);
    let shared = claim.get("payload").filter(|payload| !payload.is_null());
    let publish = selectors(claim, "publish", matchers)?;
    let subscribe = selectors(claim, "subscribe", matchers)?;
    let grant = |(matcher, payload): (Matcher, Option<Value>)| Grant {
        matchers: Vec::from([matcher]),
        payload: payload.or_else(|| shared.cloned()),
    };
    Ok(MercureGrants {
        publish: publish.into_iter().map(|(matcher, _)| matcher).collect(),
        subscribe: subscribe.into_iter().map(grant).collect(),
        subject: name(claims, "sub")?,
        token_id: name(claims, "jti")?,
        expires_at: time(claims, "exp")?,
        version: Version::Zero,
        signer: SignerId::SHARED_SECRET,
        holder: None,
    })
}

fn selectors(
    claim: &Value,
    name: &str,
    matchers: &Matchers,
) -> Result<Vec<(Matcher, Option<Value>)>, MercureFault> {
    let all = match claim.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(all)) if all.len() <= MOST => all,
        Some(Value::Array(_many)) => return Err(MercureFault("too many topic selectors")),
        Some(_other) => return Err(MercureFault("the topic selectors are no list")),
    };
    let selector = |value: &Value| match value {
        Value::String(text) => {
            let matcher = matchers.compile(MatchType::Template, text);
            let matcher = matcher.map_err(|_invalid| MercureFault("an invalid topic selector"))?;
            Ok((matcher, None))
        }
        other => Ok((matcher_of(other, matchers)?, other.get("payload").cloned())),
    };
    all.iter().map(selector).collect()
}

/// The entries of one list. The reference hub has the same limit.
const MOST: usize = 1_000;
