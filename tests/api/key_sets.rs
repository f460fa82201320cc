//! The keys of issuers: fetched beside the requests, rotated and taken away; and servers that do not mean well.

use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::answers::{answer, refusal};
use crate::issuers::{claims, entry, hub, wait_until_taken};
use crate::provider::{Page, Pair, Provider, set_of};
use crate::support::{DEADLINE, TestApp, until};

/// The entry of an issuer with the set at a path.
fn with_set(provider: &Provider, path: &str) -> String {
    let lines = format!(
        "jwks_uri = \"{}{path}\"\nalgorithms = [\"ES256\", \"EdDSA\"]\ncreate_users = true",
        provider.address
    );
    entry(&format!("https://issuer.example{path}"), &lines)
}

fn token(pair: &Pair, path: &str, user: &str) -> String {
    let issuer = format!("https://issuer.example{path}");
    pair.sign(Algorithm::ES256, &claims(&issuer, &json!({"sub": user})))
}

/// Waits until the hub refuses a token.
async fn wait_until_refused(app: &TestApp, token: &str) {
    until("the token is refused", DEADLINE, async || {
        let answer = app.get(token, "/api/auth/me").send().await.unwrap();
        (answer.status() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rotated_key_drops_no_stream_and_a_removed_one_ends_its_streams() {
    let provider = Provider::start().await;
    let (old, new) = (
        Pair::of(Algorithm::ES256, "old"),
        Pair::of(Algorithm::ES256, "new"),
    );
    for path in ["/rotated", "/removed"] {
        provider.show(path, Page::Json(set_of(&[&old])));
    }
    let file = ["/rotated", "/removed"].map(|path| with_set(&provider, path));
    let app = hub(file.concat(), true).await;
    let (ann, ben) = (
        token(&old, "/rotated", "ann"),
        token(&old, "/removed", "ben"),
    );
    wait_until_taken(&app, &ann).await;
    wait_until_taken(&app, &ben).await;
    let mut rotated = app.connected(&ann, "/api/stream").await;
    let mut removed = app.connected(&ben, "/api/stream").await;

    // The name of an unknown key asks for a fetch before its time.
    provider.show("/rotated", Page::Json(set_of(&[&new, &old])));
    wait_until_taken(&app, &token(&new, "/rotated", "ann")).await;
    app.publish(json!({"user": "ann"}), "T").await;
    rotated.next_named("alarm", DEADLINE).await;
    answer(app.get(&ann, "/api/auth/me"), 200).await;

    provider.show("/removed", Page::Json(set_of(&[&new])));
    wait_until_taken(&app, &token(&new, "/removed", "ben")).await;
    let bye = removed.bye("expired", DEADLINE).await;
    assert_eq!(bye["reconnect"], json!(true));
    let told = refusal(app.get(&ben, "/api/auth/me"), 401, "invalid_token").await;
    assert!(
        told["detail"].as_str().unwrap().contains("does not show"),
        "{told}"
    );
    answer(app.get(&ann, "/api/auth/me"), 200).await;
}

#[tokio::test]
async fn a_set_that_begins_with_a_byte_order_mark_is_read_with_every_key_that_is_one() {
    let provider = Provider::start().await;
    let pair = Pair::of(Algorithm::ES256, "k");
    let odd = r#"7,null,{"kty":"oct","k":"AAAA"},{"kty":"RSA","kid":5,"n":"","e":""},"#;
    let set = set_of(&[&pair]).replace("[", &format!("[{odd}"));
    provider.show("/marked", Page::Json(format!("\u{feff}{set}")));

    let app = hub(with_set(&provider, "/marked"), false).await;

    wait_until_taken(&app, &token(&pair, "/marked", "ann")).await;
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch_and_a_hostile_address_slows_nobody() {
    let provider = Provider::start().await;
    let (pair, unknown) = (
        Pair::of(Algorithm::ES256, "k"),
        Pair::of(Algorithm::ES256, "unknown"),
    );
    let hostile = [
        ("/hanging", Page::Nothing),
        ("/endless", Page::Endless),
        (
            "/redirecting",
            Page::Status(302, format!("{}/good", provider.address)),
        ),
        ("/failing", Page::Status(500, String::new())),
        ("/garbage", Page::Json("{\"keys\": 7}".to_owned())),
        ("/many", Page::Json(set_of(&[&pair; 101]))),
        (
            "/empty",
            Page::Json("{\"keys\": [7, {\"kty\": \"oct\", \"k\": \"AAAA\"}]}".to_owned()),
        ),
    ];
    provider.show("/good", Page::Json(set_of(&[&pair])));
    let mut file = with_set(&provider, "/good");
    for (path, page) in &hostile {
        provider.show(path, page.clone());
        file.push_str(&with_set(&provider, path));
    }
    let app = hub(file, true).await;
    let good = token(&pair, "/good", "ann");
    wait_until_taken(&app, &good).await;
    for (path, _page) in &hostile {
        provider.wait_until_asked(path, 1).await;
        let token = token(&pair, path, "ann");
        if *path == "/empty" {
            wait_until_refused(&app, &token).await;
        } else {
            refusal(app.get(&token, "/api/auth/me"), 503, "keys_unavailable").await;
        }
    }
    let unknown = token(&unknown, "/good", "ann");
    let before = provider.asked("/good");

    for number in 0..1_000 {
        let answer = app.get(&unknown, "/api/auth/me").send().await.unwrap();
        assert_eq!(answer.status(), 401);
        if number % 100 == 0 {
            self::answer(app.get(&good, "/api/auth/me"), 200).await;
        }
    }

    // One by the unknown names; and on a slow machine one by the time.
    provider.wait_until_asked("/good", before + 1).await;
    assert!(
        provider.asked("/good") <= before + 3,
        "{}",
        provider.asked("/good")
    );
}

#[tokio::test]
async fn the_last_good_set_serves_through_an_outage_and_discovery_trusts_its_own_issuer_alone() {
    let provider = Provider::start().await;
    let pair = Pair::of(Algorithm::ES256, "k");
    provider.show("/jwks", Page::Json(set_of(&[&pair])));
    let document = |issuer: &str, set: &str| {
        Page::Json(json!({"issuer": issuer, "jwks_uri": set}).to_string())
    };
    let own = format!("{}/own/", provider.address);
    let other = format!("{}/other", provider.address);
    let far = format!("{}/far", provider.address);
    let set = format!("{}/jwks", provider.address);
    let well_known = "/.well-known/openid-configuration";
    provider.show(&format!("/own{well_known}"), document(&own, &set));
    provider.show(&format!("/other{well_known}"), document(&own, &set));
    provider.show(
        &format!("/far{well_known}"),
        document(&far, "http://set.example/jwks"),
    );
    let lines = "discovery = true\nalgorithms = [\"ES256\"]\ncreate_users = true";
    let file = [&own, &other, &far]
        .map(|issuer| entry(issuer, lines))
        .concat();
    let app = hub(file, false).await;
    let token = |issuer: &str, pair: &Pair| {
        pair.sign(Algorithm::ES256, &claims(issuer, &json!({"sub": "ann"})))
    };
    wait_until_taken(&app, &token(&own, &pair)).await;
    app.wait_for_log("it is the document of another issuer")
        .await;
    app.wait_for_log("jwks_uri: an address begins with https://")
        .await;
    for issuer in [&other, &far] {
        refusal(
            app.get(&token(issuer, &pair), "/api/auth/me"),
            503,
            "keys_unavailable",
        )
        .await;
    }
    let mut stream = app.connected(&token(&own, &pair), "/api/stream").await;

    provider.show("/jwks", Page::Status(503, String::new()));
    let unknown = token(&own, &Pair::of(Algorithm::ES256, "unknown"));
    refusal(app.get(&unknown, "/api/auth/me"), 401, "invalid_token").await;
    app.wait_for_log("the answer has the status 503").await;

    answer(app.get(&token(&own, &pair), "/api/auth/me"), 200).await;
    app.publish(json!({"user": "ann"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
}
