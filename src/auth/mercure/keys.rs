//! The keys of the Mercure protocol, one for publishers and one for subscribers, and the check of a token against them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::alarm::update::Matchers;
use crate::alarm::{SignerId, Timestamp};
use crate::auth::claims::{LEEWAY, YEAR_5000, members};
use crate::auth::fault::MOST_TOKEN_BYTES;
use crate::auth::mercure::claims::{MercureFault, MercureGrants, NO_KEYS, time};
use crate::auth::mercure::{version_0, version_1};
use crate::auth::{KeySet, MercureRight, TokenFault};

/// The text of a key setting: a shared secret, or a public key in PEM. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyText(String);

/// The keys of one role.
#[derive(Clone)]
pub(crate) enum Verifier {
    /// A key, and the one algorithm it is used with.
    Key {
        /// The key.
        key: DecodingKey,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A key set that is fetched now and then.
    Set(Arc<KeySet>),
}

/// A key setting that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// The algorithm is not one of the known ones.
    #[error(
        "expected HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA"
    )]
    Algorithm,
    /// The key does not fit the algorithm.
    #[error(
        "the key does not fit the algorithm: HS* takes a secret, the others take a public key in PEM"
    )]
    Key,
}

/// The action that a token is presented for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MercureRole {
    /// To publish.
    Publisher,
    /// To subscribe.
    Subscriber,
}

/// The keys by which tokens are checked.
pub(crate) struct MercureKeys {
    /// The key of publishers; without one nobody may publish.
    pub publisher: Option<Verifier>,
    /// The key of subscribers.
    pub subscriber: Option<Verifier>,
    /// The issuers of tokens of version 1.0.
    pub issuers: Vec<String>,
    /// True if tokens of version 0 are taken.
    pub version_0: bool,
}

impl KeyText {
    /// Takes the text of a setting.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// True for a key that is printed in the documentation of the protocol's tools.
    pub(crate) fn is_documented(&self) -> bool {
        DOCUMENTED.contains(&self.0.as_str())
    }

    /// True for a shared secret shorter than its hash (RFC 7518, section 3.2).
    pub(crate) fn is_short(&self) -> bool {
        self.0.len() < 32
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyText(…)")
    }
}

impl Verifier {
    /// Returns the verifier of a key with the algorithm of its setting.
    pub(crate) fn of(key: &KeyText, algorithm: &str) -> Result<Self, KeyError> {
        let algorithm: Algorithm = algorithm.parse().map_err(|_unknown| KeyError::Algorithm)?;
        let bytes = key.0.as_bytes();
        let is_pem = key.0.contains("-----BEGIN");
        // The library takes one for a public key of other numbers, which no signature fits.
        if key.0.contains("PRIVATE KEY-----") {
            return Err(KeyError::Key);
        }
        let key = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 if !is_pem => {
                Ok(DecodingKey::from_secret(bytes))
            }
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Err(KeyError::Key),
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(bytes),
            Algorithm::EdDSA => DecodingKey::from_ed_pem(bytes),
            _rsa => DecodingKey::from_rsa_pem(bytes),
        };
        let key = key.map_err(|_cause| KeyError::Key)?;
        Ok(Self::Key { key, algorithm })
    }

    /// The set, if the keys are not in the settings.
    pub(crate) fn set(&self) -> Option<&Arc<KeySet>> {
        match self {
            Self::Key { .. } => None,
            Self::Set(set) => Some(set),
        }
    }

    /// The key that signed a token.
    fn signer(&self, header: &Map<String, Value>, token: &str) -> Result<SignerId, MercureFault> {
        let fault = MercureFault("the signature does not match");
        let parts = token.rsplit_once('.').ok_or(fault)?;
        match self {
            Self::Key { key, algorithm } => {
                // The algorithm is that of the setting, never that of the token.
                let named = header.get("alg").and_then(Value::as_str);
                let is_named = named.is_some_and(|named| named.parse() == Ok(*algorithm));
                let (signed, signature) = parts;
                let verify =
                    || jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, *algorithm);
                let matches = is_named && verify().unwrap_or(false);
                matches.then_some(SignerId::SHARED_SECRET).ok_or(fault)
            }
            Self::Set(set) => match set.signer(PUBLIC, header, parts) {
                Ok(key) => Ok(key.signer),
                Err(TokenFault::NoKeys) => Err(NO_KEYS),
                Err(_other) => Err(fault),
            },
        }
    }
}

impl MercureRole {
    /// The right that the entry of an issuer has to give.
    pub(crate) fn right(self) -> MercureRight {
        match self {
            Self::Publisher => MercureRight::Publish,
            Self::Subscriber => MercureRight::Subscribe,
        }
    }
}

impl MercureKeys {
    fn verifier(&self, role: MercureRole) -> Option<&Verifier> {
        match role {
            MercureRole::Publisher => self.publisher.as_ref(),
            MercureRole::Subscriber => self.subscriber.as_ref(),
        }
    }

    /// Checks a token. `audience` is the identifier of this hub, which a token of version 1.0 has to name.
    pub(crate) fn verify(
        &self,
        token: &str,
        role: MercureRole,
        audience: Option<&str>,
        matchers: &Matchers,
    ) -> Result<MercureGrants, MercureFault> {
        let (header, claims) = contents(token).ok_or(MercureFault("not a token"))?;
        let key = self
            .verifier(role)
            .ok_or(MercureFault("there is no key for this role"))?;
        if header.contains_key("crit") {
            return Err(MercureFault("there is a critical extension"));
        }
        if header
            .get("b64")
            .is_some_and(|b64| *b64 != Value::Bool(true))
        {
            return Err(MercureFault("its claims are not encoded (`b64`)"));
        }
        let signer = key.signer(&header, token)?;
        if is_version_1(&header, &claims) {
            let issuer = claims.get("iss").and_then(Value::as_str);
            if !issuer.is_some_and(|issuer| self.issuers.iter().any(|one| one == issuer)) {
                return Err(MercureFault("the issuer is not trusted"));
            }
        }
        let grants = self.grants(&header, &claims, audience, matchers)?;
        Ok(MercureGrants { signer, ..grants })
    }

    /// The rights of a token that its issuer's entry took.
    pub(crate) fn grants_of(
        &self,
        token: &str,
        audience: Option<&str>,
        matchers: &Matchers,
    ) -> Result<MercureGrants, MercureFault> {
        let (header, claims) = contents(token).ok_or(MercureFault("not a token"))?;
        self.grants(&header, &claims, audience, matchers)
    }

    fn grants(
        &self,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
        audience: Option<&str>,
        matchers: &Matchers,
    ) -> Result<MercureGrants, MercureFault> {
        let now = Timestamp::now();
        let latest = now.plus(LEEWAY);
        if time(claims, "nbf")?.is_some_and(|begin| begin > latest) {
            return Err(MercureFault("the token is not valid yet"));
        }
        match time(claims, "exp")? {
            Some(end) if end <= now => return Err(MercureFault("the token has expired")),
            Some(end) if end.seconds() >= YEAR_5000 => {
                let fault = "`exp` is beyond the year 5000: it is in seconds, not in milliseconds";
                return Err(MercureFault(fault));
            }
            _ => {}
        }
        if is_version_1(header, claims) {
            check_strictly(header, claims, audience)?;
            return version_1::grants(claims, matchers);
        }
        if !self.version_0 {
            return Err(MercureFault("it is not an access token of version 1.0"));
        }
        version_0::grants(claims, matchers)
    }
}

/// The checks that version 1.0 asks for, besides the issuer.
fn check_strictly(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    audience: Option<&str>,
) -> Result<(), MercureFault> {
    if !has_access_type(header) {
        return Err(MercureFault("typ is not at+jwt"));
    }
    if !claims.contains_key("exp") {
        return Err(MercureFault("there is no exp"));
    }
    let audience = audience.ok_or(MercureFault("this hub knows no identifier of its own"))?;
    let is_meant = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(all)) => all.iter().any(|one| one == audience),
        _ => false,
    };
    if is_meant {
        return Ok(());
    }
    Err(MercureFault("the token is for another audience"))
}

/// The dialect of a token that was not checked, for the form of an error.
pub(super) fn is_version_1(header: &Map<String, Value>, claims: &Map<String, Value>) -> bool {
    has_access_type(header) || claims.contains_key("authorization_details")
}

fn has_access_type(header: &Map<String, Value>) -> bool {
    let kind = header.get("typ").and_then(Value::as_str);
    kind.is_some_and(|kind| {
        kind.eq_ignore_ascii_case("at+jwt") || kind.eq_ignore_ascii_case("application/at+jwt")
    })
}

/// The header and the claims of a token whose signature was not checked.
pub(super) fn contents(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    if token.len() > MOST_TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let json = |part: &str| members(&URL_SAFE_NO_PAD.decode(part).ok()?);
    Some((json(header)?, json(claims)?))
}

/// The keys of the documentation of the reference hub and of its client libraries.
const DOCUMENTED: &[&str] = &[
    "!ChangeThisMercureHubJWTSecretKey!",
    "!ChangeMe!",
    "!ChangeThisMercureHubJWTSecretKeyForSubscribers!",
];

/// The algorithms of public keys in a set, which names none itself or one for each key.
const PUBLIC: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
