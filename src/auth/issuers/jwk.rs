//! Public keys as key sets show them (RFC 7517, RFC 7518 section 6, RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// A family of keys: the algorithms that one key fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
    Secret,
}

/// One public key of a set. Two with the same members are the same key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Jwk {
    pub(super) kid: Option<String>,
    pub(super) alg: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A key set: keys that are not understood are passed over, as RFC 7517 section 5 asks.
#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Family {
    /// The family of the keys of an algorithm; `None` for an algorithm that is not taken.
    pub(super) fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => Some(Self::Rsa),
            Algorithm::ES256 => Some(Self::P256),
            Algorithm::ES384 => Some(Self::P384),
            Algorithm::EdDSA => Some(Self::Ed25519),
            Algorithm::HS256 => Some(Self::Secret),
            _ => None,
        }
    }

    /// True if others may know the key.
    pub(super) fn is_public(self) -> bool {
        self != Self::Secret
    }
}

/// The usable keys of a set.
pub(super) fn parse(body: &[u8]) -> Result<Vec<(Jwk, Family, DecodingKey)>, String> {
    let set: Set =
        serde_json::from_slice(body).map_err(|_cause| "it is not a key set".to_owned())?;
    if set.keys.len() > MOST_KEYS {
        return Err(format!(
            "the set has {} keys; at most {MOST_KEYS} are taken",
            set.keys.len()
        ));
    }
    let read = |value| serde_json::from_value::<Jwk>(value).ok();
    let usable = |jwk: Jwk| jwk.decoding().map(|(family, key)| (jwk, family, key));
    Ok(set
        .keys
        .into_iter()
        .filter_map(read)
        .filter_map(usable)
        .collect())
}

impl Jwk {
    /// The key, if it is one that signatures may be checked with and has the size that its algorithms demand.
    fn decoding(&self) -> Option<(Family, DecodingKey)> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = self.key_ops.as_ref();
        let verifies =
            verifies.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !(signs && verifies) {
            return None;
        }
        let (family, key) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => (Family::Rsa, self.rsa()?),
            ("EC", Some("P-256")) => (Family::P256, self.elliptic(32)?),
            ("EC", Some("P-384")) => (Family::P384, self.elliptic(48)?),
            ("OKP", Some("Ed25519")) => {
                let x = of_length(self.x.as_ref()?, 32)?;
                (Family::Ed25519, DecodingKey::from_ed_components(x).ok()?)
            }
            _ => return None,
        };
        Some((family, key))
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let (n, e) = (self.n.as_ref()?, self.e.as_ref()?);
        let modulus = URL_SAFE_NO_PAD.decode(n).ok()?;
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let bytes = modulus.len() - zeros;
        if !(LEAST_RSA_BYTES..=MOST_RSA_BYTES).contains(&bytes) {
            return None;
        }
        DecodingKey::from_rsa_components(n, e).ok()
    }

    fn elliptic(&self, bytes: usize) -> Option<DecodingKey> {
        let x = of_length(self.x.as_ref()?, bytes)?;
        let y = of_length(self.y.as_ref()?, bytes)?;
        DecodingKey::from_ec_components(x, y).ok()
    }
}

/// A number of exactly so many bytes.
fn of_length(text: &str, bytes: usize) -> Option<&str> {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok()?;
    (decoded.len() == bytes).then_some(text)
}

/// Providers show two to five.
const MOST_KEYS: usize = 100;

/// RFC 7518, section 3.3: 2048 bits or more.
const LEAST_RSA_BYTES: usize = 256;

/// 4096 bits: what the library takes, and more than a provider uses.
const MOST_RSA_BYTES: usize = 512;
