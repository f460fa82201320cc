//! Every refusal has the fields that let a page of a named origin read it, those of security, a plain text, and a challenge
//! where the token is the reason.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::hub::{Hub, PATH, answer, keys, outcome, sign_0, strict, token};

const ORIGIN: &str = "https://app.example";

const LIST: &str = "/.well-known/mercure/subscriptions";

/// A name, a request, the status of its answer, and the error of the challenge if there is one; "" for a challenge without an error.
type Case = (&'static str, RequestBuilder, u16, Option<&'static str>);

#[tokio::test]
async fn every_refusal_can_be_read_by_a_page_and_says_what_the_protocol_wants() {
    let settings = strict()
        .env("CAMPANILE_MERCURE_CORS_ORIGINS", ORIGIN)
        .env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on");
    let hub = Hub::ours(settings).await;
    let cases: Vec<Case> = [
        of_tokens(&hub),
        of_subscribing(&hub),
        of_publishing(&hub),
        of_the_list(&hub),
    ]
    .into_iter()
    .flatten()
    .collect();

    for (name, request, status, error) in cases {
        let refused = answer(request.header("origin", ORIGIN)).await;
        assert_eq!(refused.status(), status, "{name}");
        let field = |field: &str| {
            let value = refused.headers().get(field);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let is = |name: &str, wanted: &str| field(name).as_deref() == Some(wanted);
        assert!(is("access-control-allow-origin", ORIGIN), "{name}");
        assert!(is("access-control-allow-credentials", "true"), "{name}");
        let exposed = field("access-control-expose-headers").unwrap();
        assert!(exposed.contains("WWW-Authenticate"), "{name}: {exposed}");
        assert!(is("x-content-type-options", "nosniff"), "{name}");
        assert!(is("content-type", "text/plain; charset=utf-8"), "{name}");
        let codings = field("accept-encoding");
        assert_eq!(codings.is_some(), status == 415, "{name}: {codings:?}");
        let challenge = field("www-authenticate");
        let metadata = "resource_metadata=\"https://localhost/.well-known/oauth-protected-resource/.well-known/mercure\"";
        let wanted = error.map(|error| match error {
            "" => format!("Bearer {metadata}"),
            error => format!("Bearer error=\"{error}\", {metadata}"),
        });
        assert_eq!(challenge, wanted, "{name}");
        let text = refused.text().await.unwrap();
        assert!(
            text.ends_with('\n') && !text.contains('{'),
            "{name}: {text}"
        );
    }
}

fn of_tokens(hub: &Hub) -> Vec<Case> {
    let bad = "x".repeat(50);
    let good = token(&["*"], &["*"]);
    let cookie = format!("__Secure-mercure_access_token={good}");
    let by_cookie = hub.request(Method::POST, PATH).header("cookie", cookie);
    let form = |request: RequestBuilder| {
        let kind = "application/x-www-form-urlencoded";
        request.header("content-type", kind).body("topic=a")
    };
    let post = || form(hub.request(Method::POST, PATH));
    vec![
        ("no token", hub.get("match=a"), 401, Some("")),
        ("no token to publish", post(), 401, Some("")),
        (
            "a bad token",
            hub.get("match=a").bearer_auth(&bad),
            401,
            Some("invalid_token"),
        ),
        (
            "a bad token to publish",
            post().bearer_auth(&bad),
            401,
            Some("invalid_token"),
        ),
        (
            "no grant to publish",
            post().bearer_auth(token(&["b"], &["a"])),
            403,
            Some("insufficient_scope"),
        ),
        (
            "another scheme",
            hub.get("match=a").header("authorization", "Basic eDp5"),
            400,
            Some("invalid_request"),
        ),
        (
            "another scheme to publish",
            post().header("authorization", "Basic eDp5"),
            400,
            Some("invalid_request"),
        ),
        (
            "a cookie from a page that may not publish",
            form(by_cookie),
            400,
            Some("invalid_request"),
        ),
    ]
}

fn of_subscribing(hub: &Hub) -> Vec<Case> {
    let all = token(&[], &["*"]);
    let get = |query: &str| hub.get(query).bearer_auth(&all);
    let query = |body: String| {
        let method = Method::from_bytes(b"QUERY").unwrap();
        hub.request(method, PATH).bearer_auth(&all).body(body)
    };
    let large = format!("match=a&x={}", "x".repeat(2 * 1024 * 1024));
    let coded = query("match=a".to_owned()).header("content-encoding", "gzip");
    vec![
        ("no matcher", get(""), 400, None),
        ("an unknown matcher", get("matchRegexp=a"), 400, None),
        ("a control character", get("match=a%0A"), 400, None),
        ("a bad pattern", get("match_urlpattern=%7B"), 400, None),
        ("many matchers", get(&["match=a"; 101].join("&")), 400, None),
        ("QUERY without a matcher", query(String::new()), 400, None),
        ("a large QUERY", query(large), 413, None),
        ("a coded QUERY", coded, 415, None),
    ]
}

fn of_publishing(hub: &Hub) -> Vec<Case> {
    let all = token(&["*"], &[]);
    let post = |form: &[(&str, &str)]| hub.post(&all, form);
    let long = "x".repeat(4_097);
    let large = "x".repeat(2 * 1024 * 1024);
    let coded = post(&[("topic", "a")]).header("content-encoding", "gzip");
    let key = post(&[("topic", "a")]).header("idempotency-key", "");
    let json = hub.request(Method::POST, PATH).bearer_auth(&all);
    vec![
        ("no topic", post(&[("data", "x")]), 400, None),
        ("JSON", json.json(&json!({"topic": "a"})), 400, None),
        ("a bad topic", post(&[("topic", "a\0")]), 400, None),
        (
            "a reserved topic",
            post(&[("topic", "/.well-known/mercure/x")]),
            400,
            None,
        ),
        ("a bad id", post(&[("topic", "a"), ("id", "#1")]), 400, None),
        (
            "a bad type",
            post(&[("topic", "a"), ("type", "mercure")]),
            400,
            None,
        ),
        (
            "a bad retry",
            post(&[("topic", "a"), ("retry", "1s")]),
            400,
            None,
        ),
        (
            "bad data",
            post(&[("topic", "a"), ("data", "\0")]),
            400,
            None,
        ),
        ("a bad key", key, 400, None),
        (
            "a long id",
            post(&[("topic", "a"), ("id", &long)]),
            413,
            None,
        ),
        (
            "many topics",
            hub.post_body(&all, ["topic=a"; 1_001].join("&")),
            413,
            None,
        ),
        (
            "a large body",
            post(&[("topic", "a"), ("data", &large)]),
            413,
            None,
        ),
        ("a coded body", coded, 415, None),
    ]
}

fn of_the_list(hub: &Hub) -> Vec<Case> {
    let all = token(&[], &["*"]);
    let whole = || hub.request(Method::GET, LIST);
    let list = |rest: &str| {
        let path = format!("{LIST}/{rest}");
        hub.request(Method::GET, &path).bearer_auth(&all)
    };
    vec![
        ("no token to list", whole(), 401, Some("")),
        (
            "a bad token to list",
            whole().bearer_auth("x".repeat(50)),
            401,
            Some("invalid_token"),
        ),
        (
            "no grant to list",
            whole().bearer_auth(token(&["*"], &["a"])),
            403,
            Some("insufficient_scope"),
        ),
        ("an unknown type", list("other/a"), 400, None),
        ("a wrong escape", list("exact/%zz"), 400, None),
        ("bytes that are no text", list("exact/%FF"), 400, None),
        (
            "a subscriber that is no text",
            list("exact/a/%C3%28"),
            400,
            None,
        ),
        ("a type that is no text", list("%FF/a"), 400, None),
        ("too many segments", list("exact/a/b/c"), 400, None),
        ("nobody", list("exact/a/urn%3Auuid%3Ax"), 404, None),
    ]
}

#[tokio::test]
async fn a_path_of_version_0_that_is_no_text_is_a_bad_request() {
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_SUBSCRIPTIONS", "on")).await;
    let all = sign_0(&json!({"mercure": {"subscribe": ["*"]}}));

    for path in [
        "/%FF",
        "/%C3",
        "/a/%FF",
        "/%ED%A0%80/a",
        "/a%FFb/c",
        "/%FF/%FF/%FF",
    ] {
        let list = hub.request(Method::GET, &format!("{LIST}{path}"));
        let (code, text) = outcome(list.bearer_auth(&all)).await;
        assert_eq!((code, text.as_str()), (400, "Bad Request\n"), "{path}");
        let nobody = hub.request(Method::GET, &format!("{LIST}{path}"));
        assert_eq!(outcome(nobody).await.0, 401, "{path}");
    }
    let other = hub.request(Method::GET, "/.well-known/mercure%FF");
    let (code, _) = outcome(other.bearer_auth(&all)).await;
    assert!(
        (400..500).contains(&code),
        "no route of the protocol: {code}"
    );
}

#[tokio::test]
async fn a_preflight_from_an_unknown_origin_names_the_setting_of_the_protocol() {
    let hub = Hub::ours(strict()).await;
    let preflight = |path: &str| {
        hub.request(Method::OPTIONS, path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "GET")
    };

    for (path, setting) in [
        (PATH, "CAMPANILE_MERCURE_CORS_ORIGINS"),
        ("/api/alarms", "CAMPANILE_CORS_ORIGINS"),
    ] {
        let (code, text) = outcome(preflight(path)).await;
        assert_eq!(code, 403, "{path}");
        assert!(text.contains(&format!("not in {setting}")), "{text}");
    }
}
