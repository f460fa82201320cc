//! Passwords: argon2id off the async workers, at most as many at once as there are cores.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::Semaphore;

use crate::alarm::{self, InvalidValue};

/// Hashes and verifies passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// Verified when there is no account, so that the answer takes the same time.
    decoy: Arc<str>,
}

impl Passwords {
    /// Blocks for one hash; called once, before serving.
    pub(crate) fn new() -> Result<Self, PasswordError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let decoy = hash_now(&random_password())?.into();
        Ok(Self {
            permits: Arc::new(Semaphore::new(cores)),
            decoy,
        })
    }

    /// The PHC string of a password: 8 to 256 characters, in the form that is the same on every keyboard.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let password = alarm::password(&password).ok_or(InvalidValue::PasswordCharacters)?;
        check_length(&password)?;
        self.run(move || hash_now(&password)).await?
    }

    /// True if a password is the one of a PHC string; without one, never, in the same time. Hashes of earlier versions are of
    /// passwords as they were typed.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let formed = alarm::password(&password).filter(|formed| *formed != password);
        let matches = self.run(move || {
            formed.is_some_and(|formed| verify_now(&formed, &hash)) || verify_now(&password, &hash)
        });
        let matches = matches.await?;
        Ok(known && matches)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.permits).acquire_owned());
        let permit = turn.await.map_err(|_elapsed| PasswordError::Busy)?;
        let permit = permit.map_err(|_closed| PasswordError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|_panicked| PasswordError::Busy)
    }
}

/// Why a password was neither hashed nor verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It cannot be one.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// Too many others are waiting for theirs.
    #[error("too many passwords are being checked; try again")]
    Busy,
    /// A fault of the hashing itself.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

/// A generated password: 24 letters and digits, 142 random bits.
pub(crate) fn random_password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 24)
}

fn check_length(password: &str) -> Result<(), InvalidValue> {
    match password.chars().count() {
        8..=256 => Ok(()),
        _ => Err(InvalidValue::Password),
    }
}

fn hash_now(password: &str) -> Result<String, PasswordError> {
    let hash = hasher()?.hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|cause| PasswordError::Failed(cause.to_string()))
}

fn verify_now(password: &str, hash: &str) -> bool {
    let (Ok(hash), Ok(hasher)) = (PasswordHash::new(hash), hasher()) else {
        return false;
    };
    hasher.verify_password(password.as_bytes(), &hash).is_ok()
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|cause| PasswordError::Failed(cause.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The maximum wait for a turn; a request that waits longer is refused.
const TURN_WITHIN: Duration = Duration::from_secs(5);

// The least that OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_matches_only_its_password() {
        let hash = hash_now("correct horse").unwrap();

        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify_now("correct horse", &hash));
        assert!(!verify_now("wrong horse", &hash));
    }
}
