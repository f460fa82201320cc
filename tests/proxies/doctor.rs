//! `campanile doctor` through proxies that do it right, and through proxies that do one thing wrong each.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::documented_proxy::Proxy;
use crate::support::port::free_port;
use crate::support::tls::CERT_FILE;
use crate::support::{AppBuilder, TestApp, run};
use crate::{caddy, haproxy, mends, nginx};

/// Lines of the documented configuration, each with the one in its place.
pub(crate) type Changes<'a> = &'a [(&'a str, &'a str)];

/// A hub whose streams are silent: what cuts them off is the proxy.
pub(crate) async fn silent_hub() -> TestApp {
    AppBuilder::default()
        .env("CAMPANILE_LISTEN", &format!("127.0.0.1:{}", free_port()))
        .env("CAMPANILE_HEARTBEAT_SECONDS", "3600")
        .spawn()
        .await
}

/// The report, and the names of the findings.
pub(crate) async fn examined(
    app: &TestApp,
    proxy: &Proxy,
    token: &str,
    idle: &str,
) -> (Value, BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    proxy.identity.write(folder.path());
    let file = folder.path().join(CERT_FILE).display().to_string();
    let environment = [
        ("CAMPANILE_TOKEN", token),
        ("CAMPANILE_CA_FILE", file.as_str()),
    ];
    let origin = proxy.origin();
    let arguments = ["doctor", &origin, "--json", "--idle", idle];
    let output = run(app.folder(), &arguments, &environment, "").await;
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|cause| panic!("{cause}: {output:?}"));
    assert_eq!(report["url"], origin);
    let checks = report["checks"].as_array().unwrap();
    let bad = checks.iter().filter(|check| check["ok"] == false);
    let found: BTreeSet<String> = bad.map(named).collect();
    let code = i32::from(!found.is_empty());
    assert_eq!(output.status.code(), Some(code), "{report:#}");
    (report, found)
}

/// The name of a finding, which tells how to mend it.
fn named(check: &Value) -> String {
    for whom in ["nginx", "haproxy", "caddy", "others"] {
        let line = check["mend"][whom].as_str();
        assert!(line.is_some_and(|line| !line.is_empty()), "{check}");
    }
    check["name"].as_str().unwrap().to_owned()
}

/// The findings without what follows from another: what compresses a stream collects it as well.
pub(crate) fn apart(mut found: BTreeSet<String>) -> BTreeSet<String> {
    if found.contains("compression") {
        found.remove("buffering");
    }
    found
}

pub(crate) fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn the_doctor_finds_nothing_on_the_documented_path_with_any_token() {
    let app = silent_hub().await;
    let bob = app.user("bob").await;
    let mut proxies = vec![nginx::with(&app, &[]).await, haproxy::with(&app, &[]).await];
    proxies.extend(caddy::with(&app, &[]).await);
    for proxy in &proxies {
        for token in [bob.clone(), app.service(), app.admin(), String::new()] {
            let (report, found) = examined(&app, proxy, &token, "1").await;
            assert!(found.is_empty(), "{report:#}");
        }
    }

    let inbox = app.get(&app.admin(), "/api/alarms").send().await.unwrap();
    let inbox: Value = inbox.json().await.unwrap();
    let alarms = inbox["items"].as_array().unwrap();
    assert_eq!(
        alarms.len(),
        proxies.len(),
        "one for each proxy, by the admin alone: {inbox}"
    );
    for alarm in alarms {
        assert_eq!(alarm["alarmType"], "DOCTOR_TEST");
        assert_eq!(alarm["topic"], "user:admin");
        assert!(alarm["expiresAt"].is_string());
    }
}

/// The promise is a time: somebody waits for it at a terminal.
#[tokio::test]
async fn the_doctor_is_done_within_forty_seconds_by_default() {
    let app = silent_hub().await;
    let admin = app.admin();
    let environment = [("CAMPANILE_TOKEN", admin.as_str())];
    let began = Instant::now();

    let output = run(app.folder(), &["doctor", &app.url("")], &environment, "").await;

    let took = began.elapsed();
    assert!(output.status.success(), "{output:?}");
    assert!(
        took >= Duration::from_secs(25),
        "it looked at silence: {took:?}"
    );
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[tokio::test]
async fn the_doctor_finds_nothing_behind_the_caddy_that_speaks_http2_to_the_hub() {
    let app = silent_hub().await;
    let Some(proxy) = caddy::with_http2_to_the_hub(&app).await else {
        return;
    };

    let (report, found) = examined(&app, &proxy, &app.admin(), "1").await;

    assert!(found.is_empty(), "{report:#}");
}

#[tokio::test]
async fn the_doctor_names_each_mistake_of_an_nginx() {
    let app = silent_hub().await;
    let bob = app.user("bob").await;
    for (changes, idle, expected) in NGINX_MISTAKES {
        let proxy = nginx::with(&app, changes).await;
        let (report, found) = examined(&app, &proxy, &bob, idle).await;
        assert_eq!(apart(found), set(expected), "{changes:?}: {report:#}");
    }
}

#[tokio::test]
async fn the_doctor_names_each_mistake_of_a_haproxy() {
    let app = silent_hub().await;
    let bob = app.user("bob").await;
    let client = "timeout client 75s";
    let hiding = "timeout client 75s\n    http-response del-header Cache-Control";
    let losing = "timeout client 75s\n    http-request del-header Authorization";
    let late =
        "timeout client 75s\n    http-response set-header Date \"Sun, 29 Nov 2020 12:00:00 GMT\"";
    let cases: [(Changes<'_>, &str, &[&str]); 6] = [
        (
            &[("timeout server 75s", "timeout server 1s")],
            "5",
            &["idle"],
        ),
        (&[(client, hiding)], "1", &["stream_headers"]),
        (&[(client, losing)], "1", &["request_headers"]),
        (&[(" alpn h2,http/1.1", "")], "1", &["http_version"]),
        (&mends::COMPRESSING, "1", &["compression"]),
        (&[(client, late)], "1", &["clock"]),
    ];

    for (changes, idle, expected) in cases {
        let proxy = haproxy::with(&app, changes).await;
        let (report, found) = examined(&app, &proxy, &bob, idle).await;
        assert_eq!(apart(found), set(expected), "{changes:?}: {report:#}");
    }
}

#[tokio::test]
async fn the_doctor_names_each_mistake_of_a_caddy() {
    let app = silent_hub().await;
    let bob = app.user("bob").await;
    let metrics = "respond /metrics 404";
    let losing = "request_header -Authorization\n    respond /metrics 404";
    let last = "flush_interval 10ms";
    let late = "flush_interval 10ms\n        header_down Date \"Sun, 29 Nov 2020 12:00:00 GMT\"";
    let cases: [(Changes<'_>, &[&str]); 2] = [
        (&[(metrics, losing)], &["request_headers"]),
        (&[(last, late)], &["clock"]),
    ];

    for (changes, expected) in cases {
        let Some(proxy) = caddy::with(&app, changes).await else {
            return;
        };
        let (report, found) = examined(&app, &proxy, &bob, "1").await;
        assert_eq!(apart(found), set(expected), "{changes:?}: {report:#}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_fault_of_tls() {
    let app = silent_hub().await;
    let proxy = nginx::with(&app, &[]).await;

    // Without the authority of the proxy's certificate.
    let arguments = ["doctor", &proxy.origin(), "--json"];
    let output = run(app.folder(), &arguments, &[], "").await;

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["checks"][0]["name"], "tls", "{report:#}");
    assert_eq!(report["checks"][0]["ok"], false, "{report:#}");
    assert_eq!(output.status.code(), Some(1));
}

/// Changes of the documented lines, the silence to watch, and what the doctor finds.
const NGINX_MISTAKES: [(Changes<'_>, &str, &[&str]); 7] = [
    (
        &[(
            "proxy_buffering off;",
            "proxy_ignore_headers X-Accel-Buffering;",
        )],
        "1",
        &["buffering"],
    ),
    (
        &[("proxy_read_timeout 75s;", "proxy_read_timeout 1s;")],
        "5",
        &["idle"],
    ),
    (
        &[(
            "proxy_buffering off;",
            "proxy_buffering off; gzip on; gzip_proxied any; gzip_types text/event-stream;",
        )],
        "1",
        &["compression"],
    ),
    (
        &[(
            "proxy_buffering off;",
            "proxy_buffering off; proxy_set_header Authorization \"\";",
        )],
        "1",
        &["request_headers"],
    ),
    (
        &[(
            "proxy_buffering off;",
            "proxy_buffering off; add_header Cache-Control no-cache;",
        )],
        "1",
        &["stream_headers"],
    ),
    (
        &[(
            "proxy_set_header Host $http_host;",
            "proxy_set_header Host wrong.example;",
        )],
        "1",
        &["forwarded"],
    ),
    (
        &[
            (
                "proxy_set_header Host $http_host;",
                "proxy_set_header Host $http_host; proxy_set_header Last-Event-ID \"\";",
            ),
            (
                "proxy_set_header Upgrade $http_upgrade;",
                "proxy_set_header Cookie \"\";",
            ),
            (
                "proxy_buffering off;",
                "proxy_buffering off; add_header Access-Control-Allow-Origin * always; proxy_hide_header Cache-Control;",
            ),
            ("client_max_body_size 1m", "client_max_body_size 1k"),
            ("ssl http2;", "ssl;"),
        ],
        "1",
        &[
            "http_version",
            "cookies",
            "last_event_id",
            "cors",
            "stream_headers",
            "websocket",
            "body_limit",
        ],
    ),
];
