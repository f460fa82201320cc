//! Other sites: CORS, and publishing with a cookie.

use reqwest::Method;

use crate::hub::{Hub, PATH, answer, keys, status, token_0};

#[tokio::test]
async fn a_cookie_publishes_only_from_the_origins_of_the_settings() {
    let origins = "https://app.example,https://*.wild.example";
    let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_PUBLISH_ORIGINS", origins)).await;
    let cookie = format!("mercureAuthorization={}", token_0(&["*"], &["*"]));
    let post = || {
        hub.request(Method::POST, PATH)
            .header("cookie", &cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("topic=a")
    };

    let good = [
        post().header("origin", "https://app.example"),
        post().header("origin", "https://x.wild.example"),
        post().header("referer", "https://app.example/page?x=1"),
    ];
    for request in good {
        assert_eq!(status(request).await, 200);
    }
    let bad = [
        post(),
        post().header("origin", "https://evil.example"),
        post().header("origin", "null"),
        post().header("origin", "https://wild.example"),
        post().header("referer", "https://evil.example/https://app.example/"),
        post()
            .header("origin", "https://evil.example")
            .header("referer", "https://app.example/"),
    ];
    for request in bad {
        let refused = answer(request).await;
        assert_eq!(refused.status(), 400);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{challenge}"
        );
    }
    let reading = hub.get("topic=a").header("cookie", &cookie);
    assert_eq!(status(reading).await, 200, "reading changes nothing");
}

#[tokio::test]
async fn pages_of_named_origins_may_call_and_read_the_id_to_resume_from() {
    let settings = keys()
        .env("CAMPANILE_MERCURE_CORS_ORIGINS", "https://app.example")
        .env("CAMPANILE_MERCURE_ANONYMOUS", "on");
    let hub = Hub::ours(settings).await;
    let preflight = |origin: &'static str| {
        hub.request(Method::OPTIONS, PATH)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header(
                "access-control-request-headers",
                "authorization, last-event-id",
            )
    };

    let allowed = answer(preflight("https://app.example")).await;
    assert_eq!(allowed.status(), 204);
    let fields = allowed.headers();
    assert_eq!(fields["access-control-allow-origin"], "https://app.example");
    assert_eq!(fields["access-control-allow-credentials"], "true");
    let methods = fields["access-control-allow-methods"].to_str().unwrap();
    assert_eq!(methods, "GET, HEAD, POST, QUERY");
    let names = fields["access-control-allow-headers"].to_str().unwrap();
    assert!(
        names.contains("authorization") && names.contains("last-event-id"),
        "{names}"
    );

    let other = answer(preflight("https://evil.example")).await;
    assert_eq!(other.headers().get("access-control-allow-origin"), None);
    for (origin, wanted) in [
        ("https://app.example", true),
        ("https://evil.example", false),
    ] {
        let get = hub.get("topic=a&lastEventID=1").header("origin", origin);
        let answered = answer(get).await;
        let fields = answered.headers();
        assert_eq!(answered.status(), 200);
        assert_eq!(fields.contains_key("access-control-allow-origin"), wanted);
        if wanted {
            let exposed = fields["access-control-expose-headers"].to_str().unwrap();
            assert!(exposed.contains("Mercure-Last-Event-ID"), "{exposed}");
        }
    }
}

#[tokio::test]
async fn any_origin_may_read_without_credentials() {
    let settings = keys().env("CAMPANILE_MERCURE_CORS_ORIGINS", "*");
    let hub = Hub::ours(settings).await;

    let answered = answer(hub.get("topic=a").header("origin", "https://any.example")).await;

    assert_eq!(answered.status(), 401);
    assert_eq!(answered.headers()["access-control-allow-origin"], "*");
    let credentials = answered.headers().get("access-control-allow-credentials");
    assert_eq!(credentials, None);
}

/// A page in a sandboxed frame, or one of a file, has the origin `null`.
#[tokio::test]
async fn a_page_whose_origin_is_null_may_read_only_where_the_settings_name_it() {
    let all = token_0(&["*"], &["*"]);
    for (origins, wanted) in [
        ("https://app.example,null", Some("null")),
        ("https://app.example", None),
    ] {
        let hub = Hub::ours(keys().env("CAMPANILE_MERCURE_CORS_ORIGINS", origins)).await;
        for request in [
            hub.get("topic=a").bearer_auth(&all),
            hub.post(&all, &[("topic", "a")]),
        ] {
            let answered = answer(request.header("origin", "null")).await;
            assert_eq!(answered.status(), 200, "{origins}");
            let allowed = answered.headers().get("access-control-allow-origin");
            assert_eq!(allowed.map(|value| value.to_str().unwrap()), wanted);
        }
    }
}

/// The hub's own routes have a setting of their own, and no answer has the fields of both.
#[tokio::test]
async fn the_origins_of_the_hubs_own_routes_do_not_hinder_those_of_the_protocol() {
    let settings = keys()
        .env("CAMPANILE_CORS_ORIGINS", "https://own.example")
        .env("CAMPANILE_MERCURE_CORS_ORIGINS", "https://app.example");
    let hub = Hub::ours(settings).await;
    let all = token_0(&["*"], &["*"]);

    for (request, wanted) in [
        (hub.get("topic=a").bearer_auth(&all), 200),
        (hub.get("topic=a"), 401),
        (hub.post(&all, &[("topic", "a")]), 200),
        (hub.post(&all, &[]), 400),
    ] {
        let answered = answer(request.header("origin", "https://app.example")).await;
        assert_eq!(answered.status(), wanted);
        let allowed: Vec<_> = answered
            .headers()
            .get_all("access-control-allow-origin")
            .iter()
            .collect();
        assert_eq!(allowed, ["https://app.example"], "{wanted}");
    }
}
