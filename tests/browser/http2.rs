//! Many tabs with a stream each: over HTTP/2 all are live on one connection, over HTTP/1.1 the seventh waits for one.

use serde_json::{Value, json};

use crate::chromium::{Chromium, Window};
use crate::support::http2::Connection;
use crate::support::tls::Identity;
use crate::support::{AppBuilder, DEADLINE, TestApp};

/// As many as a person with many tabs has.
const TABS: usize = 30;

/// As many connections as a browser opens to one host.
const CONNECTIONS: usize = 6;

/// Opens tabs that show next to nothing, as many as there are to be; the first is there already.
async fn open_tabs(window: &Window, app: &TestApp, count: usize) {
    for number in 0..count {
        if number > 0 {
            window.new_tab().await;
        }
        window.goto(app, "/healthz").await;
    }
}

/// Opens a stream of its own in a tab.
async fn open_stream(window: &Window, tab: usize) {
    window.turn_to_tab(tab).await;
    let script = format!(
        "window.seen = [];
         window.stream = new EventSource('/api/stream?cursor=0&_={tab}');
         stream.addEventListener('alarm', (event) => seen.push(event.lastEventId));"
    );
    window.run(&script).await;
}

#[tokio::test]
async fn thirty_tabs_are_all_live_over_http2_on_one_connection() {
    let identity = Identity::new();
    let app = AppBuilder::default().tls(&identity).spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;
    open_tabs(&dora, &app, TABS).await;

    for tab in 0..TABS {
        open_stream(&dora, tab).await;
        dora.holds("stream.readyState === EventSource.OPEN").await;
    }
    let stream = identity.connect(app.address(), "h2").await;
    let mut backend = Connection::over(stream, &app.base_url).await;
    let to = json!({"user": "dora"});
    let id = backend.publish(&app.service(), &to, &Value::Null).await;

    for tab in 0..TABS {
        dora.turn_to_tab(tab).await;
        dora.holds(&format!("seen.join() === '{id}'")).await;
    }
    let list = backend.get(&app.admin(), "/api/admin/connections").await;
    let list: Vec<Value> = serde_json::from_str(&list.text().await).expect("a list");
    assert_eq!(list.len(), TABS);
    // The browser's, the test's own, and those that its clients keep for later.
    let connections = connections_to(&app);
    assert!(connections <= CONNECTIONS, "{connections} connections");
}

/// The number of TCP connections that the server has open, as the kernel lists them.
fn connections_to(app: &TestApp) -> usize {
    let (_, port) = app.address().rsplit_once(':').expect("a port");
    let port: u16 = port.parse().expect("a number");
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's list");
    let (local, established) = (format!(":{port:04X}"), "01");
    let mine = sockets.lines().skip(1).filter(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_local = fields
            .next()
            .is_some_and(|address| address.ends_with(&local));
        is_local && fields.nth(1) == Some(established)
    });
    mine.count()
}

#[tokio::test]
async fn the_seventh_tab_hangs_over_http1_until_another_lets_go() {
    let app = TestApp::spawn().await;
    let chromium = Chromium::start().await;
    let dora = chromium.window().await;
    dora.sign_up(&app, "dora", "Dora").await;
    open_tabs(&dora, &app, CONNECTIONS + 1).await;

    for tab in 0..CONNECTIONS {
        open_stream(&dora, tab).await;
        dora.holds("stream.readyState === EventSource.OPEN").await;
    }
    open_stream(&dora, CONNECTIONS).await;
    app.wait_for_connections(CONNECTIONS, DEADLINE).await;
    let id = app.publish(json!({"user": "dora"}), "T").await;
    for tab in 0..CONNECTIONS {
        dora.turn_to_tab(tab).await;
        dora.holds(&format!("seen.join() === '{id}'")).await;
    }
    dora.turn_to_tab(CONNECTIONS).await;
    let waits = dora.value("stream.readyState === EventSource.CONNECTING && seen.length === 0");
    assert_eq!(waits.await, true, "all six connections are taken");

    dora.turn_to_tab(0).await;
    dora.run("stream.close();").await;

    dora.turn_to_tab(CONNECTIONS).await;
    dora.holds(&format!("seen.join() === '{id}'")).await;
}
