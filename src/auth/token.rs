//! JSON Web Tokens (RFC 7519) signed with the shared secret.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::alarm::{Role, Timestamp, UserId};
use crate::auth::fault::{MOST_TOKEN_BYTES, Part, Shown};
use crate::auth::{Claims, Secret, TokenFault};
use crate::recent::Recent;

/// A signed token and its end.
#[derive(Debug, Clone)]
pub(crate) struct NewToken {
    /// The compact form.
    pub token: String,
    /// The end of the token.
    pub expires_at: Timestamp,
}

/// A token could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub(crate) struct NotSigned(String);

/// Signs and checks tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Tokens that were verified lately: a publisher sends the same one with each request.
    good: Mutex<Recent<String, Arc<Claims>>>,
}

/// The claims as they are signed.
#[derive(Serialize)]
struct Signed<'a> {
    sub: &'a str,
    role: Role,
    exp: i64,
    /// With a fraction, so that a token given right after a change of rights is told from one given right before.
    iat: f64,
    jti: String,
}

impl Tokens {
    /// Tokens signed with `secret`.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret.bytes()),
            decoding: DecodingKey::from_secret(secret.bytes()),
            good: Mutex::new(Recent::of(A_GENERATION)),
        }
    }

    /// Signs a token.
    pub(crate) fn issue(
        &self,
        subject: &UserId,
        role: Role,
        life: Duration,
    ) -> Result<NewToken, NotSigned> {
        let now = Timestamp::now();
        // Whole seconds, rounded down: what is told of the end is what the token says.
        let expires_at = Timestamp::from_seconds(now.plus(life).seconds());
        let claims = Signed {
            sub: subject.as_str(),
            role,
            exp: expires_at.seconds(),
            iat: Duration::from_millis(now.millis().unsigned_abs()).as_secs_f64(),
            jti: Uuid::new_v4().to_string(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        Ok(NewToken {
            token: token.map_err(|cause| NotSigned(cause.to_string()))?,
            expires_at,
        })
    }

    /// Checks header, signature and claims. What cannot change of a token is checked once.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenFault> {
        let now = Timestamp::now();
        let known = self.good().find(token).cloned();
        if let Some(claims) = known {
            claims.judge(now).inspect_err(|_ended| {
                self.good().forget(token);
            })?;
            return Ok(claims);
        }
        let claims = Arc::new(self.decode(token, now)?);
        self.good().keep(token.to_owned(), Arc::clone(&claims));
        Ok(claims)
    }

    fn decode(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        let [header, claims, signature] = parts(token)?;
        let algorithm = algorithm(&json_of(header, Part::Header)?)?;
        // Checked here as well: the last character of a signature has bits that mean nothing, and two spellings of one token
        // would be two names for a revocation.
        bytes_of(signature, Part::Signature)?;
        let signed = token
            .rsplit_once('.')
            .map_or(token, |(signed, _signature)| signed);
        let matches =
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.decoding, algorithm);
        if !matches.unwrap_or(false) {
            return Err(TokenFault::Signature);
        }
        Claims::read(&bytes_of(claims, Part::Claims)?, token, now)
    }

    fn good(&self) -> MutexGuard<'_, Recent<String, Arc<Claims>>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header and the claims of a token without a check of its signature, for display.
pub(crate) fn contents(token: &str) -> Result<[Value; 2], TokenFault> {
    let [header, claims, _signature] = parts(token)?;
    Ok([
        Value::Object(json_of(header, Part::Header)?),
        Value::Object(json_of(claims, Part::Claims)?),
    ])
}

fn parts(token: &str) -> Result<[&str; 3], TokenFault> {
    if token.len() > MOST_TOKEN_BYTES {
        return Err(TokenFault::TooLong(token.len()));
    }
    // No part of a token has one: it divides the values of a field that comes on several lines (RFC 9110, section 5.3).
    if token.contains(',') {
        return Err(TokenFault::Several);
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, claims, signature] => Ok([header, claims, signature]),
        [_, _, _, _, _] => Err(TokenFault::Encrypted),
        other => Err(TokenFault::NotThreeParts(other.len())),
    }
}

fn bytes_of(text: &str, part: Part) -> Result<Vec<u8>, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_cause| TokenFault::NotBase64(part))
}

fn json_of(text: &str, part: Part) -> Result<Map<String, Value>, TokenFault> {
    let json = serde_json::from_slice(&bytes_of(text, part)?);
    json.map_err(|_cause| TokenFault::NotJson(part))
}

/// The algorithm of a header. The secret is a key of HMAC, and of no other family.
fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, TokenFault> {
    let name = header.get("alg").ok_or(TokenFault::NoAlgorithm)?;
    let name = name.as_str().ok_or(TokenFault::NoAlgorithm)?;
    let algorithm = match name {
        "HS256" => Algorithm::HS256,
        "HS384" => Algorithm::HS384,
        "HS512" => Algorithm::HS512,
        none if none.eq_ignore_ascii_case("none") => return Err(TokenFault::Unsigned),
        other => return Err(TokenFault::Algorithm(Shown::of(other))),
    };
    if header.contains_key("crit") {
        return Err(TokenFault::Critical);
    }
    match header.get("b64") {
        None | Some(Value::Bool(true)) => Ok(algorithm),
        Some(_) => Err(TokenFault::Unencoded),
    }
}

/// Those who call again and again are few; a crowd that comes once each must not fill the memory.
const A_GENERATION: usize = 256;

#[cfg(test)]
mod tests;
