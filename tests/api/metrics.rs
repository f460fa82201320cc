//! The figures that Prometheus reads.

use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::json;

use crate::answers::{answer, refusal, send};
use crate::support::{DEADLINE, TestApp, until};

/// The answer to a scraper with this `Accept`: the media type and the text.
async fn scraped(app: &TestApp, accept: &str) -> (String, String) {
    let request = app
        .request(Method::GET, "/metrics")
        .header("Accept", accept);
    let response = send(request).await;
    assert_eq!(response.status(), 200);
    let media_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    (media_type, response.text().await.unwrap())
}

/// Waits until a figure has a value.
async fn reaches(app: &TestApp, name: &str, value: f64) {
    until(name, DEADLINE, async || {
        (app.figure(name).await == value).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_format_is_the_one_that_the_scraper_prefers() {
    const OLDER: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let app = TestApp::spawn().await;

    for (accept, media_type) in [
        ("*/*", OLDER),
        ("text/plain;version=0.0.4", OLDER),
        (
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OPEN,
        ),
        ("application/openmetrics-text;q=0.1,text/plain", OLDER),
        ("application/openmetrics-text;q=0", OLDER),
    ] {
        let (told, text) = scraped(&app, accept).await;
        assert_eq!(told, media_type, "{accept}");
        let is_open = media_type == OPEN;
        assert_eq!(text.ends_with("\n# EOF\n"), is_open, "{accept}");
        let counter = if is_open {
            "# TYPE campanile_alarms_stored counter\n"
        } else {
            "# TYPE campanile_alarms_stored_total counter\n"
        };
        assert!(text.contains(counter), "{accept}: {text}");
        assert_eq!(
            text.matches("# EOF").count(),
            usize::from(is_open),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn promtool_finds_nothing_in_them() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    app.publish(json!({"user": "bob"}), "T").await;
    stream.next_named("alarm", DEADLINE).await;
    let (_type, text) = scraped(&app, "*/*").await;

    let checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut checker = match checker {
        Ok(checker) => checker,
        Err(cause) => {
            eprintln!("NOT COVERED: the metrics are not checked by promtool: {cause}");
            return;
        }
    };
    std::io::Write::write_all(&mut checker.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let checked = checker.wait_with_output().unwrap();

    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
}

#[tokio::test]
async fn the_way_of_an_alarm_is_timed_from_the_publisher_to_the_client() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    for _alarm in 0..3 {
        app.publish(json!({"user": "bob"}), "T").await;
        stream.next_named("alarm", DEADLINE).await;
    }
    let cursor = app
        .request(Method::GET, "/api/stream?cursor=0")
        .bearer_auth(&bob);
    answer(cursor.header("Accept", "application/json"), 200).await;

    let (_type, text) = scraped(&app, "*/*").await;

    for line in [
        "campanile_publish_seconds_count 3",
        "campanile_publish_seconds_bucket{le=\"+Inf\"} 3",
        "campanile_delivery_seconds_count 3",
        "campanile_waiting_alarms 0",
        "campanile_alarms_stored_total 3",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
    for name in [
        "campanile_publish_seconds_bucket{le=\"0.0001\"}",
        "campanile_delivery_seconds_bucket{le=\"13.1072\"}",
        "campanile_batch_alarms_count",
        "campanile_store_wait_seconds_count{lane=\"store-look\"}",
        "campanile_store_work_seconds_sum{lane=\"store-write\"}",
        "campanile_build_info{version=",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        assert!(text.contains(&format!("\n{name}")), "{name}: {text}");
    }
}

#[tokio::test]
async fn streams_are_counted_by_transport_and_http_version_while_they_are_open() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let name = |transport: &str, http: &str| {
        format!("campanile_transport_streams{{transport=\"{transport}\",http=\"{http}\"}}")
    };

    let sse = app.connected(&bob, "/api/stream").await;
    let original = app
        .stream(&bob, &format!("/api/main/alarm/sub?token={bob}"))
        .await;
    let lines = app
        .get(&bob, "/api/stream")
        .header("Accept", "application/x-ndjson");
    let lines = send(lines).await;
    let second = app.http2.get(app.url("/api/stream")).bearer_auth(&bob);
    let second = send(second).await;

    reaches(&app, &name("sse", "1.1"), 2.0).await;
    reaches(&app, &name("ndjson", "1.1"), 1.0).await;
    reaches(&app, &name("sse", "2"), 1.0).await;
    drop((sse, original, lines, second));
    for (transport, http) in [("sse", "1.1"), ("ndjson", "1.1"), ("sse", "2")] {
        reaches(&app, &name(transport, http), 0.0).await;
    }
}

#[tokio::test]
async fn failed_sign_ins_replays_and_gaps_are_counted() {
    let app = TestApp::spawn().await;
    let bob = app.sign_up("bob", "the password of bob").await;
    let sign_in = async |password: &str, code: &str, status: u16| {
        let body = json!({"userId": "bob", "password": password});
        let request = app.request(Method::POST, "/api/auth/login").json(&body);
        refusal(request, status, code).await;
    };
    for _alarm in 0..600 {
        app.publish(json!({"everyone": true}), "T").await;
    }

    let mut replay = app.connected(&bob, "/api/stream?cursor=0").await;
    for _alarm in 0..600 {
        replay.next_named("alarm", DEADLINE).await;
    }
    app.connected(&bob, "/api/stream?cursor=nonsense").await;
    sign_in("another password", "bad_credentials", 401).await;
    let disable = app.post(&app.admin(), "/api/admin/users/bob/disable");
    answer(disable, 200).await;
    sign_in("the password of bob", "account_disabled", 403).await;

    let failed = |reason: &str| format!("campanile_sign_ins_failed_total{{reason=\"{reason}\"}}");
    reaches(&app, &failed("credentials"), 1.0).await;
    reaches(&app, &failed("disabled"), 1.0).await;
    reaches(&app, "campanile_gaps_total", 1.0).await;
    reaches(&app, "campanile_replay_alarms_sum", 600.0).await;
}

#[tokio::test]
async fn an_admin_reads_them_from_anywhere_and_others_only_on_this_machine() {
    let app = TestApp::spawn().await;
    let bob = app.user("bob").await;
    let afar = |request: reqwest::RequestBuilder| request.header("X-Forwarded-For", "203.0.113.7");

    assert_eq!(
        send(app.request(Method::GET, "/metrics")).await.status(),
        200
    );
    assert_eq!(
        send(afar(app.get(&app.admin(), "/metrics"))).await.status(),
        200
    );
    refusal(
        afar(app.request(Method::GET, "/metrics")),
        401,
        "unauthorized",
    )
    .await;
    refusal(app.get(&bob, "/metrics"), 403, "forbidden").await;
}
