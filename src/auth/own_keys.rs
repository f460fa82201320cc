//! The hub's own key pairs (Ed25519): they sign the tokens of sign-ins, and their public halves are shown to everybody.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Serialize;
use uuid::Uuid;

use crate::alarm::{SignerId, Timestamp};
use crate::auth::Secret;

/// The key that seals private keys, derived from a secret (HKDF, RFC 5869).
#[derive(Clone)]
pub(crate) struct Seal(Arc<LessSafeKey>);

/// A key pair cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signing key cannot be opened: it was sealed with another secret (CAMPANILE_KEY_SECRET, by default the shared one)"
)]
pub(crate) struct NotOpened;

/// A key pair.
#[derive(Clone)]
pub(crate) struct OwnKey {
    /// The name.
    pub(super) id: String,
    /// The time until which it verifies; `None` while it may sign.
    until: Option<Timestamp>,
    public: String,
    pub(super) signs: EncodingKey,
    pub(super) verifies: DecodingKey,
    pub(super) signer: SignerId,
    /// The time at which this hub learnt of it.
    known: Instant,
}

/// A stored key pair.
pub(crate) struct Stored<'a> {
    /// The name.
    pub(crate) id: &'a str,
    /// The sealed private key.
    pub(crate) sealed: &'a str,
    /// The time until which it verifies; `None` while it may sign.
    pub(crate) until: Option<Timestamp>,
}

/// The key pairs of this hub, the newest first. Cheap to clone; all clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct OwnKeys(Arc<RwLock<Arc<Vec<Arc<OwnKey>>>>>);

/// A public key as it is shown (RFC 7517, RFC 8037).
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

impl Seal {
    /// The seal that belongs to a secret.
    pub(crate) fn of(secret: &Secret) -> Result<Self, NotOpened> {
        let pseudo_random = Salt::new(HKDF_SHA256, &[]).extract(secret.bytes());
        let material = pseudo_random.expand(&[PURPOSE], &CHACHA20_POLY1305);
        let key = UnboundKey::from(material.map_err(|_unspecified| NotOpened)?);
        Ok(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// Makes a key pair: its name, and its private key sealed.
    pub(crate) fn new_key(&self) -> Result<(String, String), NotOpened> {
        let id = Uuid::new_v4().simple().to_string();
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed: Vec<u8> = rand::random::<[u8; SEED_LEN]>().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        let done = self
            .0
            .seal_in_place_append_tag(unique, Aad::from(&id), &mut sealed);
        done.map_err(|_unspecified| NotOpened)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        Ok((id, text))
    }

    /// Opens a sealed private key.
    fn open(&self, id: &str, sealed: &str) -> Option<[u8; SEED_LEN]> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(id), &mut sealed)
            .ok()?;
        opened.try_into().ok()
    }
}

impl OwnKeys {
    /// Takes the keys that are stored. Returns those that are gone, and the names of those that this seal does not open, which are
    /// not used: whoever can write into the database cannot add a key.
    pub(crate) fn take(&self, seal: &Seal, stored: &[Stored<'_>]) -> (Vec<SignerId>, Vec<String>) {
        let old = self.all();
        let now = Timestamp::now();
        let (mut new, mut unopened) = (Vec::new(), Vec::new());
        for one in stored
            .iter()
            .filter(|one| one.until.is_none_or(|until| until > now))
        {
            let known = old.iter().find(|key| key.id == one.id);
            let key = match known {
                Some(known) if known.until == one.until => Some(Arc::clone(known)),
                Some(known) => Some(Arc::new(OwnKey {
                    until: one.until,
                    ..OwnKey::clone(known)
                })),
                None => OwnKey::open(seal, one).map(Arc::new),
            };
            match key {
                Some(key) => new.push(key),
                None => unopened.push(one.id.to_owned()),
            }
        }
        let is_gone = |key: &&Arc<OwnKey>| !new.iter().any(|one| one.signer == key.signer);
        let gone = old.iter().filter(is_gone).map(|key| key.signer).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        (gone, unopened)
    }

    /// True if a key may sign.
    pub(crate) fn can_sign(&self) -> bool {
        self.all().iter().any(|key| key.until.is_none())
    }

    /// The key that signs: the newest that other hubs know of by now, too.
    pub(super) fn signing(&self) -> Option<Arc<OwnKey>> {
        let all = self.all();
        let known = |key: &&Arc<OwnKey>| key.known.elapsed() >= KNOWN_EVERYWHERE;
        let newest = all.iter().filter(known).find(|key| key.until.is_none());
        let former = || all.iter().find(known);
        // A hub that has just begun keeps to the key that it began with.
        let first_known = || all.iter().min_by_key(|key| key.known);
        newest.or_else(former).or_else(first_known).cloned()
    }

    /// A key by its name.
    pub(super) fn find(&self, id: &str) -> Option<Arc<OwnKey>> {
        self.all().iter().find(|key| key.id == id).cloned()
    }

    /// The public keys, the newest first.
    pub(crate) fn public(&self) -> Vec<PublicKey> {
        let all = self.all();
        all.iter().map(|key| key.shown()).collect()
    }

    fn all(&self) -> Arc<Vec<Arc<OwnKey>>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OwnKey {
    fn open(seal: &Seal, stored: &Stored<'_>) -> Option<Self> {
        let seed = seal.open(stored.id, stored.sealed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key());
        Some(Self {
            id: stored.id.to_owned(),
            until: stored.until,
            verifies: DecodingKey::from_ed_components(&public).ok()?,
            public,
            signs: EncodingKey::from_ed_der(&[PKCS8.as_slice(), &seed].concat()),
            signer: SignerId::next(),
            known: Instant::now(),
        })
    }

    fn shown(&self) -> PublicKey {
        PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: self.id.clone(),
            x: self.public.clone(),
        }
    }
}

impl fmt::Debug for OwnKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnKeys(…)")
    }
}

/// Tells this use of the secret from all others.
const PURPOSE: &[u8] = b"campanile signing keys 1";

/// The private key of Ed25519 (RFC 8032).
const SEED_LEN: usize = 32;

/// The bytes before the seed in a private key of Ed25519 as PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Every hub looks for new keys twice a second.
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_with_its_secret_and_under_its_name_alone() {
        let seal = |text: &str| Seal::of(&Secret::parse(&text.repeat(32)).unwrap()).unwrap();
        let (id, sealed) = seal("a").new_key().unwrap();

        assert!(seal("a").open(&id, &sealed).is_some());
        assert!(seal("b").open(&id, &sealed).is_none());
        assert!(seal("a").open("other", &sealed).is_none());
        assert!(seal("a").open(&id, "AAAA").is_none());
    }
}
