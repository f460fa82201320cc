//! One key that signatures of an issuer are checked with.

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::alarm::SignerId;
use crate::auth::Secret;
use crate::auth::issuers::jwk::{Family, Jwk};

/// A key with its number.
pub(in crate::auth) struct Key {
    pub(in crate::auth) signer: SignerId,
    /// As the set shows it; a key of the settings has none, and any `kid` may name it.
    pub(super) jwk: Option<Jwk>,
    family: Family,
    decoding: DecodingKey,
}

impl Key {
    /// A key of a set.
    pub(super) fn of_set((jwk, family, decoding): (Jwk, Family, DecodingKey)) -> Self {
        Self {
            signer: SignerId::next(),
            jwk: Some(jwk),
            family,
            decoding,
        }
    }

    /// The key of a PEM text, which all of the algorithms have to fit.
    pub(super) fn of_pem(pem: &str, algorithms: &[Algorithm]) -> Result<Self, String> {
        let mut families = algorithms.iter().filter_map(|one| Family::of(*one));
        let family = families.next().ok_or("there is no algorithm")?;
        if families.any(|other| other != family) {
            return Err("one key does not fit all of the algorithms".to_owned());
        }
        // The library takes one for a public key of other numbers, which no signature fits.
        if pem.contains("PRIVATE KEY-----") {
            return Err("it is a private key; its public half belongs here".to_owned());
        }
        let pem = pem.as_bytes();
        let decoding = match family {
            Family::Rsa => DecodingKey::from_rsa_pem(pem),
            Family::P256 | Family::P384 => DecodingKey::from_ec_pem(pem),
            Family::Ed25519 | Family::Secret => DecodingKey::from_ed_pem(pem),
        };
        let decoding = decoding.map_err(|_cause| {
            "it is no public key of these algorithms (PEM, `BEGIN PUBLIC KEY`)".to_owned()
        })?;
        if let (Family::P256 | Family::P384 | Family::Ed25519, Ok(bytes)) =
            (family, decoding.try_get_as_bytes())
            && bytes.len() != family_bytes(family)
        {
            return Err("it is a public key of another algorithm".to_owned());
        }
        Ok(Self {
            signer: SignerId::next(),
            jwk: None,
            family,
            decoding,
        })
    }

    /// A shared secret.
    pub(super) fn of_secret(secret: &Secret) -> Self {
        Self {
            signer: SignerId::next(),
            jwk: None,
            family: Family::Secret,
            decoding: DecodingKey::from_secret(secret.bytes()),
        }
    }

    /// The same key under another number.
    pub(super) fn renumbered(&self) -> Self {
        Self {
            signer: SignerId::next(),
            jwk: self.jwk.clone(),
            family: self.family,
            decoding: self.decoding.clone(),
        }
    }

    /// True if a token with this header may be signed with this key.
    pub(super) fn fits(&self, algorithm: Algorithm, name: &str, kid: Option<&str>) -> bool {
        if Family::of(algorithm) != Some(self.family) {
            return false;
        }
        let Some(jwk) = &self.jwk else {
            return true;
        };
        let is_named = kid.is_none_or(|kid| jwk.kid.as_deref() == Some(kid));
        is_named && jwk.alg.as_deref().is_none_or(|only| only == name)
    }

    /// True if the signature is of this key.
    pub(super) fn verifies(&self, signature: &str, signed: &str, algorithm: Algorithm) -> bool {
        let matches =
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.decoding, algorithm);
        matches.unwrap_or(false)
    }
}

/// The bytes of a public key: a point with its leading 4, or the 32 bytes of Ed25519.
fn family_bytes(family: Family) -> usize {
    match family {
        Family::P256 => 65,
        Family::P384 => 97,
        Family::Rsa | Family::Ed25519 | Family::Secret => 32,
    }
}
