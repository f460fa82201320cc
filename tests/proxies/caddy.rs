//! Caddy with HTTP/2 and TLS in front, HTTP/1.1 to the hub. Its package is not in every distribution: where there is none
//! these tests say so.

use std::process::{Command, Stdio};

use crate::documented_proxy::{Proxy, documented};
use crate::promises;
use crate::support::TestApp;
use crate::support::port::free_port;
use crate::support::tls::{CERT_FILE, Identity, KEY_FILE};

/// A Caddy in front of the hub, if there is one on this machine.
async fn caddy(app: &TestApp) -> Option<Proxy> {
    with(app, &[]).await
}

/// The documented configuration with some lines changed.
pub(crate) async fn with(app: &TestApp, changes: &[(&str, &str)]) -> Option<Proxy> {
    if !is_installed() {
        return None;
    }
    Some(start(app, &documented("caddyfile", changes)).await)
}

fn is_installed() -> bool {
    let found = Command::new("caddy")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("caddy is not installed: nothing was tried");
    }
    found.is_ok()
}

/// A Caddy with a configuration of the documentation.
async fn start(app: &TestApp, documented: &str) -> Proxy {
    let (identity, folder, port) = (Identity::new(), tempfile::tempdir().unwrap(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let site = format!(
        "\nhttps://localhost:{port} {{\n    tls {} {}",
        path(CERT_FILE),
        path(KEY_FILE)
    );
    let log = path("access.log");
    let place = [
        ("127.0.0.1:8080", app.address()),
        ("\n{\n", "\n{\n    admin off\n    auto_https off\n"),
        ("\nhub.example {", site.as_str()),
        ("/var/log/caddy/hub.log", &log),
    ];
    let configuration = place
        .iter()
        .fold(documented.to_owned(), |text, (from, to)| {
            text.replace(from, to)
        });
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(path("proxy.conf"))
        .env("HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path());
    Proxy::start(identity, folder, port, &configuration, command).await
}

/// The second block of the page: HTTP/2 to the hub, and WebSockets apart.
pub(crate) async fn with_http2_to_the_hub(app: &TestApp) -> Option<Proxy> {
    if !is_installed() {
        return None;
    }
    let page = include_str!("../../docs/guide/proxies.md");
    let block = page.split("```caddyfile\n").nth(2).expect("the block");
    let (block, _) = block.split_once("```").expect("its end");
    // The global options of the first block stay.
    let options = documented("caddyfile", &[]);
    let (options, _) = options.split_once("\n(away)").expect("the options");
    Some(start(app, &format!("{options}\n{block}")).await)
}

#[tokio::test]
async fn every_transport_works_through_caddy() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::every_transport_is_told_at_once(&app, &proxy).await;
    }
}

#[tokio::test]
async fn caddy_says_whom_it_speaks_for() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::a_page_of_the_hub_is_told_from_others(&app, &proxy).await;
    }
}

#[tokio::test]
async fn who_leaves_caddy_is_forgotten_by_the_hub() {
    let app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::who_leaves_is_forgotten(&app, &proxy).await;
    }
}

#[tokio::test]
async fn an_event_source_behind_caddy_survives_that_the_hub_is_away() {
    let mut app = promises::app().await;
    if let Some(proxy) = caddy(&app).await {
        promises::a_hub_that_is_away_is_a_stream_without_events(&mut app, &proxy).await;
    }
}
