//! Tokens as the standard has them, and the words for each mistake.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::Revocations;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn tokens() -> Tokens {
    Tokens::new(&Secret::parse(SECRET).unwrap(), Issuers::default())
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
        made_by_key: None,
        subject: bob,
        role: Role::User,
        expires_at: issued.expires_at,
        issued_at: Some(issued.expires_at),
        token_id: "1".to_owned(),
        former_id: None,
        issuer: None,
        signer: SignerId::SHARED_SECRET,
    };
    tokens
        .good()
        .tokens
        .keep(issued.token.clone(), Arc::new(ended));

    assert!(tokens.verify(&issued.token).is_err());
    assert!(tokens.good().tokens.find(&issued.token).is_none());
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
