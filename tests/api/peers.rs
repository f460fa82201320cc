//! The client of a request, its scheme and its host, through the proxies that are trusted.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::signing_in::PASSWORD;
use crate::support::{AppBuilder, TestApp, run};

/// The address that the list of connections shows for a stream that was asked for with these headers.
async fn address_of(app: &TestApp, headers: &[(&str, &str)]) -> String {
    let bob = app.user("bob").await;
    let mut request = app.get(&bob, "/api/stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let stream = send(request).await;
    assert_eq!(stream.status(), 200);
    let connections = app.connections().await;
    let shown = connections.last().unwrap()["remoteAddress"].as_str();
    shown.unwrap().to_owned()
}

#[tokio::test]
async fn the_client_is_the_last_address_that_is_not_trusted() {
    let app = TestApp::spawn().await;
    for (headers, client) in [
        (&[][..], "127.0.0.1"),
        (&[("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        (
            &[("X-Forwarded-For", "198.51.100.9, 192.0.2.1")],
            "192.0.2.1",
        ),
        (
            &[("X-Forwarded-For", "192.0.2.1, 127.0.0.5, ::1")],
            "192.0.2.1",
        ),
        (
            &[
                ("X-Forwarded-For", "192.0.2.1"),
                ("X-Forwarded-For", "192.0.2.2:80"),
            ],
            "192.0.2.2",
        ),
        (&[("X-Forwarded-For", "[2001:db8::1]:443")], "2001:db8::1"),
        (&[("X-Forwarded-For", "::ffff:192.0.2.1")], "192.0.2.1"),
        (&[("X-Forwarded-For", "fe80::1%eth0")], "fe80::1"),
        (&[("X-Forwarded-For", "[fe80::2%25en0]:443")], "fe80::2"),
        (&[("Forwarded", "for=\"192.0.2.43:_port\"")], "192.0.2.43"),
        (
            &[("Forwarded", "for=\"[2001:db8::2%1]:_http\"")],
            "2001:db8::2",
        ),
        (&[("X-Forwarded-For", "nonsense")], "127.0.0.1"),
        (
            &[("Forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43")],
            "192.0.2.60",
        ),
        (
            &[("Forwarded", "for=1.2.3.4, For=\"[2001:db8:cafe::17]:4711\"")],
            "2001:db8:cafe::17",
        ),
        // One of the two was written by the client itself.
        (
            &[
                ("Forwarded", "for=1.2.3.4"),
                ("X-Forwarded-For", "192.0.2.1"),
            ],
            "127.0.0.1",
        ),
    ] {
        assert_eq!(address_of(&app, headers).await, client, "{headers:?}");
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    for trusted in ["none", "10.0.0.0/8,fd00::/8"] {
        let app = AppBuilder::default()
            .env("CAMPANILE_TRUSTED_PROXIES", trusted)
            .spawn()
            .await;
        for headers in [
            &[("X-Forwarded-For", "192.0.2.1")][..],
            &[("Forwarded", "for=192.0.2.1")],
        ] {
            assert_eq!(address_of(&app, headers).await, "127.0.0.1", "{headers:?}");
        }
        let secure = sign_up(&app, &[("X-Forwarded-Proto", "https")]).await;
        assert!(!cookie(&secure).contains("Secure"));
    }
}

#[tokio::test]
async fn a_proxy_is_trusted_in_either_spelling_of_its_address() {
    let app = AppBuilder::default()
        .env("CAMPANILE_LISTEN", "[::]:0")
        .spawn()
        .await;
    let port = app.address().rsplit(':').next().unwrap();
    let bob = app.admin();

    let stream = app
        .client
        .get(format!("http://127.0.0.1:{port}/api/stream"));
    let stream = stream
        .bearer_auth(&bob)
        .header("X-Forwarded-For", "192.0.2.1");
    let _open = send(stream).await;

    let list = app
        .client
        .get(format!("http://127.0.0.1:{port}/api/admin/connections"));
    let list = answer(list.bearer_auth(app.admin()), 200).await;
    assert_eq!(list[0]["remoteAddress"], "192.0.2.1");
}

async fn sign_up(app: &TestApp, headers: &[(&str, &str)]) -> Response {
    let id = format!("u{}", uuid::Uuid::new_v4().simple());
    let body = json!({"userId": id, "password": PASSWORD});
    let mut request = app.request(Method::POST, "/api/auth/signup").json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = send(request).await;
    assert_eq!(response.status(), 201);
    response
}

fn cookie(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.to_owned()
}

#[tokio::test]
async fn the_cookie_is_secure_where_the_browser_comes_by_https() {
    let app = TestApp::spawn().await;
    for (headers, secure) in [
        (&[][..], false),
        (&[("X-Forwarded-Proto", "https")], true),
        (&[("X-Forwarded-Proto", "http")], false),
        (&[("Forwarded", "for=192.0.2.1;proto=https")], true),
        (&[("Forwarded", "for=192.0.2.1")], false),
    ] {
        let cookie = cookie(&sign_up(&app, headers).await);
        assert_eq!(cookie.contains("Secure"), secure, "{headers:?}");
        assert_eq!(cookie.starts_with("__Host-campanile_session="), secure);
    }

    let public = AppBuilder::default()
        .env("CAMPANILE_PUBLIC_URL", "https://hub.example")
        .spawn()
        .await;
    let bob = public.user("bob").await;
    let cookie = cookie(&sign_up(&public, &[]).await);
    assert!(cookie.starts_with("__Host-campanile_session=") && cookie.contains("Secure"));
    let me = |name: &str| {
        let request = public.request(Method::GET, "/api/auth/me");
        request.header("Cookie", format!("{name}={bob}"))
    };
    answer(me("__Host-campanile_session"), 200).await;
    refusal(me("campanile_session"), 401, "unauthorized").await;
}

#[tokio::test]
async fn the_origin_of_the_hub_is_compared_by_scheme_host_and_port() {
    let app = TestApp::spawn().await;
    let post = |headers: &[(&str, &str)]| with(&app, "campanile_session", headers);
    let tls = |headers: &[(&str, &str)]| with(&app, "__Host-campanile_session", headers);

    for (host, origin) in [
        ("hub.example:80", "http://hub.example"),
        ("hub.example", "http://hub.example:80"),
        ("HUB.example", "http://hub.EXAMPLE"),
        ("hub.example:8080", "http://hub.example:8080"),
    ] {
        answer(post(&[("Host", host), ("Origin", origin)]), 201).await;
    }
    let https = ("X-Forwarded-Proto", "https");
    let named = [
        ("Host", "hub.example:443"),
        ("Origin", "https://hub.example"),
        https,
    ];
    answer(tls(&named), 201).await;
    let host = ("X-Forwarded-Host", "hub.example");
    answer(tls(&[("Origin", "https://hub.example"), https, host]), 201).await;
    for origin in [
        "http://hub.example",
        "https://hub.example:80",
        "null",
        "https://hub.example.evil",
    ] {
        let other = [("Host", "hub.example:443"), ("Origin", origin), https];
        refusal(tls(&other), 403, "cross_origin").await;
    }
    let plain = [("Host", "hub.example"), ("Origin", "https://hub.example")];
    refusal(post(&plain), 403, "cross_origin").await;
}

#[tokio::test]
async fn a_public_url_decides_the_origin_and_refuses_no_host() {
    let app = AppBuilder::default()
        .env("CAMPANILE_PUBLIC_URL", "https://Hub.Example:443/")
        .spawn()
        .await;
    let post = |headers: &[(&str, &str)]| with(&app, "__Host-campanile_session", headers);

    for host in ["hub.example", "10.0.0.7:8080", "localhost"] {
        let own = [("Host", host), ("Origin", "https://hub.example")];
        answer(post(&own), 201).await;
        let by_host = format!("https://{host}");
        if host != "hub.example" {
            let other = [("Host", host), ("Origin", by_host.as_str())];
            refusal(post(&other), 403, "cross_origin").await;
        }
    }
}

fn with(app: &TestApp, cookie: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    let token = app.admin();
    let mut request = app.request(Method::POST, "/api/rooms");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .header("Cookie", format!("{cookie}={token}"))
        .json(&json!({"name": "A room"}))
}

#[tokio::test]
async fn origins_of_the_settings_are_normalised_or_stop_the_start() {
    let app = AppBuilder::default()
        .env(
            "CAMPANILE_CORS_ORIGINS",
            " https://bücher.example , HTTPS://Shop.example:443/",
        )
        .spawn()
        .await;
    for (origin, allowed) in [
        ("https://xn--bcher-kva.example", true),
        ("https://shop.example", true),
        ("http://shop.example", false),
    ] {
        let response = send(app.get(&app.admin(), "/api/rooms").header("Origin", origin)).await;
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(
            header.is_some_and(|header| header == origin),
            allowed,
            "{origin}"
        );
    }
    for (name, bad) in [
        ("CAMPANILE_CORS_ORIGINS", "https://a.example/path"),
        ("CAMPANILE_CORS_ORIGINS", "https://*.example"),
        ("CAMPANILE_CORS_ORIGINS", "a.example"),
        ("CAMPANILE_PUBLIC_URL", "https://hub.example/hub"),
        ("CAMPANILE_PUBLIC_URL", "hub.example"),
        ("CAMPANILE_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("CAMPANILE_TRUSTED_PROXIES", "everybody"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), &["serve"], &[(name, bad)], "").await;
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(
            words.contains(name) && words.contains("expected") || words.contains("wildcard"),
            "{words}"
        );
        let made = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(made, 0, "nothing was created: {bad}");
    }
}
