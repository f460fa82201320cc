//! Tokens that the libraries of other languages sign with key pairs of their own, and the hub's own tokens, which they verify.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::answers::answer;
use crate::languages::{GO, JAVA, Language, NODE, PYTHON};
use crate::provider::{Page, Provider};
use crate::support::{AppBuilder, DEADLINE, TestApp, until};

const PASSWORD: &str = "a long password";

/// A program of a language, with the number of its tokens and the library that verifies those of the hub.
const PROGRAMS: [(&Language, &[&str], usize, &str); 4] = [
    // Each of jose and jsonwebtoken; the latter knows no EdDSA.
    (&NODE, &["node", "keys.mjs"], 5, "jose"),
    // Each of PyJWT and python-jose; the latter knows no EdDSA.
    (&PYTHON, &["python3", "keys.py"], 5, "PyJWT"),
    (
        &JAVA,
        &["java", "-cp", "lib/*", "PublicKeys.java"],
        3,
        "jjwt",
    ),
    (&GO, &["./client", "keys"], 3, "golang-jwt"),
];

/// A program that has signed, and waits for a token to verify.
struct Signer {
    library: &'static str,
    issuer: String,
    keys: Vec<Value>,
    tokens: Vec<String>,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Signer {
    async fn start(
        (language, program, count, library): (&Language, &[&str], usize, &'static str),
    ) -> Self {
        let issuer = format!("https://{}.example", language.name);
        let mut process = language
            .command(program)
            .args([&issuer, "bob"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut signer = Self {
            library,
            issuer,
            keys: Vec::new(),
            tokens: Vec::new(),
            input: process.stdin.take().unwrap(),
            output,
            _process: process,
        };
        loop {
            let line = signer.line().await;
            if line == "ready" {
                break;
            }
            let signed: Value = serde_json::from_str(&line).unwrap();
            signer.keys.push(signed["jwk"].clone());
            signer
                .tokens
                .push(signed["token"].as_str().unwrap().to_owned());
        }
        assert_eq!(signer.tokens.len(), count, "{library}");
        signer
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(DEADLINE, self.output.next_line()).await;
        line.expect("a line in time").unwrap().expect("a line")
    }

    /// The entry of the file of issuers.
    fn entry(&self, at: &Provider) -> String {
        format!(
            "[[issuer]]\nissuer = \"{}\"\naudience = [\"hub\"]\njwks_uri = \"{}/{}\"\n\
             algorithms = [\"RS256\", \"ES256\", \"EdDSA\"]\nlink = true\n\n",
            self.issuer, at.address, self.library
        )
    }

    /// Lets the library verify a token of the hub.
    async fn verify(&mut self, app: &TestApp, token: &str) {
        let set = app.url("/.well-known/jwks.json");
        let request = format!("{set} {token}\n");
        self.input.write_all(request.as_bytes()).await.unwrap();
        let verified: Value = serde_json::from_str(&self.line().await).unwrap();
        assert_eq!(verified, json!({"verified": self.library, "sub": "bob"}));
    }
}

#[tokio::test]
async fn real_libraries_sign_with_keys_of_their_own_and_verify_tokens_of_the_hub() {
    let here = PROGRAMS
        .into_iter()
        .filter(|(language, ..)| language.is_here());
    let mut signers = futures::future::join_all(here.map(Signer::start)).await;
    let server = Provider::start().await;
    for signer in &signers {
        let set = json!({"keys": signer.keys}).to_string();
        server.show(&format!("/{}", signer.library), Page::Json(set));
    }
    let file: String = signers.iter().map(|signer| signer.entry(&server)).collect();
    let app = AppBuilder::default()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", file)
        .spawn()
        .await;
    app.sign_up("bob", PASSWORD).await;

    for signer in &signers {
        for (token, key) in signer.tokens.iter().zip(&signer.keys) {
            let what = format!("the token of {} is taken", key["kid"]);
            until(&what, DEADLINE, async || {
                let answer = app.get(token, "/api/alarms").send().await.unwrap();
                answer.status().is_success().then_some(())
            })
            .await;
        }
    }

    let login = app
        .request(reqwest::Method::POST, "/api/auth/login")
        .json(&json!({"userId": "bob", "password": PASSWORD}));
    let session = answer(login, 200).await;
    for signer in &mut signers {
        signer
            .verify(&app, session["token"].as_str().unwrap())
            .await;
    }
}
