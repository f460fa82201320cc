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
    /// Those found good lately: whoever publishes a thousand times a second sends the same one each time.
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

/// The header and the claims of a token, whoever signed it, for the person who asks what is in it.
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::auth::Revocations;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens() -> Tokens {
        Tokens::new(&Secret::parse(SECRET).unwrap())
    }

    fn now() -> i64 {
        Timestamp::now().seconds()
    }

    fn good() -> Value {
        json!({"sub": "bob", "role": "user", "exp": now() + 60, "iat": now(), "jti": "1"})
    }

    /// A good token with some claims changed; `null` takes one away.
    fn with(changes: &Value) -> String {
        signed(&json!({"alg": "HS256", "typ": "JWT"}), changes)
    }

    fn signed(header: &Value, changes: &Value) -> String {
        let mut claims = good();
        for (name, value) in changes.as_object().unwrap() {
            let claims = claims.as_object_mut().unwrap();
            claims.remove(name);
            if !value.is_null() {
                claims.insert(name.clone(), value.clone());
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(&claims));
        let algorithm = match header["alg"].as_str() {
            Some("HS384") => Algorithm::HS384,
            Some("HS512") => Algorithm::HS512,
            _ => Algorithm::HS256,
        };
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn fault(token: &str) -> String {
        tokens().verify(token).unwrap_err().to_string()
    }

    #[test]
    fn a_token_says_who_it_was_issued_for_and_when_to_the_millisecond() {
        let bob = UserId::parse("bob").unwrap();

        let before = Timestamp::now();
        let issued = tokens()
            .issue(&bob, Role::User, Duration::from_secs(60))
            .unwrap();
        let claims = tokens().verify(&issued.token).unwrap();

        assert_eq!(
            (claims.subject.clone(), claims.role, claims.expires_at),
            (bob, Role::User, issued.expires_at)
        );
        let at = claims.issued_at.unwrap().millis() - before.millis();
        assert!((-1..1_000).contains(&at), "{at}");
    }

    #[test]
    fn claims_are_read_as_the_standard_has_them() {
        for changes in [
            json!({"exp": now() as f64 + 60.5, "iat": now() as f64 - 0.25, "nbf": now() as f64 + 0.5}),
            json!({"nbf": now() + 55, "iat": now() + 55}),
            json!({"iat": null}),
            json!({"jti": 7}),
            json!({"jti": {"a": [1, null, 1e300]}}),
            json!({"jti": null}),
            json!({"aud": ["a", "b"], "iss": "https://elsewhere.example", "scope": {}}),
            json!({"exp": 95_617_583_999_i64}),
        ] {
            let verified = tokens().verify(&with(&changes));
            assert!(verified.is_ok(), "{changes}: {verified:?}");
        }
        for algorithm in ["HS256", "HS384", "HS512"] {
            let token = signed(&json!({"alg": algorithm}), &json!({}));
            assert!(tokens().verify(&token).is_ok(), "{algorithm}");
        }
    }

    /// Each token is refused in the words beside it, and no two in the same.
    fn assert_told(refused: &[(String, &str)]) {
        let mut different = std::collections::HashSet::new();
        for (told, expected) in refused {
            assert!(told.contains(expected), "{told} / {expected}");
            assert!(different.insert((told, expected)), "{told}");
        }
    }

    #[test]
    fn each_mistake_of_form_and_header_has_its_own_words() {
        let none = json!({});
        let long = "x".repeat(5_000);
        let good = with(&none);
        let (signed_part, _) = good.rsplit_once('.').unwrap();
        assert_told(&[
            (
                fault(&format!("{signed_part}.{}", "A".repeat(43))),
                "the signature does not match",
            ),
            (
                fault(&signed(&json!({"alg": "RS512"}), &none)),
                "signed with RS512; this hub's secret allows HS256, HS384, HS512",
            ),
            (fault(&signed(&json!({"alg": "none"}), &none)), "not signed"),
            (fault(&signed(&json!({"typ": "JWT"}), &none)), "no `alg`"),
            (
                fault(&signed(
                    &json!({"alg": "HS256", "crit": ["urn:x"], "urn:x": 1}),
                    &none,
                )),
                "`crit`",
            ),
            (
                fault(&signed(&json!({"alg": "HS256", "b64": false}), &none)),
                "`b64`",
            ),
            (
                fault("garbage"),
                "not a JWT: expected three parts with dots between them, found 1",
            ),
            (fault("a.b.c.d.e"), "encrypted"),
            (fault("!.b.c"), "the header is not base64url"),
            (fault("YQ.b.c"), "the header is not a JSON object"),
            (
                fault(&with(&json!({"padding": long}))),
                "at most 4096 are taken",
            ),
        ]);
    }

    #[test]
    fn each_mistake_of_a_claim_has_its_own_words() {
        assert_told(&[
            (fault(&with(&json!({"exp": now() - 5}))), "expired "),
            (fault(&with(&json!({"exp": null}))), "no claim `exp`"),
            (fault(&with(&json!({"role": null}))), "no claim `role`"),
            (fault(&with(&json!({"sub": null}))), "no claim `sub`"),
            (
                fault(&with(&json!({"sub": "a b"}))),
                "claim `sub`: a user id",
            ),
            (
                fault(&with(&json!({"sub": 7}))),
                "claim `sub` is not a string",
            ),
            (
                fault(&with(&json!({"role": "boss"}))),
                "claim `role` is boss",
            ),
            (
                fault(&with(&json!({"exp": "soon"}))),
                "claim `exp` is not a number",
            ),
            (
                fault(&with(&json!({"exp": (now() + 60) * 1_000}))),
                "beyond the year 5000",
            ),
            (
                fault(&with(&json!({"exp": 1e300}))),
                "claim `exp` is beyond",
            ),
            (fault(&with(&json!({"nbf": now() + 70}))), "claim `nbf`"),
            (fault(&with(&json!({"iat": now() + 70}))), "claim `iat`"),
        ]);
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
            issued_at: Some(issued.expires_at),
            token_id: "1".to_owned(),
            former_id: None,
        };
        tokens.good().keep(issued.token.clone(), Arc::new(ended));

        assert!(tokens.verify(&issued.token).is_err());
        assert!(tokens.good().find(&issued.token).is_none());
    }

    #[test]
    fn a_revocation_names_one_token_and_those_of_earlier_versions_hold() {
        let id = |changes: &Value| tokens().verify(&with(changes)).unwrap().token_id.clone();
        let different = [
            id(&json!({"jti": "b:c", "sub": "a"})),
            id(&json!({"jti": "c", "sub": "a:b"})),
            id(&json!({"jti": 7})),
            id(&json!({"jti": "7"})),
            id(&json!({"jti": "7", "iss": "x"})),
            id(&json!({"jti": null})),
        ];
        let distinct: std::collections::HashSet<&String> = different.iter().collect();
        assert_eq!(distinct.len(), different.len());

        let end = Timestamp::now().plus(Duration::from_secs(60));
        let revocations = Revocations::new(vec![("bob:1".to_owned(), end)]);
        let of = |changes: &Value| tokens().verify(&with(changes)).unwrap();
        assert!(revocations.contain(&of(&json!({}))));
        assert!(!revocations.contain(&of(&json!({"jti": "2"}))));
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

            let says_the_same = before.to_string() == other;
            prop_assert!(says_the_same || tokens().verify(&changed).is_err());
        }
    }
}
