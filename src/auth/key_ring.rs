//! The API keys that this hub knows: all of them, in memory, so that a request with a key, good or bad, asks no database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::alarm::{ApiKey, Timestamp};
use crate::auth::TokenFault;
use crate::auth::hexadecimal::hexadecimal;

/// The keys. Cheap to clone; all clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct KeyRing(Arc<Shared>);

#[derive(Default)]
struct Shared {
    keys: RwLock<Keys>,
    /// The number of readings that began.
    readings: AtomicU64,
    /// The time at which a key that nobody knew last caused a reading.
    asked: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Keys {
    by_digest: HashMap<String, Arc<ApiKey>>,
    by_id: HashMap<String, Arc<ApiKey>>,
    /// The reading that these came from.
    reading: u64,
}

/// A reading of all keys that is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading(u64);

impl KeyRing {
    /// True for a text that is meant as an API key.
    pub(crate) fn is_key(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A new key, and its digest.
    pub(crate) fn new_key() -> (String, String) {
        let bytes: [u8; 32] = rand::random();
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let digest = digest(&key);
        (key, digest)
    }

    /// The key of a text, if it is good now.
    pub(crate) fn find(&self, text: &str) -> Result<Arc<ApiKey>, TokenFault> {
        if text.len() != KEY_BYTES {
            return Err(TokenFault::UnknownApiKey);
        }
        let digest = digest(text);
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.by_digest.get(&digest);
        let key = key.ok_or(TokenFault::UnknownApiKey)?;
        check(key)?;
        Ok(Arc::clone(key))
    }

    /// Checks the key of an id, which made a token at a time.
    pub(crate) fn check_maker(
        &self,
        id: &str,
        issued: Option<Timestamp>,
    ) -> Result<(), TokenFault> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.by_id.get(id).ok_or(TokenFault::KeyRevoked)?;
        check(key)?;
        if issued.is_none_or(|issued| issued <= key.tokens_valid_from) {
            return Err(TokenFault::KeyRevoked);
        }
        Ok(())
    }

    /// True if a stream of this key, or of a token that it made, may go on.
    pub(crate) fn holds(&self, id: &str) -> bool {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_id.get(id).is_some_and(|key| check(key).is_ok())
    }

    /// True at most once a second: a key that nobody knows may have been made at another hub a moment ago.
    pub(crate) fn may_ask(&self) -> bool {
        let now = Instant::now();
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|at| now.duration_since(at) >= ASK_EVERY);
        if may {
            *asked = Some(now);
        }
        may
    }

    /// Notes that a reading of all keys begins.
    pub(crate) fn reading(&self) -> Reading {
        Reading(self.0.readings.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Takes the keys of a reading; returns the ids of those that were revoked since the one before. A reading that another one which began
    /// later has overtaken changes nothing: every change is followed by a reading that begins after it.
    pub(crate) fn replace(&self, reading: Reading, found: Vec<ApiKey>) -> Vec<String> {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        if reading.0 <= keys.reading {
            return Vec::new();
        }
        let found: Vec<Arc<ApiKey>> = found.into_iter().map(Arc::new).collect();
        let good = found.iter().filter(|key| check(key).is_ok());
        let good: HashMap<&str, Timestamp> = good
            .map(|key| (key.id.as_str(), key.tokens_valid_from))
            .collect();
        // One that ran out by itself has ended its streams, and one that was revoked and enabled in between has lost its tokens.
        let stays = |key: &ApiKey| good.get(key.id.as_str()) == Some(&key.tokens_valid_from);
        let before = keys.by_id.values().filter(|key| check(key).is_ok());
        let ended = before.filter(|key| !stays(key));
        let ended: Vec<String> = ended.map(|key| key.id.clone()).collect();
        let by = |name: fn(&ApiKey) -> &String| {
            let pairs = found.iter().map(|key| (name(key).clone(), Arc::clone(key)));
            pairs.collect()
        };
        *keys = Keys {
            by_digest: by(|key| &key.digest),
            by_id: by(|key| &key.id),
            reading: reading.0,
        };
        ended
    }
}

fn check(key: &ApiKey) -> Result<(), TokenFault> {
    if key.revoked_at.is_some() {
        return Err(TokenFault::KeyRevoked);
    }
    if key.expires_at.is_some_and(|end| end <= Timestamp::now()) {
        return Err(TokenFault::KeyExpired);
    }
    Ok(())
}

/// A key is random, so that a fast digest is enough, and nobody learns a key by the time in which a digest is found.
fn digest(key: &str) -> String {
    hexadecimal(&Sha256::digest(key))
}

/// The beginning of every key, by which programs that look for leaked secrets know it.
const PREFIX: &str = "cmp_";

/// The beginning and 32 bytes in base64url.
const KEY_BYTES: usize = PREFIX.len() + 43;

/// A hub hears of a new key within half a second; this is for one that is used at once.
const ASK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Grant, KeyName};

    fn key(name: &str, digest: &str) -> ApiKey {
        ApiKey {
            id: name.to_owned(),
            name: KeyName::parse(name).unwrap(),
            digest: digest.to_owned(),
            grant: Grant::trusted("users", ""),
            created_at: Timestamp::now(),
            created_by: "admin".to_owned(),
            expires_at: None,
            revoked_at: None,
            tokens_valid_from: Timestamp::from_millis(0),
            last_used_at: None,
        }
    }

    #[test]
    fn a_reading_that_was_overtaken_revives_no_key() {
        let ring = KeyRing::default();
        let (text, digest) = KeyRing::new_key();
        ring.replace(ring.reading(), vec![key("shop", &digest)]);
        assert!(ring.find(&text).is_ok());

        let (slow, fast) = (ring.reading(), ring.reading());
        let revoked = ApiKey {
            revoked_at: Some(Timestamp::now()),
            ..key("shop", &digest)
        };
        assert_eq!(ring.replace(fast, vec![revoked]), ["shop"]);
        ring.replace(slow, vec![key("shop", &digest)]);

        assert_eq!(ring.find(&text).unwrap_err(), TokenFault::KeyRevoked);
        assert!(!ring.holds("shop"));
    }

    #[test]
    fn what_is_no_key_is_unknown_and_an_expired_one_is_told_so() {
        let ring = KeyRing::default();
        let (text, digest) = KeyRing::new_key();
        let expired = ApiKey {
            expires_at: Some(Timestamp::from_millis(1)),
            ..key("old", &digest)
        };
        ring.replace(ring.reading(), vec![expired]);

        assert_eq!(ring.find(&text).unwrap_err(), TokenFault::KeyExpired);
        for unknown in [
            "cmp_",
            &KeyRing::new_key().0,
            &format!("{text}="),
            &text[..46],
        ] {
            assert_eq!(ring.find(unknown).unwrap_err(), TokenFault::UnknownApiKey);
        }
        assert_eq!(text.len(), KEY_BYTES);
        assert!(ring.may_ask());
        assert!(!ring.may_ask(), "unknown keys cost one reading a second");
    }

    #[test]
    fn a_key_ends_once_and_also_if_it_was_enabled_again_before_anybody_looked() {
        let ring = KeyRing::default();
        let expired = || ApiKey {
            expires_at: Some(Timestamp::from_millis(1)),
            ..key("old", "a")
        };
        let shop = |valid_from| ApiKey {
            tokens_valid_from: Timestamp::from_millis(valid_from),
            ..key("shop", "b")
        };
        ring.replace(ring.reading(), vec![expired(), shop(0)]);

        let none: [&str; 0] = [];
        let again = |found| ring.replace(ring.reading(), found);
        assert_eq!(again(vec![expired(), shop(0)]), none);
        assert_eq!(again(vec![expired(), shop(5_000)]), ["shop"]);
        assert_eq!(again(vec![expired(), shop(5_000)]), none);
        assert_eq!(again(vec![]), ["shop"]);
    }

    #[test]
    fn a_token_ends_with_the_key_that_made_it() {
        let ring = KeyRing::default();
        let (_text, digest) = KeyRing::new_key();
        let enabled_again = ApiKey {
            tokens_valid_from: Timestamp::from_millis(5_000),
            ..key("shop", &digest)
        };
        ring.replace(ring.reading(), vec![enabled_again]);

        let check = |id, millis| ring.check_maker(id, Some(Timestamp::from_millis(millis)));
        assert!(check("shop", 5_001).is_ok());
        assert_eq!(check("shop", 5_000), Err(TokenFault::KeyRevoked));
        assert_eq!(check("gone", 5_001), Err(TokenFault::KeyRevoked));
        assert!(ring.check_maker("shop", None).is_err());
    }
}
