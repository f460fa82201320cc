//! Tokens of version 1.0, and where they come from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::hub::{
    AUDIENCE, DETAIL, Hub, KEY, answer, claims, now, outcome, sign, sign_1, status, strict, token,
};

use crate::support::AppBuilder;

/// A good token with a header of its own, and with more claims as they are written.
fn with_header(header: &Value, more: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = claims(&["*"], &["*"]).to_string();
    let claims = format!("{}{more}}}", claims.strip_suffix('}').unwrap());
    let message = format!("{}.{}", part(&header.to_string()), part(&claims));
    let key = EncodingKey::from_secret(KEY.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

#[tokio::test]
async fn a_token_that_breaks_a_rule_is_refused() {
    let hub = Hub::version_1().await;
    let topics =
        |topics: Value| detail(json!({"type": DETAIL, "actions": ["subscribe"], "topics": topics}));
    let many: Vec<Value> = (0..101).map(|n| json!({"match": n.to_string()})).collect();
    let details: Vec<Value> = (0..101)
        .map(|n| json!({"type": DETAIL, "actions": ["publish"], "topics": [{"match": n.to_string()}]}))
        .collect();
    let mut bad = vec![
        change("iss", json!("https://evil.example")),
        change("iss", Value::Null),
        change("aud", json!("https://other.example/.well-known/mercure")),
        change("aud", Value::Null),
        change("exp", Value::Null),
        change("exp", json!(now() - 10)),
        change("nbf", json!(now() + 1_000)),
        change("authorization_details", json!(details)),
        sign("JWT", &claims(&["*"], &["*"]), KEY),
        sign(
            "at+jwt",
            &claims(&["*"], &["*"]),
            "another key, which is as long as it has to be",
        ),
        detail(json!({"type": DETAIL, "actions": [], "topics": [{"match": "a"}]})),
        detail(json!({"type": DETAIL, "actions": [1], "topics": [{"match": "a"}]})),
        topics(json!([])),
        topics(json!(["a"])),
        topics(json!([null])),
        topics(json!([{"match": ""}])),
        topics(json!([{"match_type": "exact"}])),
        topics(json!([{"match": "a", "match_type": "Exact"}])),
        topics(json!([{"match": "{", "match_type": "urlpattern"}])),
        topics(json!([{"match": "a\n"}])),
        topics(json!(many)),
        // {"alg":"none","typ":"at+jwt"}
        format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.",
            middle(&token(&["*"], &[]))
        ),
        "x".repeat(50),
    ];
    if hub.is_ours() {
        // Beyond what the reference hub checks: a time in milliseconds, and a header that has to be understood (RFC 7515).
        bad.push(change("exp", json!((now() + 600) * 1_000)));
        for (name, value) in [("b64", json!(false)), ("crit", json!(["urn:x"]))] {
            let header = json!({"alg": "HS256", "typ": "at+jwt", name: value});
            bad.push(with_header(&header, ""));
        }
    }
    for one in &bad {
        let refused = answer(hub.get("match=a").bearer_auth(one)).await;
        assert_eq!(refused.status(), 401, "{one}");
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert_eq!(refused.text().await.unwrap(), "Unauthorized\n");
        assert_eq!(status(hub.post(one, &[("topic", "a")])).await, 401, "{one}");
    }
}

#[tokio::test]
async fn what_the_hub_does_not_know_of_a_token_it_ignores() {
    let hub = Hub::version_1().await;
    let mut good = vec![
        change("aud", json!([AUDIENCE, "another"])),
        sign("application/AT+JWT", &claims(&["*"], &["*"]), KEY),
        detail(json!({"type": "other", "actions": 7})),
        detail(
            json!({"type": DETAIL, "actions": ["subscribe", "dance"], "topics": [{"match": "a"}]}),
        ),
        change("authorization_details", Value::Null),
        change("exp", json!(now() as f64 + 600.5)),
        // A field that cannot be read voids no other.
        with_header(
            &json!({"alg": "HS256", "typ": "at+jwt", "kid": 7}),
            r#","name":"\ud83d","score":1e999"#,
        ),
    ];
    if hub.is_ours() {
        // The clocks of ours and of the issuer may differ by a minute.
        good.push(change("nbf", json!(now() + 50)));
    }
    for one in &good {
        assert_eq!(
            status(hub.get("match=a").bearer_auth(one)).await,
            200,
            "{one}"
        );
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_header_or_the_cookie() {
    let hub = Hub::version_1().await;
    let good = token(&["*"], &["*"]);
    let with = |value: String| hub.get("match=a").header("authorization", value);

    assert_eq!(status(with(format!("bearer {good}"))).await, 200);
    for malformed in [
        "Bearer short".to_owned(),
        format!("Basic {good}"),
        good.clone(),
    ] {
        let refused = answer(with(malformed)).await;
        assert_eq!(refused.status(), 400);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{challenge}"
        );
    }
    let twice = with(format!("Bearer {good}")).header("authorization", format!("Bearer {good}"));
    assert_eq!(status(twice).await, 400);

    let cookie = |name: &str| {
        hub.get("match=a")
            .header("cookie", format!("{name}={good}"))
    };
    assert_eq!(status(cookie("__Secure-mercure_access_token")).await, 200);
    assert_eq!(
        status(cookie("mercureAuthorization")).await,
        401,
        "of version 0"
    );
    for name in ["authorization", "access_token"] {
        let in_query = hub.get(&format!("match=a&{name}={good}"));
        assert_eq!(status(in_query).await, 401, "{name}");
    }
    let both = cookie("__Secure-mercure_access_token").bearer_auth("x".repeat(50));
    assert_eq!(status(both).await, 401, "the header counts, even a bad one");

    let (code, text) = outcome(hub.get("match=a")).await;
    assert_eq!((code, text.as_str()), (401, "Unauthorized\n"));
    let refused = answer(hub.get("match=a")).await;
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer resource_metadata=\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_public_key_checks_tokens_of_its_algorithm_only() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let public = pair.public_key_pem();
    let settings = AppBuilder::default()
        .env("MERCURE_PUBLISHER_JWT_KEY", &public)
        .env("MERCURE_PUBLISHER_JWT_ALG", "ES256");
    let hub = Hub::ours(settings).await;
    let claims = json!({"mercure": {"publish": ["*"]}});
    let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let good = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &private).unwrap();

    assert_eq!(status(hub.post(&good, &[("topic", "a")])).await, 200);
    for key in [public.trim(), &public, KEY] {
        let forged = sign("JWT", &claims, key);
        assert_eq!(status(hub.post(&forged, &[("topic", "a")])).await, 401);
    }
}

/// A key in the head of a token is not one that the hub trusts.
#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_used() {
    let hub = Hub::version_1().await;
    let own = "a key of the attacker's own, as long as it must be";
    let claims = claims(&["*"], &["*"]);
    let mut tokens = Vec::new();
    for name in ["jwk", "jku", "x5u", "kid"] {
        let mut head = json!({"alg": "HS256", "typ": "at+jwt"});
        head[name] = match name {
            "jwk" => json!({"kty": "oct", "k": base64url(own.as_bytes())}),
            "kid" => json!("../../dev/null"),
            _ => json!("https://evil.example/keys"),
        };
        let text = |value: &Value| base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", text(&head), text(&claims));
        for (key, is_good) in [(own, false), (KEY, true)] {
            let key = EncodingKey::from_secret(key.as_bytes());
            let tag = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256);
            tokens.push((format!("{signed}.{}", tag.unwrap()), is_good, name));
        }
    }

    for (token, is_good, name) in tokens {
        let wanted = if is_good { 200 } else { 401 };
        let got = status(hub.get("match=a").bearer_auth(&token)).await;
        assert_eq!(got, wanted, "{name}");
    }
}

fn base64url(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes)
}

fn middle(token: &str) -> &str {
    token.split('.').nth(1).unwrap()
}

/// A token with another value of a claim, or without the claim.
fn change(name: &str, value: Value) -> String {
    let mut changed = claims(&["*"], &["*"]);
    match value {
        Value::Null => _ = changed.as_object_mut().unwrap().remove(name),
        value => changed[name] = value,
    }
    sign_1(&changed)
}

/// A token with one entry.
fn detail(detail: Value) -> String {
    change("authorization_details", json!([detail]))
}

/// The names of a token are kept with what it publishes and in the list of streams.
#[tokio::test]
async fn a_token_whose_sub_or_jti_cannot_be_kept_is_refused() {
    let hub = Hub::ours(strict()).await;
    let long = "x".repeat(1_021);

    for name in ["sub", "jti"] {
        for value in ["a\u{0}", "a\u{202E}b", &long] {
            let mut claims = claims(&["a"], &["a"]);
            claims[name] = json!(value);
            let refused = hub.post(&sign_1(&claims), &[("topic", "a")]);
            assert_eq!(status(refused).await, 401, "{name}");
        }
    }
    let mut good = claims(&["a"], &["a"]);
    good["sub"] = json!("x".repeat(1_020));
    assert_eq!(
        status(hub.post(&sign_1(&good), &[("topic", "a")])).await,
        200
    );
}
