//! The cost of a page: the origin of its parts, their size, and the time until it is ready.

use std::cell::RefCell;
use std::path::Path;

use serde_json::json;

use crate::chromium::{Chromium, Window};
use crate::scenes::{PAGES, furnish};
use crate::support::TestApp;
use crate::trace::{Figures, Tracing};

/// The size limit of a page with everything it loads, compressed.
const MOST_BYTES: u64 = 60 * 1024;

#[tokio::test]
async fn every_page_weighs_less_than_promised_and_takes_nothing_from_elsewhere() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::alone().await;
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
    let chromium = Chromium::alone().await;
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

/// Not a test of time, which would fail on a busy machine: it tells what Chromium's trace says. With `CAMPANILE_FIGURES=file`
/// the table takes the place of the one in that file (see docs/reference/pages.md).
#[tokio::test]
async fn chromium_s_trace_tells_how_soon_each_page_is_ready() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::alone().await;
    let window = chromium.window().await;
    without_cache(&window).await;

    let rows = RefCell::new(Vec::new());
    at_every_page(&app, &window, async |path| {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            // Events of the previous page would be part of the trace.
            window.visit("about:blank").await;
            let tracing = Tracing::begin(window.profile()).await;
            window.goto(&app, path).await;
            settled(&window).await;
            // A busy machine paints later than the page is ready.
            window
                .holds("performance.getEntriesByName('first-contentful-paint').length > 0")
                .await;
            window
                .run("requestIdleCallback(() => (window.idle = true))")
                .await;
            window.holds("window.idle === true").await;
            runs.push(tracing.end().await.figures(&app.url(path)));
        }
        let row = row_of(path, &runs);
        eprintln!("{row}");
        rows.borrow_mut().push(row);
    })
    .await;

    let rows = rows.into_inner();
    assert_eq!(rows.len(), PAGES.len() + 1);
    if let Some(file) = std::env::var_os("CAMPANILE_FIGURES") {
        put_into(Path::new(&file), &rows);
    }
}

/// The median of each figure.
fn row_of(path: &str, runs: &[Figures]) -> String {
    let median = |figure: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    assert!(median(|run| run.first_paint) > 0.0, "{path} was painted");
    assert!(median(|run| run.ready) > 0.0, "{path} was ready");
    let bytes = median(|run| run.bytes);
    assert!(bytes > 2_000.0, "{path} weighs {bytes}");
    let times: [fn(&Figures) -> f64; 7] = [
        |run| run.first_byte,
        |run| run.first_paint,
        |run| run.largest_paint,
        |run| run.ready,
        |run| run.load,
        |run| run.blocked,
        |run| run.longest_task,
    ];
    let times = times.map(|figure| format!("{:.0} ms", median(figure)));
    let shift = median(|run| run.shift);
    let requests = median(|run| run.requests);
    let kilobytes = bytes / 1024.0;
    format!(
        "| `{path}` | {} | {shift:.3} | {kilobytes:.1} KiB | {requests} |",
        times.join(" | ")
    )
}

/// Puts a table in the place of the one there is.
fn put_into(file: &Path, rows: &[String]) {
    let page = std::fs::read_to_string(file).expect("a page with a table");
    let (before, rest) = page.split_once(HEAD).expect("the table's head");
    let after = rest
        .lines()
        .skip_while(|line| line.starts_with('|') || line.is_empty());
    let after: Vec<&str> = after.collect();
    let page = format!(
        "{before}{HEAD}{}\n\n{}\n",
        rows.join("\n"),
        after.join("\n")
    );
    std::fs::write(file, page).expect("the page with its table");
}

const HEAD: &str = "| page | first byte | first paint (FCP) | largest paint (LCP) | ready | load | blocked (TBT) | longest task | shift (CLS) | transferred | requests |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

#[tokio::test]
async fn no_page_moves_while_it_loads() {
    let app = TestApp::spawn().await;
    furnish(&app).await;
    let chromium = Chromium::alone().await;
    let window = chromium.window().await;
    let moved = RefCell::new(Vec::new());

    at_every_page(&app, &window, async |path| {
        window.goto(&app, path).await;
        for (width, language) in [(390, "en"), (390, "ko"), (1280, "en"), (1280, "ko")] {
            window.look_like(width, "light").await;
            window.speak(language).await;
            window.goto(&app, path).await;
            settled(&window).await;
            if path == "/compare" {
                window
                    .holds("document.querySelectorAll('.transport[data-state=live]').length === 5")
                    .await;
            }
            let shift = window.value(SHIFT).await;
            if shift["sum"].as_f64().expect("a figure") > MOST_SHIFT {
                let what = format!("{path} {width} {language}: {shift}");
                moved.borrow_mut().push(what);
            }
        }
        window.speak("en").await;
    })
    .await;

    let moved = moved.into_inner();
    assert!(moved.is_empty(), "{moved:#?}");
}

/// A fifth of what is held to be good (web.dev/articles/cls): nothing that somebody notices.
const MOST_SHIFT: f64 = 0.02;

const RUNS: usize = 5;

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
  // Open streams and answers with data are no part of the page's weight.
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

const SHIFT: &str = "(() => {
  const observer = new PerformanceObserver(() => {});
  observer.observe({ type: 'layout-shift', buffered: true });
  const shifts = observer.takeRecords().filter((one) => !one.hadRecentInput);
  const place = ({ x, y, width, height }) => `${width} x ${height} at ${x}, ${y}`;
  return {
    sum: shifts.reduce((sum, one) => sum + one.value, 0),
    moved: shifts.flatMap(({ sources }) => sources).map(({ node, previousRect, currentRect }) =>
      `${node?.nodeName} ${node?.id ?? ''}: ${place(previousRect)} to ${place(currentRect)}`),
  };
})()";
