//! The table of issuers, algorithms, claims and keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt as _;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::issuers::{claims, entry, now, wait_until_taken};
use crate::provider::{Page, Pair, Provider, set_of, signed};
use crate::support::{AppBuilder, TestApp};

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// A secret that an issuer shares with the hub.
const ISSUER_SECRET: &str = "a secret that an issuer shares with this hub";

fn name_of(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

/// One issuer of the table.
struct Row {
    issuer: String,
    allowed: Vec<Algorithm>,
    keys: Keys,
}

#[derive(Clone, Copy, PartialEq)]
enum Keys {
    Set,
    Pem,
    Secret,
    Hanging,
}

/// The claims of the table, and what is told if they are refused.
fn variations() -> Vec<(Value, Option<&'static str>)> {
    let good = [
        json!({}),
        json!({"aud": ["elsewhere", "other"]}),
        json!({"exp": now() - 5.0}),
        json!({"nbf": now() + 40.0}),
        json!({"iat": now() + 40.0}),
        json!({"iat": null}),
        json!({"jti": [1, {"a": null}]}),
        json!({"jti": null, "role": "authenticated"}),
    ];
    let bad = [
        (json!({"aud": null}), "no claim `aud`"),
        (json!({"aud": "elsewhere"}), "claim `aud` names none"),
        (json!({"aud": 7}), "claim `aud` names none"),
        (json!({"exp": now() - 300.0}), "expired "),
        (json!({"exp": null}), "no claim `exp`"),
        (
            json!({"exp": (now() + 600.0) * 1_000.0}),
            "beyond the year 5000",
        ),
        (json!({"nbf": now() + 600.0}), "claim `nbf`"),
        (json!({"iat": now() + 600.0}), "claim `iat`"),
        (json!({"sub": null}), "no claim `sub`"),
        (json!({"sub": 7}), "claim `sub` is not a string"),
        (json!({"sub": "a b"}), "claim `sub`: a user id"),
    ];
    let good = good.into_iter().map(|claims| (claims, None));
    let bad = bad.into_iter().map(|(claims, told)| (claims, Some(told)));
    good.chain(bad).collect()
}

fn rows(provider: &Provider) -> Vec<Row> {
    let mut rows: Vec<Row> = ALGORITHMS
        .iter()
        .flat_map(|one| {
            [Keys::Set, Keys::Pem].map(|keys| Row {
                issuer: format!("{}/{one:?}/{}", provider.address, keys as u8),
                allowed: vec![*one],
                keys,
            })
        })
        .collect();
    for (name, keys) in [("all", Keys::Set), ("hanging", Keys::Hanging)] {
        rows.push(Row {
            issuer: format!("{}/{name}", provider.address),
            allowed: ALGORITHMS.to_vec(),
            keys,
        });
    }
    rows.push(Row {
        issuer: "shared".to_owned(),
        allowed: vec![Algorithm::HS256],
        keys: Keys::Secret,
    });
    rows
}

fn file(rows: &[Row], provider: &Provider) -> String {
    let mut file = String::new();
    for row in rows {
        let allowed: Vec<String> = row.allowed.iter().map(|one| name_of(*one)).collect();
        let keys = match row.keys {
            Keys::Set => format!("jwks_uri = \"{}/jwks\"", provider.address),
            Keys::Hanging => format!("jwks_uri = \"{}/hanging\"", provider.address),
            Keys::Pem => format!("pem = \"keys/{}.pem\"", allowed[0]),
            Keys::Secret => "secret_file = \"keys/secret\"".to_owned(),
        };
        let lines = format!("{keys}\nalgorithms = {allowed:?}\ncreate_users = true\nlink = true");
        file.push_str(&entry(&row.issuer, &lines));
    }
    file
}

/// A cell of the table: its name, a token, and the status and the words of its refusal.
type Cell = (String, String, Option<(u16, &'static str)>);

fn cells(rows: &[Row], pairs: &[(Algorithm, Pair)], provider: &Provider) -> Vec<Cell> {
    let secret = EncodingKey::from_secret(ISSUER_SECRET.as_bytes());
    let mut cells = Vec::new();
    for row in rows {
        for (changes, told) in variations() {
            let claims = claims(&row.issuer, &changes);
            let cell = format!("{} {changes}", row.issuer);
            for (algorithm, pair) in pairs {
                for kid in ["own", "none", "other", "unknown"] {
                    let header = header(pairs, *algorithm, kid, provider);
                    // Signing is slow, and is not needed where the algorithm is refused.
                    let token = if row.allowed.contains(algorithm) {
                        pair.sign_with(&header, *algorithm, &claims)
                    } else {
                        signed(&header, &claims, &secret, Algorithm::HS256)
                    };
                    let expected = expected(row, *algorithm, kid, told);
                    cells.push((format!("{cell} {algorithm:?} {kid}"), token, expected));
                }
            }
            cells.extend(forged(row, &pairs[0].1, &claims));
            let token = signed(&json!({"alg": "HS256"}), &claims, &secret, Algorithm::HS256);
            let expected = expected(row, Algorithm::HS256, "own", told);
            cells.push((format!("{cell} HS256"), token, expected));
        }
    }
    cells
}

fn header(
    pairs: &[(Algorithm, Pair)],
    algorithm: Algorithm,
    kid: &str,
    provider: &Provider,
) -> Value {
    let name = name_of(algorithm);
    match kid {
        "own" => json!({"alg": name, "kid": format!("key-{name}")}),
        "none" => json!({"alg": name}),
        "other" => json!({"alg": name, "kid": other(pairs, algorithm)}),
        _ => json!({"alg": name, "kid": "unknown", "jku": format!("{}/jku", provider.address)}),
    }
}

/// A token with the public key as the secret of HMAC, and one that nobody signed.
fn forged(row: &Row, pair: &Pair, claims: &Value) -> [Cell; 2] {
    let public = EncodingKey::from_secret(pair.pem.as_bytes());
    let header = json!({"alg": "HS256", "kid": pair.kid});
    let confused = signed(&header, claims, &public, Algorithm::HS256);
    let told = match row.keys {
        Keys::Secret => "the signature does not match",
        _ => "signed with HS256",
    };
    let payload = confused.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
    let unsigned = format!("{none}.{payload}.");
    [
        (
            format!("{} confused", row.issuer),
            confused,
            Some((401, told)),
        ),
        (
            format!("{} none", row.issuer),
            unsigned,
            Some((401, "signed with none")),
        ),
    ]
}

/// The hub of the table, once it knows the keys of every set.
async fn start(rows: &[Row], pairs: &[(Algorithm, Pair)], provider: &Provider) -> TestApp {
    let mut builder = AppBuilder::default()
        .embedded()
        .env("CAMPANILE_ISSUERS", "issuers.toml")
        .file("issuers.toml", file(rows, provider))
        .file("keys/secret", ISSUER_SECRET.to_owned());
    for (algorithm, pair) in pairs {
        builder = builder.file(&format!("keys/{algorithm:?}.pem"), pair.pem.clone());
    }
    let app = builder.spawn().await;
    for row in rows.iter().filter(|row| row.keys == Keys::Set) {
        let pair = &pairs
            .iter()
            .find(|(one, _)| *one == row.allowed[0])
            .unwrap()
            .1;
        wait_until_taken(
            &app,
            &pair.sign(row.allowed[0], &claims(&row.issuer, &json!({}))),
        )
        .await;
    }
    app
}

#[tokio::test]
async fn each_cell_of_issuer_algorithm_claim_and_key_is_judged_by_its_issuer_alone() {
    let provider = Provider::start().await;
    let pairs: Vec<(Algorithm, Pair)> = ALGORITHMS
        .iter()
        .map(|one| (*one, Pair::of(*one, &format!("key-{one:?}"))))
        .collect();
    let shown: Vec<&Pair> = pairs.iter().map(|(_, pair)| pair).collect();
    provider.show("/jwks", Page::Json(set_of(&shown)));
    provider.show("/hanging", Page::Nothing);
    let rows = rows(&provider);
    let cells = cells(&rows, &pairs, &provider);
    let app = start(&rows, &pairs, &provider).await;
    assert!(cells.len() > 5_000, "{}", cells.len());
    let checks = futures::stream::iter(&cells).map(async |(cell, token, expected)| {
        let answer = app.get(token, "/api/auth/me").send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        match expected {
            None => assert_eq!(status, 200, "{cell}: {body}"),
            Some((expected, told)) => {
                assert_eq!(status, *expected, "{cell}: {body}");
                assert!(body.contains(told), "{cell}: {told}: {body}");
            }
        }
    });
    checks.buffer_unordered(16).for_each(async |()| {}).await;
    // The five sets and the one of all, each once at the start and once for the thousand tokens that name unknown keys.
    let asked = provider.asked("/jwks");
    assert!(asked <= 6 * 3, "{asked}");
    assert_eq!(provider.asked("/jku"), 0);
}

/// The name of a key of another family.
fn other(pairs: &[(Algorithm, Pair)], algorithm: Algorithm) -> String {
    let family = |one: Algorithm| match one {
        Algorithm::PS256 => Algorithm::RS256,
        other => other,
    };
    let other = pairs
        .iter()
        .find(|(one, _)| family(*one) != family(algorithm));
    other.unwrap().1.kid.clone()
}

fn expected(
    row: &Row,
    algorithm: Algorithm,
    kid: &str,
    told: Option<&'static str>,
) -> Option<(u16, &'static str)> {
    if !row.allowed.contains(&algorithm) {
        return Some((401, "signed with "));
    }
    match row.keys {
        Keys::Hanging => Some((503, "keys_unavailable")),
        Keys::Set if ["other", "unknown"].contains(&kid) => Some((401, "does not show")),
        Keys::Set | Keys::Pem | Keys::Secret => told.map(|told| (401, told)),
    }
}
