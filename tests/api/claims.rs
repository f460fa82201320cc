//! Tokens as the libraries of other languages make them, and the reason that a refused one is told.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::support::{SECRET, TestApp};

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A good token of Bob's with some claims changed; `null` takes one away.
fn token(header: &Value, changes: &Value) -> String {
    let mut claims = json!({
        "sub": "bob", "role": "user", "exp": now() + 600, "iat": now(),
        "jti": uuid::Uuid::new_v4().to_string()
    });
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        claims.remove(name);
        if !value.is_null() {
            claims.insert(name.clone(), value.clone());
        }
    }
    signed(header, &claims.to_string())
}

/// A token with the claims as they are written.
fn signed(header: &Value, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(&header.to_string()), part(claims));
    let algorithm = match header["alg"].as_str() {
        Some("HS384") => Algorithm::HS384,
        Some("HS512") => Algorithm::HS512,
        _ => Algorithm::HS256,
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn hs256(changes: &Value) -> String {
    token(&json!({"alg": "HS256", "typ": "JWT"}), changes)
}

#[tokio::test]
async fn a_token_of_another_library_is_taken_as_the_standard_has_it() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    for algorithm in ["HS256", "HS384", "HS512"] {
        let token = token(&json!({"alg": algorithm}), &json!({}));
        answer(app.get(&token, "/api/auth/me"), 200).await;
    }
    let seconds = now() as f64;
    for changes in [
        json!({"exp": seconds + 600.25, "iat": seconds - 0.75, "nbf": seconds - 0.5}),
        json!({"nbf": now() + 50, "iat": now() + 50}),
        json!({"iat": null}),
        json!({"jti": 7}),
        json!({"jti": [1, {"a": null}]}),
        json!({"jti": null, "iss": "https://elsewhere.example", "aud": "hub", "more": {}}),
    ] {
        eprintln!("{changes}");
        let token = hs256(&changes);
        let mut stream = app.connected(&token, "/api/stream").await;
        answer(app.post(&token, "/api/auth/logout"), 204).await;
        stream.bye("logout", crate::support::DEADLINE).await;
        refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn each_mistake_has_its_own_answer_and_its_line_in_the_log() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let none = json!({});
    let good = hs256(&none);
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(43));
    let (mut answers, mut tokens) = (HashSet::new(), Vec::new());
    for (token, told) in [
        (forged, "the signature does not match"),
        (
            token(&json!({"alg": "RS512"}), &none),
            "signed with RS512; this hub's secret allows HS256, HS384, HS512",
        ),
        (token(&json!({"alg": "none"}), &none), "not signed"),
        (
            token(
                &json!({"alg": "HS256", "crit": ["urn:x"], "urn:x": 1}),
                &none,
            ),
            "`crit`",
        ),
        (
            token(&json!({"alg": "HS256", "b64": false}), &none),
            "`b64`",
        ),
        (hs256(&json!({"exp": now() - 5})), "expired "),
        (hs256(&json!({"exp": null})), "no claim `exp`"),
        (hs256(&json!({"role": null})), "no claim `role`"),
        (hs256(&json!({"sub": null})), "no claim `sub`"),
        (hs256(&json!({"role": "boss"})), "claim `role` is boss"),
        (
            hs256(&json!({"exp": (now() + 600) * 1_000})),
            "beyond the year 5000",
        ),
        (hs256(&json!({"nbf": now() + 90})), "claim `nbf`"),
        (hs256(&json!({"iat": now() + 90})), "claim `iat`"),
        (
            hs256(&json!({"padding": "x".repeat(4_096)})),
            "at most 4096 are taken",
        ),
        ("garbage".to_owned(), "not a JWT"),
    ] {
        let problem = refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
        let detail = problem["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{detail}");
        app.wait_for_log(told).await;
        answers.insert(detail);
        tokens.push(token);
    }
    assert_eq!(answers.len(), tokens.len());
    for token in tokens.iter().filter(|token| token.contains('.')) {
        assert!(!app.log().contains(token), "no token in the log");
    }
}

/// Claims beside `sub` and `role` that cannot be read or do not hold, and the words that name the rule.
fn odd_claims() -> Vec<(String, &'static str)> {
    let end = now() + 600;
    let deep = ["[".repeat(200), "]".repeat(200)].concat();
    vec![
        (
            r#""exp":1e400"#.to_owned(),
            "claim `exp` is a number beyond",
        ),
        (
            format!(r#""exp":{end},"nbf":-1e999"#),
            "claim `nbf` is a number beyond",
        ),
        (
            format!(r#""exp":{end},"iat":1e400"#),
            "claim `iat` is a number beyond",
        ),
        (
            format!(r#""exp":{end},"exp":1"#),
            "claim `exp` is given twice",
        ),
        (
            format!(r#""exp":{end},"sub":"eve""#),
            "claim `sub` is given twice",
        ),
        (
            format!(r#""exp":{end},"nbf":"\ud800""#),
            "claim `nbf` has an escape that is half of a character",
        ),
        (
            format!(r#""exp":{end},"iat":{deep}"#),
            "claim `iat` is nested",
        ),
        (
            format!(r#""exp":{end},"#),
            "the claims part is not a JSON object",
        ),
        (r#""exp":-9223372036854775808"#.to_owned(), "expired "),
        (r#""exp":-1e300"#.to_owned(), "expired "),
        (
            format!(r#""exp":{end},"iat":9223372036854775807"#),
            "in the future",
        ),
        (
            format!(r#""exp":{end},"campanile_key":5"#),
            "claim `campanile_key` is not a string",
        ),
    ]
}

#[tokio::test]
async fn a_claim_that_common_readers_cannot_read_is_named_with_its_rule() {
    let app = TestApp::spawn().await;
    app.user("bob").await;

    for (claims, told) in odd_claims() {
        let claims = format!(r#"{{"sub":"bob","role":"user",{claims}}}"#);
        let token = signed(&json!({"alg": "HS256"}), &claims);
        let problem = refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{claims}: {detail}");
    }
}

#[tokio::test]
async fn what_the_hub_does_not_use_of_a_token_voids_nothing() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let end = now() + 600;
    let message = |header: &str, claims: &str| {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", part(header), part(claims));
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let algorithm = Algorithm::HS256;
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        format!("{message}.{signature}")
    };
    let claims = format!(r#"{{"sub":"bob","role":"user","exp":{end},"x":1e999}}"#);
    for member in [r#""x":1e999"#, r#""x":"\ud83d""#] {
        let token = message(&format!(r#"{{"alg":"HS256",{member}}}"#), &claims);
        answer(app.get(&token, "/api/auth/me"), 200).await;
    }
    let list = format!(r#"["bob","user",{end},null,null,null,null,null]"#);
    let token = message(r#"{"alg":"HS256"}"#, &list);
    refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
    let token = message(r#"{"alg":"HS256","crit":1e999}"#, &claims);
    refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
    let two = app.get(&bob, "/api/auth/me").bearer_auth(hs256(&json!({})));
    let problem = refusal(two, 401, "invalid_token").await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("several tokens")
    );
}

#[tokio::test]
async fn a_token_without_the_time_of_its_issue_is_judged_by_its_role() {
    let app = TestApp::spawn().await;
    app.user("bob").await;
    let change = |role: &str| {
        let put = app.put(&app.admin(), "/api/users/bob");
        put.json(&json!({"role": role}))
    };
    let timeless = |role: &str| hs256(&json!({"iat": null, "role": role}));
    let former = hs256(&json!({"iat": now() - 10}));
    answer(app.get(&timeless("user"), "/api/auth/me"), 200).await;

    answer(change("admin"), 200).await;
    refusal(
        app.get(&timeless("user"), "/api/auth/me"),
        401,
        "invalid_token",
    )
    .await;
    answer(app.get(&timeless("admin"), "/api/auth/me"), 200).await;
    refusal(app.get(&former, "/api/auth/me"), 401, "invalid_token").await;

    answer(change("user"), 200).await;
    answer(app.get(&timeless("user"), "/api/auth/me"), 200).await;
    refusal(app.get(&former, "/api/auth/me"), 401, "invalid_token").await;
}

#[tokio::test]
async fn a_token_given_right_after_a_change_of_role_is_good() {
    let app = TestApp::spawn().await;
    let password = "correct horse battery";
    app.sign_up("bob", password).await;
    for role in ["admin", "user", "admin"] {
        let put = app.put(&app.admin(), "/api/users/bob");
        answer(put.json(&json!({"role": role})), 200).await;
        let session = answer(crate::signing_in::login(&app, "bob", password), 200).await;
        let token = session["token"].as_str().unwrap();
        answer(app.get(token, "/api/auth/me"), 200).await;
    }
}
