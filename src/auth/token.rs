//! JSON Web Tokens (RFC 7519), HS256 and nothing else.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::alarm::{InvalidValue, Role, Timestamp, UserId};
use crate::recent::Recent;

/// The key tokens are signed with: at least 32 bytes, never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

/// What a good token says.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// Who it speaks for.
    pub subject: UserId,
    /// What he may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was issued, in whole seconds; an unknown time counts as long ago.
    pub issued_at: Timestamp,
    /// Its `jti`, or a digest of it: what a revocation names.
    pub token_id: String,
}

/// A signed token and its end.
#[derive(Debug, Clone)]
pub(crate) struct NewToken {
    /// The compact form.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The token is not one of ours, or its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is invalid or expired")]
pub(crate) struct InvalidToken;

/// Signs and checks tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    /// Those found good lately: whoever publishes a thousand times a second sends the same one each time.
    good: Mutex<Recent<String, Arc<Claims>>>,
}

/// The tokens revoked before their end, held in memory: there are as many as people who logged out of late.
#[derive(Debug, Default)]
pub(crate) struct Revocations(RwLock<HashMap<String, Timestamp>>);

impl Secret {
    /// Takes a secret of 32 bytes or more.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.len() < LEAST_SECRET_BYTES {
            return Err(InvalidValue::Secret);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Makes a new one, as 64 hexadecimal digits.
    pub(crate) fn random() -> String {
        let bytes: [u8; 32] = rand::random();
        hexadecimal(&bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Tokens {
    /// Tokens signed with `secret`.
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            encoding: EncodingKey::from_secret(&secret.0),
            decoding: DecodingKey::from_secret(&secret.0),
            validation,
            good: Mutex::new(Recent::of(A_GENERATION)),
        }
    }

    /// Signs a token.
    pub(crate) fn issue(
        &self,
        subject: &UserId,
        role: Role,
        life: Duration,
    ) -> Result<NewToken, InvalidToken> {
        let now = Timestamp::now();
        // Whole seconds, rounded down: what is told of the end is what the token says.
        let expires_at = Timestamp::from_seconds(now.plus(life).seconds());
        let claims = Wire {
            sub: subject.clone(),
            role,
            exp: expires_at.seconds(),
            iat: Some(now.seconds()),
            jti: Some(Uuid::new_v4().to_string()),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        Ok(NewToken {
            token: token.map_err(|_cause| InvalidToken)?,
            expires_at,
        })
    }

    /// Checks signature, algorithm and times. What cannot change of a token is checked once.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Claims>, InvalidToken> {
        let known = self.good().find(token).cloned();
        let claims = match known {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.decode(token)?);
                self.good().keep(token.to_owned(), Arc::clone(&claims));
                claims
            }
        };
        // The library lets the second of the end itself pass; "on or after" it must not (RFC 7519, section 4.1.4).
        if claims.expires_at <= Timestamp::now() {
            self.good().forget(token);
            return Err(InvalidToken);
        }
        Ok(claims)
    }

    fn decode(&self, token: &str) -> Result<Claims, InvalidToken> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let decoded = jsonwebtoken::decode::<Wire>(token, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_cause| InvalidToken)?.claims;
        // A back end that shares the secret numbers its tokens as it likes: two users' may have one `jti`.
        let token_id = match &claims.jti {
            Some(jti) => format!("{}:{jti}", claims.sub),
            None => hexadecimal(&Sha256::digest(token)),
        };
        Ok(Claims {
            subject: claims.sub,
            role: claims.role,
            expires_at: Timestamp::from_seconds(claims.exp),
            issued_at: Timestamp::from_seconds(claims.iat.unwrap_or(0)),
            token_id,
        })
    }

    fn good(&self) -> MutexGuard<'_, Recent<String, Arc<Claims>>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revocations {
    /// Starts with those the store remembers.
    pub(crate) fn new(known: Vec<(String, Timestamp)>) -> Self {
        Self(RwLock::new(known.into_iter().collect()))
    }

    /// Whether a token was revoked.
    pub(crate) fn contains(&self, token_id: &str) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(token_id)
    }

    /// Revokes a token, and forgets those that ended by themselves.
    pub(crate) fn add(&self, token_id: String, expires_at: Timestamp) {
        let now = Timestamp::now();
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_id, end| *end > now);
        revoked.insert(token_id, expires_at);
    }
}

/// The claims as they are signed. Others are allowed and ignored: RFC 7519, section 4.
#[derive(Serialize, Deserialize)]
struct Wire {
    sub: UserId,
    role: Role,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    jti: Option<String>,
}

/// Bytes as lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _done = write!(text, "{byte:02x}");
            text
        })
}

/// Those who call again and again are few; a crowd that comes once each must not fill the memory.
const A_GENERATION: usize = 256;

/// The size of an HS256 key, below which guessing it becomes the cheaper attack (RFC 7518, section 3.2).
const LEAST_SECRET_BYTES: usize = 32;

/// Ours take 250; the rest is room for claims of others.
const MOST_TOKEN_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(&Secret::parse("0123456789abcdef0123456789abcdef").unwrap())
    }

    #[test]
    fn a_token_says_who_it_was_issued_for() {
        let bob = UserId::parse("bob").unwrap();

        let issued = tokens()
            .issue(&bob, Role::User, Duration::from_secs(60))
            .unwrap();
        let claims = tokens().verify(&issued.token).unwrap();

        assert_eq!(
            (claims.subject.clone(), claims.role, claims.expires_at),
            (bob, Role::User, issued.expires_at)
        );
    }

    #[test]
    fn a_token_that_was_good_is_refused_at_its_end() {
        let bob = UserId::parse("bob").unwrap();
        let tokens = tokens();
        let issued = tokens.issue(&bob, Role::User, Duration::ZERO).unwrap();
        let ended = Claims {
            subject: bob,
            role: Role::User,
            expires_at: issued.expires_at,
            issued_at: issued.expires_at,
            token_id: "1".to_owned(),
        };
        tokens.good().keep(issued.token.clone(), Arc::new(ended));

        assert!(tokens.verify(&issued.token).is_err());
        assert!(tokens.good().find(&issued.token).is_none());
    }

    #[test]
    fn a_token_without_exp_is_refused() {
        let claims = serde_json::json!({"sub": "bob", "role": "user"});
        let key = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");

        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();

        assert!(tokens().verify(&token).is_err());
    }

    #[test]
    fn a_short_secret_is_refused_and_a_good_one_never_shown() {
        assert!(Secret::parse("short").is_err());

        let secret = Secret::parse(&Secret::random()).unwrap();

        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    proptest! {
        #[test]
        fn properties_nonsense_is_no_token(text in "\\PC{0,200}|[A-Za-z0-9_.-]{0,300}") {
            prop_assert!(tokens().verify(&text).is_err());
        }

        #[test]
        fn properties_a_token_with_one_character_changed_is_refused(at in 0..200_usize, other in "[A-Za-z0-9_-]") {
            let bob = UserId::parse("bob").unwrap();
            let token = tokens().issue(&bob, Role::User, Duration::from_secs(60)).unwrap().token;
            let mut changed: Vec<char> = token.chars().collect();
            let at = at % changed.len();
            let before = std::mem::replace(&mut changed[at], other.chars().next().unwrap());
            let changed: String = changed.into_iter().collect();

            // The last character of a signature has bits that mean nothing.
            let says_the_same = before.to_string() == other || at + 1 == token.len();
            prop_assert!(says_the_same || tokens().verify(&changed).is_err());
        }
    }
}
