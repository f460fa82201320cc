//! The lines that `campanile doctor` tells are written into a proxy's configuration, and the doctor finds nothing any more.
//! Some faults are not tried: a wrong clock and a bad token are no matter of a proxy's lines, those of a certificate name files of the
//! reader's, and Caddy leaves the hub's streams uncompressed whatever its `encode` says.

use serde_json::Value;

use crate::doctor::{Changes, apart, examined, set, silent_hub};
use crate::documented_proxy::Proxy;
use crate::support::TestApp;
use crate::{caddy, haproxy, nginx};

/// A mistake in the documented configuration.
struct Mistake<'a> {
    /// The finding.
    name: &'a str,
    /// The silence to watch, in seconds.
    idle: &'a str,
    /// The documented lines with wrong ones in their place.
    wrong: Changes<'a>,
    /// The words of the line that the doctor tells to write, to change or to remove.
    words: &'a str,
}

/// The line that the doctor tells for a finding, without the remark after it.
fn told(report: &Value, name: &str, program: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    let told = check["mend"][program].as_str().unwrap();
    let (told, _remark) = told.split_once("   ").unwrap_or((told, ""));
    told.to_owned()
}

/// The wrong lines after somebody did what was told: removed those with the words, or wrote the told one in their place, or added it.
fn done(told: &str, words: &str, wrong: &str) -> String {
    assert!(told.contains(words), "{told:?} tells of {words:?}");
    let lines = wrong.split('\n');
    if told.starts_with("remove ") || told.starts_with("no ") {
        return without(words, lines).join("\n");
    }
    let told = told.replace("; ", ";\n").replace(" / ", "\n");
    if !wrong.contains(words) {
        return format!("{told}\n{wrong}");
    }
    let one = told.lines().find(|one| one.starts_with(words)).unwrap();
    let lines = lines.map(|line| if line.contains(words) { one } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines without those that have the words, each with the block that it opens.
fn without<'a>(words: &str, lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut open = 0;
    lines
        .filter(|line| {
            let removed = open > 0 || line.contains(words);
            if removed {
                open += line.matches('{').count();
                open -= line.matches('}').count();
            }
            !removed
        })
        .collect()
}

/// The changes of the documented configuration that are left once the doctor's advice is followed.
fn mended<'a>(told: &str, mistake: &Mistake<'a>) -> Vec<(&'a str, String)> {
    let wrong = mistake.wrong.iter();
    wrong
        .map(|(documented, wrong)| (*documented, done(told, mistake.words, wrong)))
        .collect()
}

fn as_changes<'a>(changes: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    changes
        .iter()
        .map(|(documented, line)| (*documented, line.as_str()))
        .collect()
}

/// Each mistake is found behind a proxy that makes it, and nothing behind one with the line that the doctor told for it. Ends at
/// once where there is no such proxy.
async fn each_is_mended(
    program: &str,
    mistakes: &[Mistake<'_>],
    behind: impl AsyncFn(&TestApp, Changes<'_>) -> Option<Proxy>,
) {
    let app = silent_hub().await;
    let bob = app.user("bob").await;
    for mistake in mistakes {
        let Some(proxy) = behind(&app, mistake.wrong).await else {
            return;
        };
        let (report, mut found) = examined(&app, &proxy, &bob, mistake.idle).await;
        if program == "haproxy" && mistake.name == "websocket" {
            // HAProxy asks for it over a connection of HTTP/2, and ends that one with the other requests on it.
            found.retain(|name| name == mistake.name);
        }
        assert_eq!(apart(found), set(&[mistake.name]), "{report:#}");
        let line = told(&report, mistake.name, program);

        let changes = mended(&line, mistake);
        let proxy = behind(&app, &as_changes(&changes)).await.unwrap();
        let (report, found) = examined(&app, &proxy, &bob, mistake.idle).await;

        assert!(found.is_empty(), "{changes:?}: {report:#}");
    }
}

#[tokio::test]
async fn the_line_that_the_doctor_tells_for_nginx_mends_what_it_found() {
    let behind = async |app: &TestApp, changes: Changes<'_>| Some(nginx::with(app, changes).await);
    each_is_mended("nginx", &NGINX, behind).await;
}

#[tokio::test]
async fn the_line_that_the_doctor_tells_for_haproxy_mends_what_it_found() {
    let behind =
        async |app: &TestApp, changes: Changes<'_>| Some(haproxy::with(app, changes).await);
    each_is_mended("haproxy", &HAPROXY, behind).await;
}

#[tokio::test]
async fn the_line_that_the_doctor_tells_for_caddy_mends_what_it_found() {
    let behind = async |app: &TestApp, changes: Changes<'_>| caddy::with(app, changes).await;
    each_is_mended("caddy", &CADDY, behind).await;
}

const NGINX: [Mistake<'static>; 12] = [
    Mistake {
        name: "reach",
        idle: "1",
        wrong: &[(
            "location / {\n        proxy_pass http://campanile;",
            "location / {\n        proxy_pass http://127.0.0.1:1;",
        )],
        words: "proxy_pass",
    },
    Mistake {
        name: "http_version",
        idle: "1",
        wrong: &[("listen 443 ssl http2;", "listen 443 ssl;")],
        words: "listen 443",
    },
    Mistake {
        name: "request_headers",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_buffering off;\nproxy_set_header Authorization \"\";",
        )],
        words: "proxy_set_header Authorization",
    },
    Mistake {
        name: "response_headers",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_buffering off;\nproxy_hide_header X-Request-Id;",
        )],
        words: "proxy_hide_header",
    },
    Mistake {
        name: "forwarded",
        idle: "1",
        wrong: &[(
            "proxy_set_header Host $http_host;",
            "proxy_set_header Host wrong.example;",
        )],
        words: "proxy_set_header Host",
    },
    Mistake {
        name: "cookies",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_buffering off;\nproxy_set_header Cookie \"\";",
        )],
        words: "proxy_set_header Cookie",
    },
    Mistake {
        name: "cors",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_buffering off;\nadd_header Access-Control-Allow-Origin * always;",
        )],
        words: "add_header Access-Control-Allow-",
    },
    Mistake {
        name: "compression",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_buffering off;\ngzip on;\ngzip_proxied any;\ngzip_types text/event-stream;",
        )],
        words: "gzip ",
    },
    Mistake {
        name: "buffering",
        idle: "1",
        wrong: &[(
            "proxy_buffering off;",
            "proxy_ignore_headers X-Accel-Buffering;",
        )],
        words: "proxy_buffering",
    },
    Mistake {
        name: "idle",
        idle: "5",
        wrong: &[("proxy_read_timeout 75s;", "proxy_read_timeout 1s;")],
        words: "proxy_read_timeout",
    },
    Mistake {
        name: "websocket",
        idle: "1",
        wrong: &[(
            "proxy_set_header Connection $connection_upgrade;",
            "proxy_set_header Connection close;",
        )],
        words: "proxy_set_header Connection",
    },
    Mistake {
        name: "body_limit",
        idle: "1",
        wrong: &[("client_max_body_size 1m;", "client_max_body_size 1k;")],
        words: "client_max_body_size",
    },
];

const CLIENT: &str = "timeout client 75s";

/// HAProxy does not compress what has `no-transform`, nor what came over HTTP/2: here an inner proxy loses that word.
pub(crate) const COMPRESSING: [(&str, &str); 3] = [
    (
        CLIENT,
        "timeout client 75s\n    compression algo gzip\n    compression type text/event-stream",
    ),
    (
        "server hub 127.0.0.1:8080 proto h2\n",
        "server hub unix@inner\n",
    ),
    (
        "\nbackend campanile_streams",
        "\nlisten inner\n    mode http\n    bind unix@inner\n    timeout client 75s\n    timeout connect 5s\n    timeout server 75s\n    \
         http-response set-header Cache-Control no-store\n    server hub 127.0.0.1:8080\n\nbackend campanile_streams",
    ),
];

const HAPROXY: [Mistake<'static>; 15] = [
    Mistake {
        name: "reach",
        idle: "1",
        wrong: &[(
            "server hub 127.0.0.1:8080 proto h2 ws h1",
            "server hub 127.0.0.1:1 proto h2 ws h1",
        )],
        words: "server hub",
    },
    Mistake {
        name: "http_version",
        idle: "1",
        wrong: &[(
            "bind :443 ssl crt /etc/haproxy/hub.example.pem alpn h2,http/1.1",
            "bind :443 ssl crt /etc/haproxy/hub.example.pem",
        )],
        words: "bind :443",
    },
    Mistake {
        name: "request_headers",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-request del-header Authorization",
        )],
        words: "http-request del-header",
    },
    Mistake {
        name: "last_event_id",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-request del-header Last-Event-ID",
        )],
        words: "http-request del-header",
    },
    Mistake {
        name: "response_headers",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-response del-header X-Request-Id",
        )],
        words: "http-response del-header",
    },
    Mistake {
        name: "stream_headers",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-response del-header Cache-Control",
        )],
        words: "http-response del-header",
    },
    Mistake {
        name: "stream_headers",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-response add-header Cache-Control no-cache",
        )],
        words: "http-response add-header",
    },
    Mistake {
        name: "forwarded",
        idle: "1",
        wrong: &[(
            "http-request set-header X-Forwarded-Proto https",
            "http-request set-header X-Forwarded-Proto http",
        )],
        words: "http-request set-header X-Forwarded-Proto",
    },
    Mistake {
        name: "cookies",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-request del-header Cookie",
        )],
        words: "http-request del-header Cookie",
    },
    Mistake {
        name: "cors",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-response set-header Access-Control-Allow-Origin *",
        )],
        words: "http-response set-header Access-Control-Allow-",
    },
    Mistake {
        name: "compression",
        idle: "1",
        wrong: &COMPRESSING,
        words: "compression algo",
    },
    Mistake {
        name: "buffering",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-response wait-for-body time 30s",
        )],
        words: "http-response wait-for-body",
    },
    Mistake {
        name: "idle",
        idle: "5",
        wrong: &[("timeout server 75s", "timeout server 1s")],
        words: "timeout server",
    },
    Mistake {
        name: "websocket",
        idle: "1",
        wrong: &[(
            "server hub 127.0.0.1:8080 proto h2 ws h1",
            "server hub 127.0.0.1:8080 proto h2 ws h2",
        )],
        words: "server hub",
    },
    Mistake {
        name: "body_limit",
        idle: "1",
        wrong: &[(
            CLIENT,
            "timeout client 75s\n    http-request deny deny_status 413 if { req.body_size gt 1024 }",
        )],
        words: "http-request deny",
    },
];

const LAST: &str = "flush_interval 10ms";
const SITE: &str = "respond /metrics 404";

const CADDY: [Mistake<'static>; 12] = [
    Mistake {
        name: "reach",
        idle: "1",
        wrong: &[("reverse_proxy 127.0.0.1:8080", "reverse_proxy 127.0.0.1:1")],
        words: "reverse_proxy",
    },
    Mistake {
        name: "http_version",
        idle: "1",
        wrong: &[(
            "below.\n{\n",
            "below.\n{\n    servers {\n        protocols h1\n    }\n",
        )],
        words: "protocols",
    },
    Mistake {
        name: "request_headers",
        idle: "1",
        wrong: &[(
            SITE,
            "request_header -Authorization\n    respond /metrics 404",
        )],
        words: "request_header -Authorization",
    },
    Mistake {
        name: "last_event_id",
        idle: "1",
        wrong: &[(
            SITE,
            "request_header -Last-Event-ID\n    respond /metrics 404",
        )],
        words: "request_header -",
    },
    Mistake {
        name: "response_headers",
        idle: "1",
        wrong: &[(
            LAST,
            "flush_interval 10ms\n        header_down -X-Request-Id",
        )],
        words: "header_down",
    },
    Mistake {
        name: "forwarded",
        idle: "1",
        wrong: &[(
            LAST,
            "flush_interval 10ms\n        header_up X-Forwarded-Proto http",
        )],
        words: "header_up",
    },
    Mistake {
        name: "cookies",
        idle: "1",
        wrong: &[(SITE, "request_header -Cookie\n    respond /metrics 404")],
        words: "request_header -Cookie",
    },
    Mistake {
        name: "cors",
        idle: "1",
        wrong: &[(
            SITE,
            "header Access-Control-Allow-Origin *\n    respond /metrics 404",
        )],
        words: "header Access-Control-Allow-",
    },
    Mistake {
        name: "buffering",
        idle: "1",
        wrong: &[(
            "@unavailable status 502 503 504",
            "buffer_responses\n        @unavailable status 502 503 504",
        )],
        words: "buffer_responses",
    },
    Mistake {
        name: "idle",
        idle: "5",
        wrong: &[(
            "@unavailable status 502 503 504",
            "transport http {\n            read_timeout 1s\n        }\n        @unavailable status 502 503 504",
        )],
        words: "read_timeout",
    },
    Mistake {
        name: "websocket",
        idle: "1",
        wrong: &[(
            "reverse_proxy 127.0.0.1:8080 {",
            "reverse_proxy h2c://127.0.0.1:8080 {",
        )],
        words: "reverse_proxy @upgrade",
    },
    Mistake {
        name: "body_limit",
        idle: "1",
        wrong: &[(
            SITE,
            "request_body {\n        max_size 1KiB\n    }\n    respond /metrics 404",
        )],
        words: "max_size",
    },
];
