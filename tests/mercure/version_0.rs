//! Version 0: tokens with the claim `mercure`, topic selectors, and the answers of its hubs.

use serde_json::json;

use crate::hub::{
    Hub, KEY, answer, header, keys, next_ids, outcome, sign, sign_0, status, token, token_0,
    url_escaped,
};
use crate::support::SseClient;

#[tokio::test]
async fn a_client_of_version_0_subscribes_with_selectors_and_resumes() {
    let hub = Hub::version_0().await;
    let all = token_0(&["*"], &["*"]);
    let template = url_escaped(b"https://example.com/books/{id}");
    let mut stream = hub
        .subscribe(&all, &format!("topic={template}&topic=exact"))
        .await;

    for (id, topic) in [
        ("no", "https://example.com/books/1/2"),
        ("1", "https://example.com/books/1"),
        ("no", "other"),
        ("2", "exact"),
        ("3", "https://example.com/books/{id}"),
    ] {
        let private = [
            ("topic", topic),
            ("id", id),
            ("private", "on"),
            ("type", "t"),
        ];
        hub.publish(&all, &private).await;
    }

    assert_eq!(next_ids(&mut stream, 3).await, ["1", "2", "3"]);
    for name in ["lastEventID", "Last-Event-ID", "last_event_id"] {
        let query = format!("topic=exact&topic={template}&{name}=1");
        let mut resumed = hub.subscribe(&all, &query).await;
        assert_eq!(header(&resumed, "last-event-id"), Some("1"), "{name}");
        assert_eq!(next_ids(&mut resumed, 2).await, ["2", "3"], "{name}");
    }
}

#[tokio::test]
async fn tokens_of_version_0_are_taken_as_its_hubs_take_them() {
    let hub = Hub::version_0().await;
    let other_claim =
        sign_0(&json!({"https://mercure.rocks/": {"publish": ["*"], "subscribe": ["*"]}}));
    let objects = sign_0(
        &json!({"mercure": {"publish": [{"match": "*"}], "subscribe": [{"match": "a", "match_type": "exact"}]}}),
    );
    let template = token_0(&["https://example.com/{id}"], &[]);
    let good = token_0(&["*"], &["*"]);

    for one in [&other_claim, &objects] {
        assert_eq!(status(hub.post(one, &[("topic", "a")])).await, 200);
        assert_eq!(status(hub.get("topic=a").bearer_auth(one)).await, 200);
    }
    let granted = hub.post(&template, &[("topic", "https://example.com/1")]);
    assert_eq!(status(granted).await, 200);
    for refused in [
        hub.post(&template, &[("topic", "https://example.com/1/2")]),
        hub.post(&token_0(&[], &["*"]), &[("topic", "a")]),
        hub.post(
            &sign_0(&json!({"sub": "x"})),
            &[("topic", "a"), ("private", "on")],
        ),
    ] {
        let refused = answer(refused).await;
        assert_eq!(refused.status(), 401, "a missing grant");
        assert_eq!(refused.headers().get("www-authenticate"), None);
    }
    let reserved = hub.post(&good, &[("topic", "/.well-known/mercure/x")]);
    assert_eq!(status(reserved).await, 403);
    let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    let bad = [
        sign_0(&json!({"exp": 1, "mercure": {"publish": ["*"], "subscribe": ["*"]}})),
        sign_0(&json!({"mercure": {"publish": many, "subscribe": many}})),
        sign(
            "JWT",
            &json!({"mercure": {"subscribe": ["*"]}}),
            "another key of the right length, not the hub's",
        ),
    ];
    for one in &bad {
        let refused = answer(hub.get("topic=a").bearer_auth(one)).await;
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers().get("www-authenticate"), None);
    }
    let cookie = hub
        .get("topic=a")
        .header("cookie", format!("mercureAuthorization={good}"));
    assert_eq!(status(cookie).await, 200);
    assert_eq!(
        status(hub.get(&format!("topic=a&authorization={good}"))).await,
        200
    );
    assert_eq!(status(hub.get("topic=a&authorization=bad")).await, 401);
    let (code, text) = outcome(hub.get("lastEventID=1").bearer_auth(&good)).await;
    assert_eq!((code, text.trim()), (400, "Missing \"topic\" parameter."));
}

#[tokio::test]
async fn the_dialect_is_decided_for_each_token() {
    let settings = crate::hub::strict().env("CAMPANILE_MERCURE_COMPATIBILITY", "on");
    let hub = Hub::ours(settings).await;
    let (one, zero) = (token(&["*"], &["*"]), token_0(&["*"], &["*"]));
    let mut new = hub.subscribe(&one, "match=a").await;
    let mut old = hub.subscribe(&zero, "topic=a").await;

    hub.publish(&zero, &[("topic", "a"), ("id", "1"), ("private", "on")])
        .await;
    hub.publish(&one, &[("topic", "a"), ("id", "2"), ("private", "on")])
        .await;

    assert_eq!(next_ids(&mut new, 2).await, ["1", "2"]);
    assert_eq!(next_ids(&mut old, 2).await, ["1", "2"]);
    let mut claims = crate::hub::claims(&["*"], &["*"]);
    claims["aud"] = json!("https://other.example");
    let strict = hub.post(&crate::hub::sign_1(&claims), &[("topic", "a")]);
    assert_eq!(status(strict).await, 401, "a token of 1.0 is judged by 1.0");
    assert_eq!(
        status(hub.post(&token(&[], &[]), &[("topic", "a")])).await,
        403
    );
    assert_eq!(
        status(hub.post(&token_0(&[], &[]), &[("topic", "a")])).await,
        401
    );
}

/// The conformance tests of version 0: an `EventSource` and a POST with a fixed token.
#[tokio::test]
async fn the_hub_of_the_conformance_tests_works_as_they_expect() {
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_ANONYMOUS", "on")).await;
    let all = sign(
        "JWT",
        &json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}}),
        KEY,
    );
    let mut stream = SseClient::open(hub.get("topic=https%3A%2F%2Flocalhost%2Fa")).await;

    let data = " first\n\n third";
    let form = [
        ("topic", "https://localhost/a"),
        ("data", data),
        ("id", "urn:x:1"),
    ];
    hub.publish(&all, &form).await;

    let event = stream.next_event(crate::support::DEADLINE).await;
    assert_eq!(
        (event.id.as_deref(), event.data.as_str()),
        (Some("urn:x:1"), data)
    );
    let root = answer(hub.request(reqwest::Method::GET, "/")).await;
    assert!(root.status().is_success() || root.status().is_redirection());
}
