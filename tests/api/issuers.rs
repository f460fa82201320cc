//! Tokens of other issuers: the accounts they may speak for, their roles and their revocation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::provider::Pair;
use crate::support::{AppBuilder, Claims, DEADLINE, TestApp, sign, until};

pub(crate) fn now() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1_000.0
}

/// Good claims of an issuer for Ann with some changed; `null` takes one away.
pub(crate) fn claims(issuer: &str, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer, "sub": "auth0|ann", "aud": "hub", "exp": now() + 600.5, "iat": now() - 0.5,
        "jti": uuid::Uuid::new_v4().to_string(), "role": "admin",
    });
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        claims.remove(name);
        if !value.is_null() {
            claims.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// The entry of an issuer with these lines.
pub(crate) fn entry(issuer: &str, lines: &str) -> String {
    format!("[[issuer]]\nissuer = \"{issuer}\"\naudience = [\"hub\", \"other\"]\n{lines}\n\n")
}

/// A hub with these issuers, once it knows their keys.
pub(crate) async fn hub(file: String, embedded: bool) -> TestApp {
    let builder = AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", file);
    let builder = if embedded {
        builder.embedded()
    } else {
        builder
    };
    builder.spawn().await
}

/// Waits until the hub takes a token.
pub(crate) async fn wait_until_taken(app: &TestApp, token: &str) {
    until("the token is taken", DEADLINE, async || {
        let answer = app.get(token, "/api/auth/me").send().await.unwrap();
        answer.status().is_success().then_some(())
    })
    .await;
}

/// A hub with two issuers, `first` and `second`, that share a key; and the key.
pub(crate) async fn two_issuers(first: &str) -> (TestApp, Pair) {
    let pair = Pair::of(Algorithm::EdDSA, "k");
    let key = "pem = \"key.pem\"\nalgorithms = [\"EdDSA\"]";
    let file = [
        entry("first", &format!("{key}\ncreate_users = true\n{first}")),
        entry("second", &format!("{key}\ncreate_users = true")),
        entry("linked", &format!("{key}\nlink = true")),
    ];
    let app = AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", file.concat())
        .file("key.pem", pair.pem.clone())
        .spawn()
        .await;
    (app, pair)
}

#[tokio::test]
async fn an_issuer_speaks_for_the_accounts_it_made_and_for_no_others() {
    let (app, pair) = two_issuers("").await;
    let token = |issuer: &str, user: &str| {
        pair.sign(Algorithm::EdDSA, &claims(issuer, &json!({"sub": user})))
    };
    app.sign_up("alice", "the password of alice").await;
    app.user("bob").await;
    app.user("carol").await;
    let promoted = json!({"role": "service"});
    answer(
        app.put(&app.admin(), "/api/users/carol").json(&promoted),
        200,
    )
    .await;
    let view = answer(app.get(&token("first", "auth0|ann"), "/api/auth/me"), 200).await;
    assert_eq!(
        (&view["id"], &view["role"]),
        (&json!("auth0|ann"), &json!("user"))
    );
    for (issuer, user, code) in [
        ("second", "auth0|ann", "wrong_issuer"),
        ("first", "alice", "wrong_issuer"),
        ("first", "carol", "wrong_issuer"),
        ("first", "admin", "wrong_issuer"),
        ("linked", "dora", "unknown_user"),
    ] {
        eprintln!("{issuer} {user}");
        refusal(app.get(&token(issuer, user), "/api/auth/me"), 401, code).await;
    }
    for (issuer, user) in [
        ("first", "bob"),
        ("linked", "auth0|ann"),
        ("linked", "alice"),
        ("linked", "admin"),
    ] {
        let view = answer(app.get(&token(issuer, user), "/api/auth/me"), 200).await;
        assert_eq!((&view["id"], &view["role"]), (&json!(user), &json!("user")));
    }
    let ours = sign(&Claims::of("auth0|ann", "user"));
    answer(app.get(&ours, "/api/auth/me"), 200).await;
    let stranger = token("third", "auth0|ann");
    let told = refusal(app.get(&stranger, "/api/auth/me"), 401, "invalid_token").await;
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("signed with EdDSA"),
        "{told}"
    );
}

#[tokio::test]
async fn groups_are_roles_by_the_rule_and_a_session_is_revoked_by_issuer_user_and_name() {
    let rule = "user = \"profile.login\"\nrole = { claim = \"realm_access.roles\", admin = [\"hub-admins\"], service = [\"back-ends\"] }";
    let (app, pair) = two_issuers(rule).await;
    let token = |groups: Value| {
        let changes =
            json!({"profile": {"login": "ann"}, "realm_access": {"roles": groups}, "jti": "1"});
        pair.sign(Algorithm::EdDSA, &claims("first", &changes))
    };
    for (groups, role) in [
        (json!(["staff", "hub-admins", "back-ends"]), "admin"),
        (json!("back-ends"), "service"),
        (json!(["hub-admins-not"]), "user"),
        (json!({"hub-admins": true}), "user"),
    ] {
        let view = answer(app.get(&token(groups), "/api/auth/me"), 200).await;
        assert_eq!((&view["id"], &view["role"]), (&json!("ann"), &json!(role)));
    }
    let admin = token(json!(["hub-admins"]));
    answer(app.get(&admin, "/api/admin/connections"), 200).await;

    let second = pair.sign(
        Algorithm::EdDSA,
        &claims("second", &json!({"sub": "ann2", "jti": "1"})),
    );
    answer(app.get(&second, "/api/auth/me"), 200).await;
    let mut stream = app.connected(&admin, "/api/stream").await;
    answer(app.post(&admin, "/api/auth/logout"), 204).await;
    stream.bye("logout", DEADLINE).await;
    refusal(
        app.get(&token(json!([])), "/api/auth/me"),
        401,
        "invalid_token",
    )
    .await;
    answer(app.get(&second, "/api/auth/me"), 200).await;
}

/// The second way to write a signature of ECDSA: `(r, n - s)`.
fn rewritten(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(bytes[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        bytes[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test]
async fn a_token_that_was_signed_out_stays_out_when_its_signature_is_written_in_another_way() {
    let pair = Pair::of(Algorithm::ES256, "k");
    let lines = "pem = \"key.pem\"\nalgorithms = [\"ES256\"]\ncreate_users = true";
    let app = AppBuilder::default()
        .embedded()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", entry("first", lines))
        .file("key.pem", pair.pem.clone())
        .spawn()
        .await;
    let token = pair.sign(Algorithm::ES256, &claims("first", &json!({"jti": null})));
    answer(app.get(&rewritten(&token), "/api/auth/me"), 200).await;

    answer(app.post(&token, "/api/auth/logout"), 204).await;

    for token in [rewritten(&token), token] {
        refusal(app.get(&token, "/api/auth/me"), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn a_token_of_an_issuer_is_refused_after_a_sign_out_by_others_and_a_deletion() {
    let (app, pair) = two_issuers("").await;
    let token = |user: &str, issued: Value| {
        let changes = json!({"sub": user, "iat": issued});
        pair.sign(Algorithm::EdDSA, &claims("first", &changes))
    };
    let before = [
        token("ann", json!(now() - 0.5)),
        token("ann", Value::Null),
        token("ben", json!(now() - 0.5)),
        token("ben", Value::Null),
    ];
    for taken in &before {
        answer(app.get(taken, "/api/auth/me"), 200).await;
    }

    let signing_out = app.post(&app.service(), "/api/users/ann/sign-out");
    answer(signing_out, 204).await;
    answer(app.delete(&app.service(), "/api/users/ben"), 204).await;

    for taken in &before {
        refusal(app.get(taken, "/api/auth/me"), 401, "invalid_token").await;
    }
    let found = app.get(&app.admin(), "/api/admin/users/ben");
    refusal(found, 404, "user_not_found").await;
    for user in ["ann", "ben"] {
        let later = token(user, json!(now()));
        assert_eq!(
            answer(app.get(&later, "/api/auth/me"), 200).await["id"],
            user
        );
    }
}

/// A secret that an issuer shares with the hub.
const ISSUER_SECRET: &str = "a secret that an issuer shares with this hub";

/// A token of the issuer `shared` with claims as they are written.
fn of_shared(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let key = EncodingKey::from_secret(ISSUER_SECRET.as_bytes());
    let algorithm = Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A name that was cut in the middle of an emoji, for one.
#[tokio::test]
async fn a_claim_that_the_hub_does_not_use_voids_no_other_whatever_it_is() {
    let shared = "secret_file = \"shared\"\ncreate_users = true";
    let app = AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file(
            "issuers.toml",
            format!("\u{feff}{}", entry("shared", shared)),
        )
        // As some editors save it.
        .file("shared", format!("\u{feff}{ISSUER_SECRET}\r\n"))
        .spawn()
        .await;
    let deep = ["[".repeat(200), "]".repeat(200)].concat();
    let claims = |more: &str| {
        let end = now() + 600.0;
        of_shared(&format!(
            r#"{{"iss":"shared","sub":"ann","aud":"hub","exp":{end},{more}}}"#
        ))
    };

    for more in [
        r#""name":"Ann \ud83d""#,
        r#""score":1e999"#,
        &format!(r#""more":{deep}"#),
        r#""campanile_key":5"#,
        r#""jti":1e999"#,
        r#""name":1,"name":2"#,
    ] {
        let me = answer(app.get(&claims(more), "/api/auth/me"), 200).await;
        assert_eq!(me["id"], "ann", "{more}");
    }
    for (more, told) in [
        (r#""exp":1"#, "claim `exp` is given twice"),
        (r#""iss":"shared""#, "claim `iss` is given twice"),
        (r#""aud":"\ud83d""#, "claim `aud` names none"),
        (r#""nbf":1e999"#, "claim `nbf` is a number beyond"),
    ] {
        let me = app.get(&claims(more), "/api/auth/me");
        let problem = refusal(me, 401, "invalid_token").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{more}: {detail}");
    }
}
