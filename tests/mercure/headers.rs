//! Routes that the settings open and close, and the metadata.

use reqwest::Method;
use serde_json::Value;

use crate::hub::{AUDIENCE, Hub, KEY, PATH, answer, outcome, status, strict, token, token_0};
use crate::support::{AppBuilder, run};

const METADATA: &str = "/.well-known/oauth-protected-resource/.well-known/mercure";

#[tokio::test]
async fn without_settings_there_is_no_route_of_the_protocol() {
    let hub = Hub::ours(AppBuilder::default()).await;

    for path in [PATH, METADATA] {
        assert_eq!(status(hub.request(Method::GET, path)).await, 404, "{path}");
        assert_eq!(status(hub.request(Method::POST, path)).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_route_whose_role_has_no_key_is_not_there() {
    let publisher = AppBuilder::default().env("MERCURE_PUBLISHER_JWT_KEY", KEY);
    let subscriber = AppBuilder::default().env("MERCURE_SUBSCRIBER_JWT_KEY", KEY);
    let all = token_0(&["*"], &["*"]);

    let hub = Hub::ours(publisher).await;
    assert_eq!(status(hub.get("topic=a").bearer_auth(&all)).await, 405);
    assert_eq!(status(hub.post(&all, &[("topic", "a")])).await, 200);
    let hub = Hub::ours(subscriber).await;
    assert_eq!(status(hub.get("topic=a").bearer_auth(&all)).await, 200);
    assert_eq!(status(hub.post(&all, &[("topic", "a")])).await, 405);
}

#[tokio::test]
async fn a_hub_for_everybody_without_keys_only_streams() {
    let settings = AppBuilder::default()
        .env("CAMPANILE_MERCURE", "on")
        .env("CAMPANILE_MERCURE_ANONYMOUS", "on")
        .env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on");
    let hub = Hub::ours(settings).await;
    let all = token_0(&["*"], &["*"]);

    assert_eq!(status(hub.get("match=a")).await, 200);
    assert_eq!(status(hub.get("match=a").bearer_auth(&all)).await, 401);
    assert_eq!(status(hub.post(&all, &[("topic", "a")])).await, 405);
    for path in [METADATA, "/.well-known/mercure/subscriptions"] {
        assert_eq!(status(hub.request(Method::GET, path)).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_key_of_one_role_does_not_stand_for_the_other() {
    let settings = AppBuilder::default()
        .env("MERCURE_PUBLISHER_JWT_KEY", KEY)
        .env(
            "MERCURE_SUBSCRIBER_JWT_KEY",
            "the key of subscribers, of thirty-two bytes or more",
        );
    let hub = Hub::ours(settings).await;
    let all = token_0(&["*"], &["*"]);

    assert_eq!(status(hub.post(&all, &[("topic", "a")])).await, 200);
    assert_eq!(status(hub.get("topic=a").bearer_auth(&all)).await, 401);
}

#[tokio::test]
async fn the_metadata_describe_the_hub_as_a_protected_resource() {
    let hub = Hub::version_1().await;

    let headed = answer(hub.request(Method::HEAD, METADATA)).await;
    let answered = answer(hub.request(Method::GET, METADATA)).await;

    for answered in [&headed, &answered] {
        assert_eq!(answered.status(), 200);
        assert_eq!(answered.headers()["content-type"], "application/json");
    }
    assert_eq!(headed.text().await.unwrap(), "");
    let metadata: Value = answered.json().await.unwrap();
    assert_eq!(metadata["resource"], AUDIENCE);
    assert_eq!(metadata["bearer_methods_supported"][0], "header");
    let types = &metadata["authorization_details_types_supported"];
    assert_eq!(types[0], "https://mercure.rocks/authorization-detail");
    if hub.is_ours() {
        assert_eq!(metadata["authorization_servers"][0], "https://localhost");
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &[]);

    for request in [hub.get("match=a"), hub.post(&all, &[("topic", "a")])] {
        let answered = answer(request).await;
        assert_eq!(answered.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answered.headers()["x-frame-options"], "DENY");
        let policy = &answered.headers()["content-security-policy"];
        assert_eq!(policy, "default-src 'self'");
    }
}

#[tokio::test]
async fn another_spelling_of_the_path_and_another_method_are_refused() {
    let hub = Hub::version_1().await;
    let all = token(&["*"], &["*"]);

    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = hub.request(method, PATH).bearer_auth(&all);
        assert_eq!(status(request).await, 405);
    }
    let other = hub.request(Method::GET, "/.well-known/%6Dercure?match=a");
    assert_eq!(status(other.bearer_auth(&all)).await, 404);
}

#[tokio::test]
async fn the_audience_of_a_hub_without_a_public_url_is_that_of_a_request_on_its_own_machine() {
    let settings = crate::hub::keys().env("MERCURE_TRUSTED_ISSUERS", crate::hub::ISSUER);
    let hub = Hub::ours(settings).await;
    let mut claims = crate::hub::claims(&["*"], &["*"]);
    claims["aud"] = format!("{}{PATH}", hub.app().base_url).into();
    let local = crate::hub::sign_1(&claims);

    assert_eq!(status(hub.post(&local, &[("topic", "a")])).await, 200);
    assert_eq!(
        status(hub.post(&token(&["*"], &[]), &[("topic", "a")])).await,
        401
    );
    let passed_on = hub
        .post(&local, &[("topic", "a")])
        .header("x-forwarded-for", "192.0.2.1");
    assert_eq!(status(passed_on).await, 401);
}

#[tokio::test]
async fn settings_that_are_unsafe_or_not_supported_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let starts = async |settings: &[(&str, &str)]| {
        let output = run(folder.path(), &["serve"], settings, "").await;
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };

    let public = ("CAMPANILE_PUBLIC_URL", "https://hub.example");
    let (code, text) = starts(&[("MERCURE_PUBLISHER_JWT_KEY", KEY), public]).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("example of the documentation"), "{text}");
    let (code, text) = starts(&[
        ("MERCURE_SUBSCRIBER_JWT_KEY", "no PEM"),
        ("MERCURE_SUBSCRIBER_JWT_ALG", "RS256"),
    ])
    .await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("MERCURE_SUBSCRIBER_JWT_ALG"), "{text}");
    assert!(!text.contains("no PEM"), "{text}");

    let public_key = rcgen::KeyPair::generate().unwrap().public_key_pem();
    let (code, text) = starts(&[("MERCURE_PUBLISHER_JWT_KEY", &public_key)]).await;
    assert_eq!(code, Some(2), "a public key is no secret: {text}");

    let settings = crate::hub::keys().env("MERCURE_TRANSPORT_URL", "bolt://mercure.db");
    let hub = Hub::ours(settings).await;
    let log = hub.app().log();
    assert!(
        log.contains("MERCURE_TRANSPORT_URL is set, and this hub does not support it"),
        "{log}"
    );
    assert!(log.contains("versions 1.0 and 0"), "{log}");
    let strict = Hub::ours(strict()).await;
    let log = strict.app().log();
    assert!(log.contains("with tokens of version 1.0"), "{log}");
    let (code, _) = outcome(strict.post(&token_0(&["*"], &[]), &[("topic", "a")])).await;
    assert_eq!(code, 401);
}
