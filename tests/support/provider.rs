//! An issuer of tokens for tests: its keys, its tokens, and a server on this machine that shows the keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{DEADLINE, until};

/// A key pair of an issuer.
pub(crate) struct Pair {
    pub(crate) kid: String,
    pub(crate) public: Value,
    pub(crate) pem: String,
    signs: EncodingKey,
}

impl Pair {
    /// A pair for an algorithm. Making an RSA key takes seconds, so that one is a file.
    pub(crate) fn of(algorithm: Algorithm, kid: &str) -> Self {
        match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => Self::rsa(kid),
            Algorithm::ES384 => Self::curve(kid, "P-384"),
            Algorithm::EdDSA => Self::curve(kid, "Ed25519"),
            _ => Self::curve(kid, "P-256"),
        }
    }

    fn rsa(kid: &str) -> Self {
        let n = include_str!("keys/rsa-modulus").trim();
        Self {
            kid: kid.to_owned(),
            public: json!({"kty": "RSA", "kid": kid, "use": "sig", "n": n, "e": "AQAB"}),
            pem: include_str!("keys/rsa-public.pem").to_owned(),
            signs: EncodingKey::from_rsa_pem(include_bytes!("keys/rsa.pem")).unwrap(),
        }
    }

    fn curve(kid: &str, curve: &str) -> Self {
        let (algorithm, bytes) = match curve {
            "P-384" => (&PKCS_ECDSA_P384_SHA384, 48),
            "Ed25519" => (&PKCS_ED25519, 32),
            _ => (&PKCS_ECDSA_P256_SHA256, 32),
        };
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let raw = pair.der_bytes();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (public, signs) = if curve == "Ed25519" {
            let public = json!({"kty": "OKP", "crv": curve, "kid": kid, "x": part(raw)});
            (
                public,
                EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()),
            )
        } else {
            let (x, y) = raw[1..].split_at(bytes);
            let public = json!({"kty": "EC", "crv": curve, "kid": kid, "x": part(x), "y": part(y)});
            (
                public,
                EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()),
            )
        };
        Self {
            kid: kid.to_owned(),
            public,
            pem: pair.public_key_pem(),
            signs: signs.unwrap(),
        }
    }

    /// A token with this key and its name.
    pub(crate) fn sign(&self, algorithm: Algorithm, claims: &Value) -> String {
        let name = serde_json::to_value(algorithm).unwrap();
        self.sign_with(&json!({"alg": name, "kid": self.kid}), algorithm, claims)
    }

    /// A token with a header as it is given.
    pub(crate) fn sign_with(&self, header: &Value, algorithm: Algorithm, claims: &Value) -> String {
        signed(header, claims, &self.signs, algorithm)
    }
}

/// A token with a header and a key that need not belong together.
pub(crate) fn signed(
    header: &Value,
    claims: &Value,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// The set that shows some keys.
pub(crate) fn set_of(pairs: &[&Pair]) -> String {
    let keys: Vec<&Value> = pairs.iter().map(|pair| &pair.public).collect();
    json!({"keys": keys}).to_string()
}

/// The answer at a path.
#[derive(Clone)]
pub(crate) enum Page {
    /// This body, as JSON.
    Json(String),
    /// This status, with a redirect to an address if it is one.
    Status(u16, String),
    /// Nothing, and the connection stays open.
    Nothing,
    /// A body without an end.
    Endless,
}

/// A server that answers what it is told to, and counts.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) address: String,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    heard: Arc<Mutex<HashMap<String, String>>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            pages: Arc::default(),
            asked: Arc::default(),
            heard: Arc::default(),
        };
        let server = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        provider
    }

    /// Answers this at a path from now on.
    pub(crate) fn show(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// The number of times a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .get(path)
            .copied()
            .unwrap_or_default()
    }

    /// The last request for a path, with its body.
    pub(crate) fn heard(&self, path: &str) -> String {
        let heard = self.heard.lock().unwrap().get(path).cloned();
        heard.unwrap_or_default()
    }

    /// Waits until a path was asked for so often.
    pub(crate) async fn wait_until_asked(&self, path: &str, times: usize) {
        let what = format!("{path} is asked for {times} times");
        until(&what, DEADLINE, async || {
            (self.asked(path) >= times).then_some(())
        })
        .await;
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        // A connection that is closed before its body was read is reset, and the answer may be lost.
        while !is_whole(&read) {
            let mut bytes = [0; 1024];
            match stream.read(&mut bytes).await {
                Ok(count) if count > 0 => read.extend_from_slice(&bytes[..count]),
                _ => return,
            }
        }
        let request = String::from_utf8_lossy(&read).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        self.heard.lock().unwrap().insert(path.clone(), request);
        *self.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
        let page = self.pages.lock().unwrap().get(&path).cloned();
        let answered = match page.unwrap_or(Page::Status(404, String::new())) {
            Page::Json(body) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await
            }
            Page::Status(status, location) => {
                let head = format!(
                    "HTTP/1.1 {status} Other\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await
            }
            Page::Nothing => std::future::pending().await,
            Page::Endless => endless(&mut stream).await,
        };
        // The client may be gone.
        answered.ok();
    }
}

/// True for the bytes of a whole request.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length: Option<usize> = head
        .split("\r\ncontent-length:")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next()?.trim().parse().ok());
    body.len() >= length.unwrap_or_default()
}

async fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"keys\": [")
        .await?;
    loop {
        stream.write_all(&[b' '; 4096]).await?;
    }
}
