//! Tokens as a site's back end signs them, and the bad ones an attacker would try.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::process::SECRET;

/// The claims of a token; `None` leaves a claim out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<u64>,
    pub(crate) iat: u64,
    pub(crate) jti: String,
}

impl Claims {
    /// Good for an hour.
    pub(crate) fn of(sub: &str, role: &str) -> Self {
        Self {
            sub: sub.to_owned(),
            role: Some(role.to_owned()),
            exp: Some(now() + 3600),
            iat: now(),
            jti: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Ended an hour ago, far beyond any leeway.
    pub(crate) fn expired(mut self) -> Self {
        self.exp = Some(now() - 3600);
        self.iat = now() - 7200;
        self
    }

    /// Good for so long.
    pub(crate) fn lasting(mut self, life: Duration) -> Self {
        self.exp = Some(now() + life.as_secs());
        self
    }

    /// Without the claim that must be there.
    pub(crate) fn without_expiry(mut self) -> Self {
        self.exp = None;
        self
    }

    /// With another role, or none.
    pub(crate) fn with_role(mut self, role: Option<&str>) -> Self {
        self.role = role.map(str::to_owned);
        self
    }
}

/// A token as it should be: HS256 and the shared secret.
pub(crate) fn sign(claims: &Claims) -> String {
    sign_with(claims, Algorithm::HS256, SECRET)
}

/// A token of another algorithm or another secret.
pub(crate) fn sign_with(claims: &Claims, algorithm: Algorithm, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("a token")
}

/// A token of the algorithm `none`.
pub(crate) fn unsigned(claims: &Claims) -> String {
    // {"alg":"none","typ":"JWT"}
    const HEADER: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let signed = sign(claims);
    let payload = signed.split('.').nth(1).expect("a payload");
    format!("{HEADER}.{payload}.")
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_secs()
}
