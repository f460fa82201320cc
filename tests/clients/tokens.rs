//! Tokens that the libraries of other languages make of the text of the hub's own secret file.

use std::path::Path;

use serde_json::Value;

use crate::answers::{answer, refusal};
use crate::languages::{JAVA, Language, PYTHON};
use crate::support::{AppBuilder, TestApp};

const PASSWORD: &str = "a long password";

#[tokio::test]
async fn tokens_of_pyjwt_and_python_jose_are_accepted_and_bad_ones_refused_with_the_reason() {
    // Three algorithms of two libraries.
    tokens_are_judged(&PYTHON, &["python3", "tokens.py"], 6).await;
}

#[tokio::test]
async fn tokens_of_jjwt_are_accepted_and_bad_ones_refused_with_the_reason() {
    // Three algorithms, and the one that the library chooses.
    tokens_are_judged(&JAVA, &["java", "-cp", "lib/*", "Tokens.java"], 4).await;
}

async fn tokens_are_judged(language: &Language, program: &[&str], count: usize) {
    if !language.is_here() {
        return;
    }
    let app = hub().await;
    let secret = app.folder().join("campanile-data/jwt-secret");
    let other = app.folder().join("another-secret");
    std::fs::write(&other, "0".repeat(64)).unwrap();

    let good = tokens(language, program, &secret, "3600").await;
    let expired = tokens(language, program, &secret, "-5").await;
    let foreign = tokens(language, program, &other, "3600").await;

    assert_eq!([good.len(), expired.len(), foreign.len()], [count; 3]);
    for (_, token) in &good {
        answer(app.get(token, "/api/alarms"), 200).await;
    }
    for (algorithm, token) in &expired {
        is_refused(&app, algorithm, token, "expired").await;
    }
    for (algorithm, token) in &foreign {
        is_refused(&app, algorithm, token, "the signature does not match").await;
    }
}

/// A hub with a secret of its own making, and an account.
async fn hub() -> TestApp {
    let builder = AppBuilder::default().env("CAMPANILE_JWT_SECRET", "");
    let app = builder.spawn().await;
    app.sign_up("bob", PASSWORD).await;
    app
}

async fn is_refused(app: &TestApp, algorithm: &str, token: &str, reason: &str) {
    let problem = refusal(app.get(token, "/api/alarms"), 401, "invalid_token").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(reason), "{algorithm}: {detail}");
}

/// The output of the program for a secret's file: a name and a token, a line each.
async fn tokens(
    language: &Language,
    program: &[&str],
    secret: &Path,
    seconds: &str,
) -> Vec<(String, String)> {
    let mut command = language.command(program);
    command.arg(secret).args(["bob", seconds]);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (text(&line["algorithm"]), text(&line["token"])))
        .collect()
}
