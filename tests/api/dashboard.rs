//! The dashboard and the alert rules: each of their queries is answered by a real Prometheus that scrapes a hub at work.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::answers::{answer, refusal, send};
use crate::support::{DEADLINE, TestApp, until};

/// A Prometheus of the test's own.
struct Prometheus {
    process: Child,
    url: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Prometheus {
    /// `None` where it is not installed.
    fn scraping(app: &TestApp) -> Option<Self> {
        let port = crate::support::port::free_port();
        let rules = std::fs::read_to_string("deploy/prometheus/alerts.yml").unwrap();
        let folder = app.folder();
        std::fs::write(folder.join("alerts.yml"), rules).unwrap();
        let settings = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [alerts.yml]\n\
             scrape_configs: [{{ job_name: campanile, static_configs: [{{ targets: ['{}'] }}] }}]\n",
            app.address()
        );
        std::fs::write(folder.join("prometheus.yml"), settings).unwrap();
        let started = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("figures").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(process) => Some(Self {
                process,
                url: format!("http://127.0.0.1:{port}"),
            }),
            Err(cause) => {
                eprintln!("NOT COVERED: the dashboard is not tried with a Prometheus: {cause}");
                None
            }
        }
    }

    /// The answer to a query: its series.
    async fn series(&self, app: &TestApp, query: &str) -> Option<Vec<Value>> {
        let request = app.client.get(format!("{}/api/v1/query", self.url));
        let response = request.query(&[("query", query)]).send().await.ok()?;
        let told: Value = response.json().await.ok()?;
        assert_eq!(told["status"], "success", "{query}: {told}");
        told["data"]["result"].as_array().cloned()
    }
}

/// Something of everything that is counted.
async fn work(app: &TestApp) {
    let bob = app.user("bob").await;
    let mut stream = app.connected(&bob, "/api/stream").await;
    for _alarm in 0..600 {
        app.publish(json!({"user": "bob"}), "T").await;
    }
    stream.next_named("alarm", DEADLINE).await;
    let mut replay = app.connected(&bob, "/api/stream?cursor=0").await;
    for _alarm in 0..600 {
        replay.next_named("alarm", DEADLINE).await;
    }
    drop(app.connected(&bob, "/api/stream?cursor=nonsense").await);
    let body = json!({"userId": "bob", "password": "a wrong password"});
    let request = app.request(Method::POST, "/api/auth/login").json(&body);
    refusal(request, 401, "bad_credentials").await;
    answer(
        app.post(&app.admin(), "/api/admin/users/bob/disconnect"),
        200,
    )
    .await;
}

fn queries_of_dashboard() -> Vec<String> {
    let file = Path::new("deploy/grafana/campanile-dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let written = targets.map(|target| target["expr"].as_str().unwrap());
    written
        .map(|query| {
            query
                .replace("$job", "campanile")
                .replace("$__rate_interval", "1m")
        })
        .collect()
}

fn queries_of_rules() -> Vec<String> {
    let rules = std::fs::read_to_string("deploy/prometheus/alerts.yml").unwrap();
    let lines = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn each_query_of_the_dashboard_and_the_rules_is_answered_by_a_prometheus() {
    let app = TestApp::spawn().await;
    let Some(prometheus) = Prometheus::scraping(&app) else {
        return;
    };
    until("two scrapes", DEADLINE, async || {
        let up = "count_over_time(up[1m]) >= 2";
        let series = prometheus.series(&app, up).await?;
        (!series.is_empty()).then_some(())
    })
    .await;
    work(&app).await;

    let (dashboard, rules) = (queries_of_dashboard(), queries_of_rules());
    assert!(dashboard.len() > 20 && rules.len() >= 10);
    for query in dashboard {
        // Nothing was refused here, so that is no series yet.
        let may_be_empty = query.contains("appends_refused");
        until(&query, DEADLINE, async || {
            let series = prometheus.series(&app, &query).await?;
            (may_be_empty || !series.is_empty()).then_some(())
        })
        .await;
    }
    for query in rules {
        let compared = query.rsplit_once([' ']).unwrap().0;
        let measured = compared.trim_end_matches(['>', '=', ' ']);
        let series = prometheus.series(&app, measured).await.unwrap();
        let counted = ["appends_refused", "reason=\"slow\"", "sign_ins"];
        let may_be_empty = counted.iter().any(|name| measured.contains(name));
        assert!(may_be_empty || !series.is_empty(), "{measured}");
    }
    let request = app.client.get(format!("{}/api/v1/rules", prometheus.url));
    let told: Value = send(request).await.json().await.unwrap();
    let rules = told["data"]["groups"][0]["rules"].as_array().unwrap();
    for rule in rules {
        assert_ne!(rule["health"], "err", "{rule}");
    }
}
