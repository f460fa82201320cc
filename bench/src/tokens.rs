//! The hub's CPU time of a request by the kind of its token: of the shared secret, of another issuer, and new with each request.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tempfile::TempDir;

use crate::args::TokensCommand;
use crate::caller::Caller;
use crate::cpu::Meter;
use crate::error::Result;
use crate::ground::Ground;
use crate::http::{self, user_name};
use crate::servers::Server;
use crate::servers::campanile::{self, Campanile};

/// `campanile-bench tokens`.
pub(crate) fn run(command: &TokensCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let folder = TempDir::with_prefix_in("bench-tokens-", ground.data())?;
    fs::write(folder.path().join("public.pem"), PUBLIC_KEY)?;
    let issuers = folder.path().join("issuers.toml");
    fs::write(&issuers, ISSUERS)?;
    let settings = [("CAMPANILE_ISSUERS", issuers.to_str().unwrap_or_default())];
    let hub = Campanile::start_with(&ground.site(folder.path()), &settings)?;
    hub.introduce(1)?;
    let mut measuring = Measuring {
        caller: Caller::connect(hub.address())?,
        hub,
    };

    let shared = Vec::from([campanile::token(&user_name(0), "user")?]);
    let of_issuer = Vec::from([issued(0)?]);
    let mut figures: [(&str, Vec<f64>); 3] = [
        ("remembered, of the shared secret", Vec::new()),
        ("remembered, of another issuer", Vec::new()),
        ("new, of another issuer", Vec::new()),
    ];
    let few = command.requests.div_ceil(FEWER);
    for round in 0..command.repeat {
        let numbers = 1 + round * few..=(round + 1) * few;
        let new: Vec<String> = numbers.map(issued).collect::<Result<_>>()?;
        let asked = [
            (&shared, command.requests),
            (&of_issuer, command.requests),
            (&new, few),
        ];
        for ((tokens, requests), (_name, figures)) in asked.into_iter().zip(&mut figures) {
            figures.push(measuring.micros(tokens, requests)?);
        }
    }
    println!("| token | CPU of a request, µs | least to most |\n| --- | ---: | ---: |");
    for (name, mut micros) in figures {
        micros.sort_by(f64::total_cmp);
        let at = |place: usize| micros.get(place).copied().unwrap_or_default();
        let last = micros.len().saturating_sub(1);
        println!(
            "| {name} | {:.2} | {:.2} to {:.2} |",
            at(micros.len() / 2),
            at(0),
            at(last)
        );
    }
    Ok(())
}

struct Measuring {
    hub: Campanile,
    caller: Caller,
}

impl Measuring {
    /// The hub's CPU time of a request in microseconds, with these tokens in turn.
    fn micros(&mut self, tokens: &[String], requests: usize) -> Result<f64> {
        let bearer = |token: &String| format!("Authorization: Bearer {token}\r\n");
        let all: Vec<String> = tokens
            .iter()
            .map(|token| http::get("/api/auth/me", &bearer(token)))
            .collect();
        // A token that is the only one is known afterwards.
        if let [one] = all.as_slice() {
            self.caller.ask(one)?;
        }
        let before = Meter::of_tree(self.hub.pid())?;
        for request in all.iter().cycle().take(requests) {
            self.caller.ask(request)?;
        }
        let spent = Meter::of_tree(self.hub.pid())?.since(&before);
        Ok(spent.total * 1e6 / requests.max(1) as f64)
    }
}

/// A token of the other issuer, of another name for each number.
fn issued(number: usize) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": "https://login.example/", "sub": "issued", "aud": "hub", "iat": now, "exp": now + 3_600,
        "jti": number.to_string(),
    });
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY)?;
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::RS256),
        &claims,
        &key,
    )?)
}

const ISSUERS: &str = "[[issuer]]\nissuer = \"https://login.example/\"\naudience = [\"hub\"]\npem = \"public.pem\"\n\
    algorithms = [\"RS256\"]\ncreate_users = true\n";

/// Keys of the tests: the issuer is the bench itself.
const PRIVATE_KEY: &[u8] = include_bytes!("../../tests/support/keys/rsa.pem");
const PUBLIC_KEY: &[u8] = include_bytes!("../../tests/support/keys/rsa-public.pem");

/// Signing and checking takes longer than a request otherwise does.
const FEWER: usize = 20;
