//! The claims of a token (RFC 7519): read, and judged by the clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use crate::alarm::{Role, SignerId, Timestamp, UserId};
use crate::auth::fault::{Part, Shown, TokenFault};
use crate::auth::hexadecimal::hexadecimal;
use crate::auth::issuers::Issuer;
use crate::auth::issuers::judge::judge_audience;

/// The claims of a good token.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// The user that the token speaks for.
    pub subject: UserId,
    /// The rights of its holder.
    pub role: Role,
    /// The time from which the token is refused: its end, and for another issuer's the leeway after it.
    pub expires_at: Timestamp,
    /// The time of issue, if the token tells it.
    pub issued_at: Option<Timestamp>,
    /// The digest that a revocation names.
    pub token_id: String,
    /// The name that revocations of earlier versions gave it, if it was another one.
    pub former_id: Option<String>,
    /// The issuer; `None` for the hub's own tokens and those of the shared secret.
    pub issuer: Option<Arc<Issuer>>,
    /// The key that signed the token.
    pub signer: SignerId,
    /// The API key that made it, with which it ends.
    pub made_by_key: Option<String>,
}

/// The claims as they are sent. Others are allowed and ignored (RFC 7519, section 4).
#[derive(Deserialize)]
struct Wire<'a> {
    sub: Option<Value>,
    role: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    iat: Option<Value>,
    #[serde(borrow)]
    iss: Option<&'a RawValue>,
    #[serde(borrow)]
    jti: Option<&'a RawValue>,
    #[serde(rename = "campanile_key")]
    key: Option<Value>,
}

impl Claims {
    /// Reads the claims of a token whose signature was good.
    pub(super) fn read(
        payload: &[u8],
        token: &str,
        signer: SignerId,
        now: Timestamp,
    ) -> Result<Self, TokenFault> {
        let wire = Wire::read(payload)?;
        let subject = subject(wire.sub.as_ref())?;
        let role = role(wire.role.as_ref())?;
        let expires_at = end(wire.exp.as_ref())?;
        let (token_id, former_id) = ids(&wire, &subject, token);
        let made_by_key = match wire.key {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(_) => return Err(TokenFault::Type("campanile_key", "a string")),
        };
        let claims = Self {
            subject,
            role,
            expires_at,
            issued_at: time("iat", wire.iat.as_ref())?,
            token_id,
            former_id,
            issuer: None,
            signer,
            made_by_key,
        };
        claims.judge(now)?;
        claims.judge_begin(time("nbf", wire.nbf.as_ref())?, now)?;
        Ok(claims)
    }

    /// Reads the claims of a token of another issuer whose signature was good. `signed` is the part of the token that the
    /// signature covers: it names a token without `jti`, as a signature of ECDSA can be written in two ways.
    pub(super) fn of_issuer(
        issuer: &Arc<Issuer>,
        signer: SignerId,
        audience: Option<&[String]>,
        (payload, signed): (&[u8], &str),
        now: Timestamp,
    ) -> Result<Self, TokenFault> {
        let wire = Wire::read(payload)?;
        let all = members(payload).ok_or(TokenFault::NotJson(Part::Claims))?;
        judge_audience(&all, audience)?;
        let subject = issuer.user(&all)?;
        let end = end(wire.exp.as_ref())?;
        let expires_at = end.plus(LEEWAY);
        if expires_at <= now {
            return Err(TokenFault::Expired(millis_between(end, now)));
        }
        let (token_id, _former) = ids(&wire, &subject, signed);
        let claims = Self {
            role: issuer.role(&all),
            subject,
            expires_at,
            issued_at: time("iat", wire.iat.as_ref())?,
            token_id,
            former_id: None,
            issuer: Some(Arc::clone(issuer)),
            signer,
            made_by_key: None,
        };
        claims.judge_begin(time("nbf", wire.nbf.as_ref())?, now)?;
        Ok(claims)
    }

    /// The names under which the token may have been revoked.
    pub(crate) fn ids(&self) -> Vec<String> {
        let former = self.former_id.iter().cloned();
        former.chain([self.token_id.clone()]).collect()
    }

    /// Checks the end. The hub's own tokens and those of the shared secret have no leeway: "on or after" the end they must
    /// not be accepted (RFC 7519, section 4.1.4). The clock of another issuer may differ, so its tokens have some.
    pub(super) fn judge(&self, now: Timestamp) -> Result<(), TokenFault> {
        if self.expires_at <= now {
            return Err(TokenFault::Expired(millis_between(self.expires_at, now)));
        }
        Ok(())
    }

    /// Checks the times before which the token is not good. They pass once and for all.
    fn judge_begin(&self, not_before: Option<Timestamp>, now: Timestamp) -> Result<(), TokenFault> {
        let latest = now.plus(LEEWAY);
        if let Some(begin) = not_before.filter(|begin| *begin > latest) {
            return Err(TokenFault::TooEarly(begin));
        }
        match self.issued_at {
            Some(issued) if issued > latest => {
                Err(TokenFault::FromTheFuture(millis_between(now, issued)))
            }
            _ => Ok(()),
        }
    }
}

impl<'a> Wire<'a> {
    fn read(payload: &'a [u8]) -> Result<Self, TokenFault> {
        // By itself the library reads an object from an array too, by the order of its fields.
        if !payload.trim_ascii_start().starts_with(b"{") {
            return Err(TokenFault::NotJson(Part::Claims));
        }
        let mut json = serde_json::Deserializer::from_slice(payload);
        let wire: Self = serde_path_to_error::deserialize(&mut json)
            .map_err(|cause| unreadable(&cause.path().to_string(), cause.inner()))?;
        json.end()
            .map_err(|_more| TokenFault::NotJson(Part::Claims))?;
        Ok(wire)
    }
}

/// The members of a JSON object. One that is well-formed and cannot be read, such as half of a character or a number beyond a
/// double, voids no other: it is there, and is nothing.
pub(in crate::auth) fn members(json: &[u8]) -> Option<Map<String, Value>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    let read = |value: &RawValue| serde_json::from_str(value.get()).unwrap_or_default();
    let members = members.into_iter();
    Some(members.map(|(name, value)| (name, read(value))).collect())
}

/// A claim may be as far away as a number can be.
fn millis_between(from: Timestamp, to: Timestamp) -> i64 {
    to.millis().saturating_sub(from.millis())
}

/// The claim `iss` of a token whose signature was not checked yet; `None` if it is missing or no text. Given twice, it names
/// nobody who could check the token.
pub(super) fn issuer_of(payload: &[u8]) -> Result<Option<String>, TokenFault> {
    #[derive(Deserialize)]
    struct Named {
        iss: Option<Value>,
    }
    match serde_json::from_slice(payload) {
        Ok(Named {
            iss: Some(Value::String(issuer)),
        }) => Ok(Some(issuer)),
        Err(cause) if cause.to_string().starts_with(TWICE.0) => {
            Err(TokenFault::Unreadable("iss", TWICE.1))
        }
        _ => Ok(None),
    }
}

/// The fault of claims that are not read. The library has no sign of it but its words.
fn unreadable(path: &str, cause: &serde_json::Error) -> TokenFault {
    let words = cause.to_string();
    let rule = UNREADABLE
        .iter()
        .find(|(start, _)| words.starts_with(start));
    let first = path.split(['.', '[']).next().unwrap_or_default();
    let claim = CLAIMS
        .iter()
        .find(|name| first == **name || words.contains(&format!("`{name}`")));
    match (claim, rule) {
        (Some(claim), Some((_, rule))) => TokenFault::Unreadable(claim, rule),
        _ => TokenFault::NotJson(Part::Claims),
    }
}

/// The claims that are read.
const CLAIMS: [&str; 8] = [
    "sub",
    "role",
    "exp",
    "nbf",
    "iat",
    "iss",
    "jti",
    "campanile_key",
];

/// The words of the library, and the rule.
const UNREADABLE: [(&str, &str); 5] = [
    ("number out of range", "is a number beyond 1.8e308"),
    ("lone leading surrogate", LONE_SURROGATE),
    ("unexpected end of hex escape", LONE_SURROGATE),
    TWICE,
    (
        "recursion limit exceeded",
        "is nested deeper than 127 arrays and objects",
    ),
];

const TWICE: (&str, &str) = ("duplicate field", "is given twice (RFC 7519, section 4)");

const LONE_SURROGATE: &str = "has an escape that is half of a character (RFC 8259, section 8.2)";

fn subject(claim: Option<&Value>) -> Result<UserId, TokenFault> {
    match claim {
        None | Some(Value::Null) => Err(TokenFault::NoClaim("sub")),
        Some(Value::String(text)) => UserId::parse(text.as_str()).map_err(TokenFault::Subject),
        Some(_) => Err(TokenFault::Type("sub", "a string")),
    }
}

fn role(claim: Option<&Value>) -> Result<Role, TokenFault> {
    match claim {
        None | Some(Value::Null) => Err(TokenFault::NoClaim("role")),
        Some(Value::String(text)) => text
            .parse()
            .map_err(|_unknown| TokenFault::Role(Shown::of(text))),
        Some(_) => Err(TokenFault::Type("role", "a string")),
    }
}

fn end(claim: Option<&Value>) -> Result<Timestamp, TokenFault> {
    let end = time("exp", claim)?.ok_or(TokenFault::NoClaim("exp"))?;
    if end.seconds() >= YEAR_5000 {
        return Err(TokenFault::EndTooFar);
    }
    Ok(end)
}

/// A NumericDate: seconds, which may have a fraction.
fn time(name: &'static str, claim: Option<&Value>) -> Result<Option<Timestamp>, TokenFault> {
    match claim {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(moment(number))),
        Some(_) => Err(TokenFault::Type(name, "a number of seconds")),
    }
}

fn moment(number: &Number) -> Timestamp {
    if let Some(seconds) = number.as_i64() {
        return Timestamp::from_seconds(seconds);
    }
    let seconds = number.as_f64().unwrap_or(f64::MAX);
    // A conversion from float to integer saturates.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded down, and saturated"
    )]
    Timestamp::from_millis((seconds * 1_000.0).floor() as i64)
}

/// The digest of issuer, subject and `jti`, each with its length; of the text of the token where there is no `jti`. Beside it
/// the name that earlier versions gave it.
fn ids(wire: &Wire<'_>, subject: &UserId, token: &str) -> (String, Option<String>) {
    let Some(jti) = wire.jti.map(RawValue::get) else {
        return (hexadecimal(&Sha256::digest(token)), None);
    };
    let issuer = wire.iss.map(RawValue::get).unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [issuer, subject.as_str(), jti] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let former: Option<String> = serde_json::from_str(jti).ok();
    let former = former.map(|jti| format!("{subject}:{jti}"));
    (hexadecimal(&digest.finalize()), former)
}

/// Clocks of two machines differ by so much.
pub(in crate::auth) const LEEWAY: Duration = Duration::from_mins(1);

/// The first second of the year 5000. Later ones are milliseconds that were taken for seconds.
pub(in crate::auth) const YEAR_5000: i64 = 95_617_584_000;
