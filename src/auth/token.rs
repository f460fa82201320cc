//! JSON Web Tokens (RFC 7519), signed with the shared secret or by another issuer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::alarm::{Role, SignerId, Timestamp, UserId};
use crate::auth::claims::{issuer_of, members};
use crate::auth::fault::{MOST_TOKEN_BYTES, Part, Shown};
use crate::auth::issuers::OWN_ISSUER;
use crate::auth::own_keys::OwnKeys;
use crate::auth::{Claims, Issuer, Issuers, Secret, TokenFault};
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
    /// The hub's own key pairs. A command beside the hub has none, and signs with the shared secret.
    own: OwnKeys,
    issuers: Issuers,
    good: Mutex<Good>,
}

/// Tokens that were verified lately: a publisher sends the same one with each request. They are forgotten when a key or a rule
/// is taken away, so that nothing else has to be looked at when one is found.
struct Good {
    tokens: Recent<String, Arc<Claims>>,
    /// The number of times that all were forgotten.
    times: u64,
}

/// The claims as they are signed.
#[derive(Serialize)]
struct Signed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'static str>,
    sub: &'a str,
    role: Role,
    exp: i64,
    /// With a fraction, so that a token given right after a change of rights is told from one given right before.
    iat: f64,
    jti: String,
    /// The API key that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    campanile_key: Option<&'a str>,
}

impl Tokens {
    /// Tokens signed with `secret`, and those of other issuers.
    pub(crate) fn new(secret: &Secret, issuers: Issuers) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret.bytes()),
            decoding: DecodingKey::from_secret(secret.bytes()),
            own: OwnKeys::default(),
            issuers,
            good: Mutex::new(Good {
                tokens: Recent::of(A_GENERATION),
                times: 0,
            }),
        }
    }

    /// The hub's own key pairs.
    pub(crate) fn own_keys(&self) -> &OwnKeys {
        &self.own
    }

    /// The issuers of the settings.
    pub(crate) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Forgets which tokens were good: a key was taken away, or the rules of an issuer changed.
    pub(crate) fn forget_all(&self) {
        let mut good = self.good();
        good.tokens = Recent::of(A_GENERATION);
        good.times += 1;
    }

    /// Signs a token: with the hub's own key, or with the shared secret where there is none.
    pub(crate) fn issue(
        &self,
        subject: &UserId,
        role: Role,
        life: Duration,
    ) -> Result<NewToken, NotSigned> {
        self.sign(subject, role, life, None)
    }

    /// Signs a token of a user that ends with the API key of this id.
    pub(crate) fn issue_by_key(
        &self,
        subject: &UserId,
        life: Duration,
        key: &str,
    ) -> Result<NewToken, NotSigned> {
        self.sign(subject, Role::User, life, Some(key))
    }

    fn sign(
        &self,
        subject: &UserId,
        role: Role,
        life: Duration,
        campanile_key: Option<&str>,
    ) -> Result<NewToken, NotSigned> {
        let now = Timestamp::now();
        // Whole seconds, rounded down: what is told of the end is what the token says.
        let expires_at = Timestamp::from_seconds(now.plus(life).seconds());
        let own = self.own.signing();
        let claims = Signed {
            iss: own.as_ref().map(|_key| OWN_ISSUER),
            sub: subject.as_str(),
            role,
            exp: expires_at.seconds(),
            iat: Duration::from_millis(now.millis().unsigned_abs()).as_secs_f64(),
            jti: Uuid::new_v4().to_string(),
            campanile_key,
        };
        let token = match own {
            Some(key) => {
                let mut header = Header::new(Algorithm::EdDSA);
                header.kid = Some(key.id.clone());
                jsonwebtoken::encode(&header, &claims, &key.signs)
            }
            None => jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding),
        };
        Ok(NewToken {
            token: token.map_err(|cause| NotSigned(cause.to_string()))?,
            expires_at,
        })
    }

    /// Checks header, signature and claims. What cannot change of a token is checked once.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenFault> {
        let now = Timestamp::now();
        let (known, times) = {
            let mut good = self.good();
            (good.tokens.find(token).cloned(), good.times)
        };
        if let Some(claims) = known {
            claims.judge(now).inspect_err(|_ended| {
                self.good().tokens.forget(token);
            })?;
            return Ok(claims);
        }
        let claims = Arc::new(self.decode(token, now)?);
        let mut good = self.good();
        // One that was checked with keys which were taken away meanwhile is checked again the next time.
        if good.times == times {
            good.tokens.keep(token.to_owned(), Arc::clone(&claims));
        }
        Ok(claims)
    }

    fn decode(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        let [header, claims, signature] = parts(token)?;
        let header = json_of(header, Part::Header)?;
        // Checked here as well: the last character of a signature has bits that mean nothing, and two spellings of one token
        // would be two names for a revocation.
        bytes_of(signature, Part::Signature)?;
        let signed = token
            .rsplit_once('.')
            .map_or(token, |(signed, _signature)| signed);
        let payload = bytes_of(claims, Part::Claims);
        let named = issuer_of(payload.as_deref().unwrap_or_default())?;
        if let Some(issuer) = named.as_ref().and_then(|iss| self.issuers.find(iss)) {
            refuse_extensions(&header)?;
            let signer = issuer.signer(&header, signed, signature)?.signer;
            let audience = issuer.audience();
            return Claims::of_issuer(&issuer, signer, audience, (&payload?, signed), now);
        }
        let is_own = named.as_deref() == Some(OWN_ISSUER);
        let signer = match header.get("alg").and_then(Value::as_str) {
            Some("EdDSA") if is_own => self.own_signer(&header, signed, signature)?,
            _ => self.check_secret(&header, signed, signature)?,
        };
        Claims::read(&payload?, token, signer, now)
    }

    /// Checks an ID token that a provider gave at a sign-in (OpenID Connect Core 1.0, section 3.1.3.7). Returns its claims, and the
    /// name of the user if it tells one.
    pub(crate) fn verify_id_token(
        &self,
        issuer: &Arc<Issuer>,
        token: &str,
        nonce: &str,
    ) -> Result<(Claims, Option<String>), TokenFault> {
        if token.len() > MOST_ID_TOKEN_BYTES {
            return Err(TokenFault::IdTokenTooLong);
        }
        let [header, claims, signature] = divided(token)?;
        let header = json_of(header, Part::Header)?;
        let payload = bytes_of(claims, Part::Claims)?;
        let all = json_of(claims, Part::Claims)?;
        let text = |name: &str| all.get(name).and_then(Value::as_str);
        if text("iss") != Some(issuer.settings().issuer.as_str()) {
            return Err(TokenFault::IdToken("iss"));
        }
        refuse_extensions(&header)?;
        let (signed, _signature) = token.rsplit_once('.').unwrap_or_default();
        let signer = issuer.signer(&header, signed, signature)?.signer;
        let client = issuer.settings().sign_in.as_ref();
        let client = client.map(|sign_in| sign_in.client_id.clone());
        if text("nonce") != Some(nonce) {
            return Err(TokenFault::IdToken("nonce"));
        }
        if all.contains_key("azp") && text("azp") != client.as_deref() {
            return Err(TokenFault::IdToken("azp"));
        }
        let audience = client.as_ref().map(std::slice::from_ref);
        let part = (payload.as_slice(), signed);
        let claims = Claims::of_issuer(issuer, signer, audience, part, Timestamp::now())?;
        Ok((claims, text("name").map(str::to_owned)))
    }

    /// The key of the hub's own that signed a token.
    fn own_signer(
        &self,
        header: &Map<String, Value>,
        signed: &str,
        signature: &str,
    ) -> Result<SignerId, TokenFault> {
        refuse_extensions(header)?;
        let id = header.get("kid").and_then(Value::as_str);
        let id = id.unwrap_or_default();
        let key = self.own.find(id);
        let key = key.ok_or_else(|| TokenFault::OwnKey(Shown::of(id)))?;
        matches(signature, signed, &key.verifies, Algorithm::EdDSA)?;
        Ok(key.signer)
    }

    fn check_secret(
        &self,
        header: &Map<String, Value>,
        signed: &str,
        signature: &str,
    ) -> Result<SignerId, TokenFault> {
        let algorithm = algorithm(header)?;
        matches(signature, signed, &self.decoding, algorithm)?;
        Ok(SignerId::SHARED_SECRET)
    }

    fn good(&self) -> MutexGuard<'_, Good> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn matches(
    signature: &str,
    signed: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<(), TokenFault> {
    match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(TokenFault::Signature),
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
    divided(token)
}

fn divided(token: &str) -> Result<[&str; 3], TokenFault> {
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
    members(&bytes_of(text, part)?).ok_or(TokenFault::NotJson(part))
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
    refuse_extensions(header)?;
    Ok(algorithm)
}

/// Refuses extensions that have to be understood.
fn refuse_extensions(header: &Map<String, Value>) -> Result<(), TokenFault> {
    if header.contains_key("crit") {
        return Err(TokenFault::Critical);
    }
    match header.get("b64") {
        None | Some(Value::Bool(true)) => Ok(()),
        Some(_) => Err(TokenFault::Unencoded),
    }
}

/// An ID token is read once, and names as many groups as its provider likes.
const MOST_ID_TOKEN_BYTES: usize = 32 * 1024;

/// Those who call again and again are few; a crowd that comes once each must not fill the memory.
const A_GENERATION: usize = 256;

#[cfg(test)]
mod tests;
