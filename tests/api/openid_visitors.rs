//! Signing in with providers: those that are away or hostile, and what a visitor is told.

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::answers::answer;
use crate::openid::{Sent, cookie, entry, give, hub, refused, show};
use crate::provider::{Page, Pair, Provider};
use crate::signing_in::PASSWORD;
use crate::support::{DEADLINE, until};

/// Shows providers with documents and token endpoints that are wrong in one way each.
fn show_hostile(server: &Provider) {
    let key = Pair::of(Algorithm::ES256, "k");
    let authorization = |to: serde_json::Value| json!({"authorization_endpoint": to});
    for (name, changes) in [
        ("other", json!({"issuer": "https://other.example"})),
        ("script", authorization(json!("javascript:alert(1)"))),
        ("plain", authorization(json!("http://10.0.0.1/"))),
        ("nowhere", authorization(json!(null))),
        ("inside", json!({"token_endpoint": "http://10.0.0.1/"})),
        ("moved", json!({})),
        ("broken", json!({})),
        ("endless", json!({})),
        ("empty", json!({})),
        ("hanging", json!({})),
    ] {
        show(server, name, &key, &changes);
    }
    let redirect = Page::Status(302, format!("{}/moved/other", server.address));
    server.show("/moved/token", redirect);
    server.show("/broken/token", Page::Status(500, String::new()));
    server.show("/endless/token", Page::Endless);
    let no_token = json!({"access_token": "a", "token_type": "Bearer"}).to_string();
    server.show("/empty/token", Page::Json(no_token));
    server.show("/hanging/token", Page::Nothing);
    server.show("/silent/.well-known/openid-configuration", Page::Nothing);
}

#[tokio::test]
async fn a_provider_that_is_away_or_hostile_signs_nobody_in_and_slows_nobody() {
    let server = Provider::start().await;
    show_hostile(&server);
    let names = [
        "other", "script", "plain", "nowhere", "inside", "moved", "broken", "endless", "empty",
        "hanging", "silent", "absent",
    ];
    let app = hub(names.map(|name| entry(&server, name, "")).concat()).await;
    // By now each visitor who is known at all is known.
    Sent::to(&app, "hanging").await;
    server
        .wait_until_asked("/absent/.well-known/openid-configuration", 1)
        .await;
    let begin = async |name: &str| {
        let request = app.request(Method::GET, &format!("/login/{name}"));
        request
            .header("Accept-Language", "en")
            .send()
            .await
            .unwrap()
    };

    for name in ["other", "silent", "absent"] {
        let words = "does not answer the hub";
        refused(name, begin(name).await, 503, words).await;
    }
    for name in ["script", "plain", "nowhere"] {
        until("the document is there", DEADLINE, async || {
            (begin(name).await.status() == 401).then_some(())
        })
        .await;
    }
    for name in ["inside", "moved", "broken", "endless", "empty"] {
        let sent = Sent::to(&app, name).await;
        refused(name, sent.back(&app, "").await, 401, "did not sign you in").await;
    }
    assert_eq!(
        server.asked("/moved/other"),
        0,
        "a redirect is not followed"
    );
    let hanging = Sent::to(&app, "hanging").await;
    let waiting = hanging.back(&app, "");
    let others = async {
        server.wait_until_asked("/hanging/token", 1).await;
        answer(app.get(&app.admin(), "/api/auth/me"), 200).await;
    };
    tokio::select! {
        biased;
        () = others => {}
        _answer = waiting => panic!("the provider does not answer"),
    }
}

#[tokio::test]
async fn an_account_that_is_disabled_or_missing_is_told_on_the_sign_in_page() {
    let server = Provider::start().await;
    let key = Pair::of(Algorithm::ES256, "k");
    for name in ["company", "strict"] {
        show(&server, name, &key, &json!({}));
    }
    let app = hub(entry(&server, "company", "") + &entry(&server, "strict", "")).await;
    let sign_in = async |name: &str, user: &str| {
        let sent = Sent::to(&app, name).await;
        let claims = sent.claims(&server, user, &json!({"name": "Ann"}));
        give(&server, name, &key.sign(Algorithm::ES256, &claims));
        sent.back(&app, "").await
    };
    let response = sign_in("company", "auth0|ann").await;
    let session = cookie(&response, "campanile_session").unwrap();
    let me = answer(app.get(&session, "/api/auth/me"), 200).await;
    assert_eq!(me["id"], "auth0|ann");

    let disabled = json!({"disabled": true});
    let change = app.put(&app.admin(), "/api/users/auth0%7Cann");
    answer(change.json(&disabled), 200).await;
    app.sign_up("bob", PASSWORD).await;

    let response = sign_in("company", "auth0|ann").await;
    refused("disabled", response, 403, "This account is disabled.").await;
    let response = sign_in("strict", "zoe").await;
    refused("unknown", response, 401, "You have no account here.").await;
    let response = sign_in("company", "bob").await;
    refused("bob", response, 401, "does not belong to this provider").await;
    // Another provider's account.
    sign_in("company", "carol").await;
    let response = sign_in("strict", "carol").await;
    refused("carol", response, 401, "does not belong to this provider").await;
}

#[tokio::test]
async fn the_sign_in_page_has_a_button_for_each_provider_in_the_language_of_the_visitor() {
    let server = Provider::start().await;
    let app = hub(entry(&server, "company", "") + &entry(&server, "strict", "")).await;
    app.sign_up("bob", PASSWORD).await;
    for (language, words) in [
        ("en", "Continue with strict"),
        ("ko", "strict 계정으로 계속"),
    ] {
        let page = app.request(Method::GET, "/?next=%2Frooms");
        let page = page
            .header("Accept-Language", language)
            .send()
            .await
            .unwrap();
        let policy = page.headers()["content-security-policy"].clone();
        assert_eq!(policy, "default-src 'self'; frame-ancestors 'none'");
        let page = page.text().await.unwrap();
        assert!(page.contains(words), "{page}");
        assert!(
            page.contains("href=\"/login/company?next=%2Frooms\""),
            "{page}"
        );
    }
    let form = [("userId", "bob"), ("password", PASSWORD)];
    let sign_in = app.request(Method::POST, "/login").form(&form);
    let sign_in = sign_in
        .header("Origin", &app.base_url)
        .send()
        .await
        .unwrap();
    let cleared = sign_in.headers().get_all("set-cookie").iter();
    let mut cleared = cleared.map(|line| line.to_str().unwrap());
    assert!(
        cleared
            .any(|line| line.starts_with("campanile_provider=;") && line.contains("Path=/logout")),
        "the provider has no part in a session with a password"
    );
}
