//! The file of the issuers: refused at the start in words that name the fault, and read again at a hang-up.

use std::path::Path;

use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::answers::{answer, refusal};
use crate::issuers::{claims, entry, two_issuers};
use crate::provider::Pair;
use crate::support::{DEADLINE, run};

/// The words with which a hub refuses to start with a file of issuers; nothing is created then.
async fn refused_start(folder: &Path) -> String {
    let settings = [("CAMPANILE_ISSUERS", "issuers.toml")];
    let output = run(folder, &["serve"], &settings, "").await;
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(!folder.join("campanile-data").exists());
    told
}

/// Second entries, and the words that name their fault.
fn bad_entries() -> Vec<(String, &'static str)> {
    let set = "jwks_uri = \"https://two.example/jwks\"\nalgorithms = [\"RS256\"]";
    let two = |lines: &str| entry("two", &format!("{set}\n{lines}"));
    let alone = |lines: &str| format!("[[issuer]]\nissuer = \"two\"\n{lines}\n{set}\n");
    let sign_in = |lines: &str| {
        let discovery = "discovery = true\nalgorithms = [\"RS256\"]";
        let lines = format!("{discovery}\n[issuer.sign_in]\nclient_id = \"b\"\n{lines}");
        entry("https://two.example", &lines)
    };
    vec![
        (two("linked = true"), "issuer 2 (two): "),
        (two("linked = true"), "unknown field `linked`"),
        (two("mercure = [\"all\"]"), "mercure[0]: "),
        (two("role = { admin = [] }"), "role"),
        (
            two("[issuer.sign_in]\nname = \"a\"\nclient_id = \"b\""),
            "sign_in: it needs discovery = true",
        ),
        (sign_in("name = \"A B\""), "sign_in.name: "),
        (
            sign_in("name = \"a\"\nclient_secret_file = \"none\""),
            "sign_in.client_secret_file: ",
        ),
        (
            sign_in("name = \"a\"\nclient_secret_env = \"NOT_SET_ANYWHERE\""),
            "sign_in.client_secret_env: NOT_SET_ANYWHERE: ",
        ),
        (
            sign_in("name = \"a\"\nclient_secret_file = \"a\"\nclient_secret_env = \"A\""),
            "expected one of client_secret_file, client_secret_env",
        ),
        (entry("campanile", set), "issuer 2 (campanile): issuer: "),
        (
            entry("https://one.example/", set),
            "two entries have \"https://one.example/\"",
        ),
        (alone("audience = \"all\""), "audience: expected a list"),
        (alone("audience = []"), "audience: expected a list"),
        (alone(""), "missing field `audience`"),
        ("issuer = 7".to_owned(), "issuer"),
        (
            "[other]".to_owned(),
            "other: the file holds entries [[issuer]] alone",
        ),
        ("[[issuer".to_owned(), "TOML parse error"),
    ]
}

const KEY_SET: &str = "jwks_uri = \"https://two.example/jwks\"";

/// Keys and algorithms of a second entry that are at fault, and the words that name it.
const BAD_KEYS: &[(&str, &str, &str)] = &[
    (KEY_SET, "[\"HS256\"]", "algorithms: HS256 is none of"),
    (KEY_SET, "[\"none\"]", "algorithms: none is none of"),
    (KEY_SET, "[]", "algorithms: there is none"),
    (
        "",
        "[\"RS256\"]",
        "expected one of jwks_uri, discovery = true, pem, secret_file",
    ),
    (
        "secret_file = \"short\"\ndiscovery = true",
        "[\"RS256\"]",
        "expected one of jwks_uri",
    ),
    ("secret_file = \"short\"", "[\"HS256\"]", "secret_file: "),
    (
        "secret_file = \"missing\"",
        "[\"HS256\"]",
        "secret_file: missing: No such file",
    ),
    (
        "secret_file = \"long\"",
        "[\"RS256\"]",
        "RS256 does not go with secret_file",
    ),
    ("pem = \"short\"", "[\"RS256\"]", "pem: it is no public key"),
    (
        "pem = \"es256.pem\"",
        "[\"ES384\"]",
        "pem: it is a public key of another algorithm",
    ),
    (
        "pem = \"es256.pem\"",
        "[\"ES256\", \"EdDSA\"]",
        "pem: one key does not fit all",
    ),
    (
        "jwks_uri = \"http://two.example/jwks\"",
        "[\"RS256\"]",
        "jwks_uri: an address begins with https://",
    ),
    (
        "jwks_uri = \"https://a:b@two.example/jwks\"",
        "[\"RS256\"]",
        "jwks_uri: an address holds no user name",
    ),
    ("discovery = true", "[\"RS256\"]", "discovery: "),
];

/// The second entries with those, and with others that are at fault.
fn bad_keys() -> Vec<(String, &'static str)> {
    let written = BAD_KEYS.iter().map(|(keys, algorithms, told)| {
        (
            entry("two", &format!("{keys}\nalgorithms = {algorithms}")),
            *told,
        )
    });
    let private = "pem = \"private.pem\"\nalgorithms = [\"RS256\"]";
    let others = [
        (KEY_SET, "algorithms: missing"),
        (private, "pem: it is a private key; its public half"),
    ];
    written
        .chain(others.map(|(lines, told)| (entry("two", lines), told)))
        .collect()
}

#[tokio::test]
async fn a_bad_file_stops_the_start_and_names_the_entry_and_the_field() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short"), "short").unwrap();
    std::fs::write(folder.path().join("long"), "0123456789".repeat(4)).unwrap();
    let key = Pair::of(Algorithm::ES256, "k").pem;
    std::fs::write(folder.path().join("es256.pem"), key).unwrap();
    let private = include_str!("../support/keys/rsa.pem");
    std::fs::write(folder.path().join("private.pem"), private).unwrap();
    let good = entry(
        "https://one.example/",
        "discovery = true\nalgorithms = [\"RS256\"]",
    );
    for (entry, told) in bad_entries().into_iter().chain(bad_keys()) {
        let is_whole = entry.starts_with("issuer =");
        let text = if is_whole {
            entry
        } else {
            format!("{good}{entry}")
        };
        std::fs::write(folder.path().join("issuers.toml"), &text).unwrap();
        let message = refused_start(folder.path()).await;
        assert!(message.contains(told), "{told}: {message}");
        assert!(message.contains("issuers.toml"), "{message}");
    }
    std::fs::remove_file(folder.path().join("issuers.toml")).unwrap();
    let words = refused_start(folder.path()).await;
    assert!(
        words.contains("CAMPANILE_ISSUERS") && words.contains("No such file"),
        "{words}"
    );
}

#[tokio::test]
async fn a_hang_up_reads_the_issuers_anew_and_a_bad_file_changes_only_the_log() {
    let (app, pair) = two_issuers("").await;
    let token = |issuer: &str, user: &str| {
        pair.sign(Algorithm::EdDSA, &claims(issuer, &json!({"sub": user})))
    };
    let (first, second) = (token("first", "ann"), token("second", "ben"));
    let mut of_first = app.connected(&first, "/api/stream").await;
    let mut of_second = app.connected(&second, "/api/stream").await;
    let path = app.folder().join("issuers.toml");
    let file = std::fs::read_to_string(&path).unwrap();

    std::fs::write(&path, "[[issuer]]\nissuer = \"first\"\n").unwrap();
    app.hang_up();
    app.wait_for_log("SIGHUP: the issuers stay as they were")
        .await;
    answer(app.get(&first, "/api/auth/me"), 200).await;

    let without_first = file
        .split_once("[[issuer]]\nissuer = \"second\"")
        .unwrap()
        .1;
    std::fs::write(
        &path,
        format!("[[issuer]]\nissuer = \"second\"{without_first}"),
    )
    .unwrap();
    app.hang_up();
    app.wait_for_log("SIGHUP: the issuers were read anew").await;

    of_first.bye("expired", DEADLINE).await;
    refusal(app.get(&first, "/api/auth/me"), 401, "invalid_token").await;
    answer(app.get(&second, "/api/auth/me"), 200).await;
    app.publish(json!({"user": "ben"}), "T").await;
    of_second.next_named("alarm", DEADLINE).await;
}
