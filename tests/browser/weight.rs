//! What a page costs: where its parts come from, what they weigh, how soon it is ready.

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::screenshots::{PAGES, furnish};
use crate::support::TestApp;

/// What the owner promised for a page with everything it loads, compressed.
const MOST_BYTES: u64 = 60 * 1024;

#[tokio::test]
async fn every_page_weighs_less_than_promised_and_takes_nothing_from_elsewhere() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    without_cache(&window).await;

    eprintln!("page: bytes gzipped, requests");
    at_every_page(&app, &window, async |path| {
        window.goto(&app, path).await;
        settled(&window).await;
        let loaded = window.value(LOADED).await;
        let bytes = loaded["bytes"].as_u64().expect("bytes");
        eprintln!("{path}: {bytes}, {}", loaded["requests"]);

        assert_eq!(loaded["elsewhere"], json!([]), "{path}");
        assert_eq!(loaded["plain"], json!([]), "{path}: not compressed");
        assert!(
            (2_000..MOST_BYTES).contains(&bytes),
            "{path} weighs {loaded:#}"
        );
    })
    .await;
}

#[tokio::test]
async fn no_page_needs_an_inline_script_or_style() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;

    at_every_page(&app, &window, async |path| {
        window.goto(&app, path).await;
        let policy = window.value(POLICY).await;
        let policy = policy
            .as_str()
            .unwrap_or_else(|| panic!("{path} has no policy"));
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(
            !policy.contains("http:") && !policy.contains("https:"),
            "{path}: {policy}"
        );
        window.is_clean().await;
        // The policy is not only written, it holds: a script put in by a mistake of ours would not run.
        window
            .value("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = true' })), 1")
            .await;
        assert_eq!(
            window.value("window.ran === undefined").await,
            true,
            "{path}"
        );
        // That refusal is in the console, and is meant to be.
        window.forget_the_console().await;
    })
    .await;
}

/// Not a test of time, which would fail on a busy machine: it tells what Chromium measured (see docs/pages.md).
#[tokio::test]
async fn chromium_tells_how_soon_each_page_is_ready() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::start().await;
    let window = chromium.window().await;
    without_cache(&window).await;

    eprintln!(
        "| page | first byte | first paint | largest paint | ready | load | script | layout | shift |"
    );
    eprintln!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    at_every_page(&app, &window, async |path| {
        window.goto(&app, path).await;
        window
            .cdp("Performance.enable", json!({"timeDomain": "timeTicks"}))
            .await;
        let mut runs: Vec<Value> = Vec::new();
        for _ in 0..RUNS {
            window.reload().await;
            settled(&window).await;
            let mut run = window.value(TIMES).await;
            let metrics = window.cdp("Performance.getMetrics", json!({})).await;
            for (ours, theirs) in [("script", "ScriptDuration"), ("layout", "LayoutDuration")] {
                run[ours] = json!(metric(&metrics, theirs) * 1_000.0);
            }
            runs.push(run);
        }
        let figures = [
            "first byte",
            "first paint",
            "largest paint",
            "ready",
            "load",
            "script",
            "layout",
        ];
        let cells = figures.map(|name| format!("{:.0} ms", median(&runs, name)));
        eprintln!(
            "| {path} | {} | {:.3} |",
            cells.join(" | "),
            median(&runs, "shift")
        );

        assert!(median(&runs, "first paint") > 0.0, "{path} was painted");
        assert!(median(&runs, "ready") > 0.0, "{path} was ready");
    })
    .await;
}

const RUNS: usize = 5;

fn metric(metrics: &Value, name: &str) -> f64 {
    let all = metrics["metrics"].as_array().expect("metrics");
    let one = all.iter().find(|one| one["name"] == name);
    one.and_then(|one| one["value"].as_f64())
        .unwrap_or_else(|| panic!("no {name}"))
}

fn median(runs: &[Value], name: &str) -> f64 {
    let mut all: Vec<f64> = runs
        .iter()
        .map(|run| run[name].as_f64().expect(name))
        .collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Looks at every page: the door, then those behind it.
async fn at_every_page(app: &TestApp, window: &Window, look: impl AsyncFn(&str)) {
    look("/").await;
    window.sign_in(app, "admin", &app.admin_password()).await;
    for (_name, path) in PAGES {
        look(path).await;
    }
}

async fn without_cache(window: &Window) {
    window.cdp("Network.enable", json!({})).await;
    window
        .cdp("Network.setCacheDisabled", json!({"cacheDisabled": true}))
        .await;
}

/// Waits until a page and the modules it asked for are there.
async fn settled(window: &Window) {
    window
        .holds("document.readyState === 'complete' && performance.getEntriesByType('navigation')[0].loadEventEnd > 0 && performance.getEntriesByType('paint').length > 0")
        .await;
}

const LOADED: &str = "(() => {
  const page = performance.getEntriesByType('navigation')[0];
  // What stays open or answers with data is the hub at work, not the page's weight.
  const parts = performance.getEntriesByType('resource').filter((one) => one.initiatorType !== 'fetch' && !one.name.includes('/api/'));
  const ours = [page, ...parts];
  return {
    bytes: ours.reduce((sum, one) => sum + one.encodedBodySize, 0),
    requests: ours.length,
    parts: ours.map((one) => `${one.name} ${one.encodedBodySize}`),
    elsewhere: ours.filter((one) => new URL(one.name).origin !== location.origin).map((one) => one.name),
    plain: parts.filter((one) => one.decodedBodySize > 1400 && one.encodedBodySize >= one.decodedBodySize).map((one) => one.name),
  };
})()";

const POLICY: &str = "(() => {
  const ask = new XMLHttpRequest();
  ask.open('GET', location.href, false);
  ask.setRequestHeader('accept', 'text/html');
  ask.send();
  return ask.getResponseHeader('content-security-policy');
})()";

const TIMES: &str = "(() => {
  const page = performance.getEntriesByType('navigation')[0];
  const latest = (type) => {
    const observer = new PerformanceObserver(() => {});
    observer.observe({ type, buffered: true });
    return observer.takeRecords();
  };
  const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
  return {
    'first byte': page.responseStart,
    'first paint': paint,
    'largest paint': latest('largest-contentful-paint').at(-1)?.startTime ?? paint,
    ready: page.domContentLoadedEventEnd,
    load: page.loadEventEnd,
    shift: latest('layout-shift').filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0),
  };
})()";
