//! The hub's own keys: they sign the tokens of sign-ins, are shown to everybody, and are changed beside a running hub.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, refusal};
use crate::issuers::hub;
use crate::signing_in::{PASSWORD, login};
use crate::support::{Claims, DEADLINE, SECRET, TestApp, run, sign, until};

/// The names of the keys that are shown, the newest first.
async fn shown(app: &TestApp) -> Vec<String> {
    let set = answer(app.request(Method::GET, "/.well-known/jwks.json"), 200).await;
    let keys = set["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The header or the claims of a token.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn signed_in(app: &TestApp) -> String {
    let session = answer(login(app, "bob", PASSWORD), 200).await;
    session["token"].as_str().unwrap().to_owned()
}

/// Runs `campanile signing-key …` beside the hub and returns what it prints.
async fn signing_key(app: &TestApp, arguments: &[&str]) -> String {
    let url = app.setting("CAMPANILE_DATABASE_URL");
    let settings = [("CAMPANILE_DATABASE_URL", url.as_str())];
    let arguments = [&["signing-key"], arguments].concat();
    let output = run(app.folder(), &arguments, &settings, "").await;
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_sign_in_token_is_verified_by_anybody_with_the_key_that_the_hub_shows() {
    let app = TestApp::spawn().await;
    let token = app.sign_up("bob", PASSWORD).await;

    let set = answer(app.request(Method::GET, "/.well-known/jwks.json"), 200).await;
    let key = &set["keys"][0];
    assert_eq!(
        part(&token, 0),
        json!({"typ": "JWT", "alg": "EdDSA", "kid": key["kid"]})
    );
    assert_eq!(key["kty"], "OKP");
    assert!(key.get("d").is_none(), "{key}");
    let decoding = DecodingKey::from_jwk(&serde_json::from_value(key.clone()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["campanile"]);
    let claims = jsonwebtoken::decode::<Value>(&token, &decoding, &validation)
        .unwrap()
        .claims;
    assert_eq!(
        (&claims["sub"], &claims["role"]),
        (&json!("bob"), &json!("user"))
    );
    assert!(
        claims["iat"].is_number() && claims["jti"].is_string(),
        "{claims}"
    );

    answer(app.get(&token, "/api/auth/me"), 200).await;
    answer(
        app.get(&sign(&Claims::of("bob", "user")), "/api/auth/me"),
        200,
    )
    .await;
    // The public key is no secret, and no key of another name is the hub's.
    let unknown = token.replacen(
        token.split('.').next().unwrap(),
        &URL_SAFE_NO_PAD.encode(json!({"alg": "EdDSA", "kid": "unknown"}).to_string()),
        1,
    );
    let told = refusal(app.get(&unknown, "/api/auth/me"), 401, "invalid_token").await;
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("signed with the key unknown"),
        "{told}"
    );
}

#[tokio::test]
async fn a_new_key_signs_while_the_old_one_verifies_and_a_retired_one_ends_its_streams() {
    let mut app = hub(String::new(), false).await;
    let old = app.sign_up("bob", PASSWORD).await;
    let first = shown(&app).await;
    let mut stream = app.connected(&old, "/api/stream").await;
    assert!(
        signing_key(&app, &["list"])
            .await
            .trim_end()
            .ends_with("signs")
    );

    let made = signing_key(&app, &["rotate"]).await.trim().to_owned();
    until("the new key signs", DEADLINE, async || {
        (part(&signed_in(&app).await, 0)["kid"] == json!(made)).then_some(())
    })
    .await;
    assert_eq!(shown(&app).await, [made.clone(), first[0].clone()]);
    answer(app.get(&old, "/api/auth/me"), 200).await;
    app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    let listed = signing_key(&app, &["list"]).await;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(
        lines[0].starts_with(&made) && lines[0].ends_with("signs"),
        "{listed}"
    );
    assert!(
        lines[1].starts_with(&first[0]) && lines[1].contains("verifies until"),
        "{listed}"
    );

    let new = signed_in(&app).await;
    assert_eq!(part(&new, 0)["kid"], json!(made));
    signing_key(&app, &["retire", &first[0]]).await;
    stream.bye("expired", DEADLINE).await;
    refusal(app.get(&old, "/api/auth/me"), 401, "invalid_token").await;
    answer(app.get(&new, "/api/auth/me"), 200).await;
    assert_eq!(shown(&app).await, std::slice::from_ref(&made));

    app.restart().await;
    answer(app.get(&new, "/api/auth/me"), 200).await;
    signing_key(&app, &["retire", &made]).await;
    until("another key is made", DEADLINE, async || {
        let shown = shown(&app).await;
        (!shown.is_empty() && shown != [made.clone()]).then_some(())
    })
    .await;
    refusal(app.get(&new, "/api/auth/me"), 401, "invalid_token").await;
    answer(app.get(&signed_in(&app).await, "/api/auth/me"), 200).await;
    let log = app.log();
    assert!(
        !log.contains(SECRET) && !log.contains(&new),
        "no secret in the log"
    );
}

#[tokio::test]
async fn a_signing_key_that_is_not_there_and_a_database_that_is_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("CAMPANILE_DATABASE_URL", "sqlite://none/hub.db")];
    for arguments in [
        &["signing-key", "list"][..],
        &["signing-key", "rotate"],
        &["signing-key", "retire", "x"],
    ] {
        let output = run(folder.path(), arguments, &settings, "").await;
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("none/hub.db"), "{told}");
    }
    assert!(!folder.path().join("none").exists());
}
